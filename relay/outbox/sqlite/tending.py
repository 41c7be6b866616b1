"""The only process on a file carries all its sinks."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection

from relay.aio import first
from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Crew

logger = logging.getLogger(__name__)

SWEEP = 30.0  # seconds; for what a command has changed, of which nobody told us
SOON = 0.1  # seconds; a sink that came back waits for the end of what its last lane has under way


async def tend(
    crew: Crew, waiting: Callable[[], Awaitable[Collection[str]]], *, stop: asyncio.Event
) -> None:
    """See ``Outbox.tend``; ``waiting`` names the sinks for which something waits."""
    held: set[str] = set()
    while not stop.is_set():
        crew.regrouped.clear()
        wanted = {sink for group in crew.groups for sink in group}
        for gone in held - wanted:
            crew.leave(gone)
        new = {sink for sink in wanted - held if crew.leave(sink)}
        crew.take(dict.fromkeys(new, math.inf))
        held = held & wanted | new
        try:
            crew.wake(await waiting())
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error("outbox fails", extra={"action": "sweep", "reason": str(error)})
        await first(SWEEP if held == wanted else SOON, stop, crew.regrouped)
    for sink in held:
        crew.leave(sink)
