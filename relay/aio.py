"""Waits for the first of several events, and shows whether a loop hangs or only waits."""

import asyncio
import time
from collections.abc import Callable


async def first(pause: float | None, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or ``pause`` seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


class Heartbeat:
    """The announcements of a loop; ``monotonic`` gives seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._due: float | None = None

    def beat(self, *, within: float) -> None:
        """Announce that the next beat comes within so many seconds."""
        self._due = self._monotonic() + within

    @property
    def overdue(self) -> float:
        """The seconds for which a beat has been missing; 0 if it is not late."""
        return 0.0 if self._due is None else max(0.0, self._monotonic() - self._due)
