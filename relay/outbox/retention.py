"""Forgetting: what was settled before the retention began goes, in small steps."""

import asyncio
import logging
from collections.abc import Callable

from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Outbox

logger = logging.getLogger(__name__)

SHORTEST = 3600.0  # seconds; eventIds must be known for longer than Misskey repeats (13 minutes)
EVERY = 60.0
STEP = 500  # events
PAUSE = 0.2  # between the steps of one round


async def forget(
    outbox: Outbox,
    *,
    older_than: Callable[[], float],
    stop: asyncio.Event,
    clock: Callable[[], int],
) -> None:
    """
    Prune until ``stop`` is set; ``older_than`` gives seconds, ``clock`` Unix milliseconds.

    Raises BrokenError; while the outbox only fails it waits.
    """
    after = 0
    while not stop.is_set():
        kept, pause = round(max(older_than(), SHORTEST) * 1000), EVERY
        try:
            pruned = await outbox.prune(before=clock() - kept, limit=STEP, after=after)
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error("pruning fails", extra={"action": "prune", "reason": str(error)})
        else:
            after, pause = pruned.next or 0, EVERY if pruned.next is None else PAUSE
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
