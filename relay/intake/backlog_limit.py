"""Refuses events while too many deliveries are pending, so that a dead chat fills no disk."""

import logging
from collections.abc import Awaitable, Callable

from relay.errors import BacklogFullError, BrokenError, OutboxError

logger = logging.getLogger(__name__)

FRESH = 1000  # milliseconds for which a count is good enough
PER_MILLISECOND = 50
"""Pending deliveries that keep a count fresh for a millisecond: counting takes 5 % of the time."""


class BacklogLimit:
    """Counts pending deliveries now and then; ``count`` asks the outbox for their number."""

    def __init__(self, count: Callable[[], Awaitable[int]]) -> None:
        self._count = count
        self._pending = 0
        self._counted_at: int | None = None

    async def check(self, most: int, *, now: int) -> None:
        """``now`` in milliseconds. Raises BacklogFullError, or BrokenError."""
        if not self._is_fresh(now):
            self._counted_at = now
            await self._recount()
        if self._pending >= most:
            raise BacklogFullError(
                f"{self._pending} messages wait, and max_waiting is {most}: "
                "`relay sinks` shows which sinks they wait for"
            )

    def add(self, number: int) -> None:
        """Add deliveries that have been accepted since the last count."""
        self._pending += number

    def _is_fresh(self, now: int) -> bool:
        good_for = max(FRESH, self._pending // PER_MILLISECOND)
        return self._counted_at is not None and 0 <= now - self._counted_at < good_for

    async def _recount(self) -> None:
        """Count again; if that takes too long, the last count holds."""
        try:
            self._pending = await self._count()
        except BrokenError:
            raise
        except OutboxError as error:
            logger.warning(
                "pending deliveries cannot be counted",
                extra={"action": "backlog_count_failed", "reason": str(error)},
            )
