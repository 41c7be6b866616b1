"""What becomes of an event that came through the door: routed, gated, stored, and told."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from relay.ceiling import Ceiling
from relay.errors import BrokenError
from relay.model import Event, Gate
from relay.outbox.base import Outbox
from relay.routing import Route, objection, sinks_for
from relay.sibling import is_change, sibling
from relay.table import Table

logger = logging.getLogger(__name__)

LOGGED = 500  # characters of a note


class Acceptance:
    """
    Commits events with their deliveries, and wakes the lanes that carry them.

    ``hold`` in milliseconds; 0: no event has siblings. ``clock`` gives Unix milliseconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        routes: Sequence[Route],
        gates: Mapping[str, Gate],
        hold: int,
        max_waiting: int,
        log_content: bool,
        wake: Callable[[str], None],
        clock: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._table = Table(routes)
        self._gates = gates
        self._hold = hold
        self._ceiling = Ceiling(max_waiting, outbox.waiting)
        self._log_content = log_content
        self._wake = wake
        self._clock = clock
        self._broken: BrokenError | None = None
        self._breaks = asyncio.Event()

    async def __call__(self, event: Event, raw: bytes) -> bool:
        """Commit one; False if it had come before. Raises OutboxError."""
        try:
            return await self._accepted(event, raw)
        except BrokenError as error:
            self._broken = error
            self._breaks.set()
            raise

    async def watch(self, stop: asyncio.Event) -> None:
        """Run until ``stop``. Raises BrokenError when the outbox turns out to be broken."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (stop, self._breaks)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if self._broken is not None:
            raise self._broken

    async def _accepted(self, event: Event, raw: bytes) -> bool:
        wanted = sinks_for(event, self._table.routes_for(event))
        withheld = {name: why for name in wanted if (why := objection(self._gates[name], event))}
        chosen = {name: route for name, route in wanted.items() if name not in withheld}
        same = sibling(event) if self._hold else None
        editing = self._showing(event) - wanted.keys() if same and is_change(event) else set()
        await self._ceiling.check(now=self._clock())
        is_new = await self._outbox.accept(
            event,
            raw,
            chosen,
            now=self._clock(),
            hold=self._hold,
            sibling=same,
            editing=editing,
        )
        if is_new:
            self._ceiling.add(len(chosen))
            _tell(event, chosen, withheld, text=_text(event) if self._log_content else None)
            for name in (*chosen, *editing):
                self._wake(name)
        return is_new

    def _showing(self, event: Event) -> set[str]:
        """The sinks that may show an event, whether or not a route names them."""
        return {name for name, gate in self._gates.items() if objection(gate, event) is None}


def again(event: Event, event_id: str, *, now: int) -> Event:
    """
    The event with this id as another one, so that it has a place of its own in each line.

    ``now`` in milliseconds.
    """
    return replace(event, id=f"{event_id.partition('/replay-')[0]}/replay-{now}")


def _tell(
    event: Event, chosen: Mapping[str, str], withheld: Mapping[str, str], *, text: str | None
) -> None:
    """Leave a trace of where an event goes, and of where it may not and why."""
    logger.info(
        "routed" if chosen or withheld else "no route matches",
        extra={
            "action": "route",
            "hook": event.hook,
            "event_id": event.id,
            "kind": event.kind,
            "sinks": ",".join(chosen) or None,
            "withheld": "; ".join(f"{name}: {why}" for name, why in withheld.items()) or None,
            "text": text,
        },
    )


def _text(event: Event) -> str | None:
    """What a note says, as far as a log needs it."""
    return None if event.note is None else (event.note.text or "")[:LOGGED]
