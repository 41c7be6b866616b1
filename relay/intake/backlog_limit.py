"""How much may wait: events beyond it are refused, so that a dead chat does not fill the disk."""

import logging
from collections.abc import Awaitable, Callable

from relay.errors import BrokenError, FullError, OutboxError

logger = logging.getLogger(__name__)

FRESH = 1000  # milliseconds for which a count is good enough
COUNTED = 50
"""How many that wait make it good for a millisecond: counting takes a twentieth of the time."""


class BacklogLimit:
    """``count`` asks the outbox how many deliveries wait; it is asked only now and then."""

    def __init__(self, count: Callable[[], Awaitable[int]]) -> None:
        self._count = count
        self._waiting = 0
        self._counted_at: int | None = None

    async def check(self, most: int, *, now: int) -> None:
        """``now`` in milliseconds. Raises FullError, or BrokenError."""
        if not self._is_fresh(now):
            self._counted_at = now
            await self._count_anew()
        if self._waiting >= most:
            raise FullError(
                f"{self._waiting} messages wait, and max_waiting is {most}: "
                "relay sinks tells for whom"
            )

    def add(self, number: int) -> None:
        """So many more wait than were counted."""
        self._waiting += number

    def _is_fresh(self, now: int) -> bool:
        good_for = max(FRESH, self._waiting // COUNTED)
        return self._counted_at is not None and 0 <= now - self._counted_at < good_for

    async def _count_anew(self) -> None:
        """Where that takes too long the last count holds: who stores learns if nothing can be."""
        try:
            self._waiting = await self._count()
        except BrokenError:
            raise
        except OutboxError as error:
            logger.warning(
                "what waits cannot be counted",
                extra={"action": "backlog_count_failed", "reason": str(error)},
            )
