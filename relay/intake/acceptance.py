"""Accepts events: commits each to the journal of the outbox, unless too many wait."""

import asyncio
from collections.abc import Callable

from relay.aio import first
from relay.errors import BrokenError, OutboxError
from relay.intake.backlog_limit import BacklogLimit
from relay.outbox.base import Outbox
from relay.outbox.records import JournalEntry

USUAL = 64 * 2**10  # bytes; few events are larger


class Acceptance:
    """
    Commits events as they came; ``on_accepted`` is called after each, for the router.

    ``max_waiting`` returns the current limit, ``clock`` Unix milliseconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        backlog_limit: BacklogLimit,
        *,
        max_waiting: Callable[[], int],
        on_accepted: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._backlog_limit = backlog_limit
        self._max_waiting = max_waiting
        self._on_accepted = on_accepted
        self._clock = clock
        self._broken: BrokenError | None = None
        self._breaks = asyncio.Event()
        self._refused = 0
        self._size = 0  # bytes of the largest event that was refused
        self._crowd = self._peak = 0
        self.refusal: str | None = None
        """Why the last event was refused; None once one as large could be stored again."""

    async def __call__(self, entry: JournalEntry) -> bool:
        """Commit an event; False if it had been accepted before. Raises OutboxError."""
        self._crowd += 1
        if self._crowd > self._peak:
            self._peak = self._crowd
        try:
            await self._backlog_limit.check(self._max_waiting(), now=entry.accepted_at)
            is_new = await self._outbox.journal(entry)
        except OutboxError as error:
            self._refuse(error, len(entry.raw))
            raise
        finally:
            self._crowd -= 1
        if is_new:
            self._backlog_limit.add(1)
        if len(entry.raw) >= self._size:
            self._trust()
        self._on_accepted()  # also if it is repeated: the answer to the first may have been lost
        return is_new

    def crowd(self) -> int:
        """The most events that waited for their commit together since the last call."""
        peak, self._peak = self._peak, self._crowd
        return peak

    async def try_write(self) -> None:
        """Store trial data as large as an event that was refused. Raises OutboxError."""
        refused = self._refused
        await self._backlog_limit.check(self._max_waiting(), now=self._clock())
        await self._outbox.touch(max(USUAL, self._size))
        if refused == self._refused:
            self._trust()

    def _trust(self) -> None:
        self._size, self.refusal = 0, None

    def _refuse(self, error: OutboxError, size: int) -> None:
        self._refused += 1
        self._size = max(self._size, size)
        self.refusal = str(error)
        if isinstance(error, BrokenError):
            self._broken = error
            self._breaks.set()

    async def watch(self, stop: asyncio.Event) -> None:
        """Run until ``stop``. Raises BrokenError when the outbox turns out to be broken."""
        await first(None, stop, self._breaks)
        if self._broken is not None:
            raise self._broken
