"""The only process on a file carries all its sinks."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection

from relay.aio import first
from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Lanes

logger = logging.getLogger(__name__)

SWEEP = 30.0  # seconds; for what a command has changed, of which nobody told us
SOON = 0.1  # seconds; a sink that came back waits for the end of what its last lane has under way


async def tend(
    lanes: Lanes, waiting: Callable[[], Awaitable[Collection[str]]], *, stop: asyncio.Event
) -> None:
    """See ``Outbox.run``; ``waiting`` names the sinks for which something waits."""
    held: set[str] = set()
    while not stop.is_set():
        lanes.regrouped.clear()
        wanted = {sink for group in lanes.groups for sink in group}
        for gone in held - wanted:
            lanes.release(gone)
        new = {sink for sink in wanted - held if lanes.release(sink)}
        lanes.acquire(dict.fromkeys(new, math.inf))
        held = held & wanted | new
        try:
            lanes.wake(await waiting())
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error("outbox fails", extra={"action": "sweep", "reason": str(error)})
        await first(SWEEP if held == wanted else SOON, stop, lanes.regrouped)
    for sink in held:
        lanes.release(sink)
