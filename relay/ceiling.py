"""How much may wait: events beyond it are refused, so that a dead chat does not fill the disk."""

from collections.abc import Awaitable, Callable

from relay.errors import FullError

FRESH = 1000  # milliseconds for which a count is good enough


class Ceiling:
    """``count`` asks the outbox how many deliveries wait; it is asked only now and then."""

    def __init__(self, count: Callable[[], Awaitable[int]]) -> None:
        self._count = count
        self._waiting = 0
        self._counted_at = -FRESH

    async def check(self, most: int, *, now: int) -> None:
        """``now`` in milliseconds. Raises FullError, or OutboxError."""
        if not 0 <= now - self._counted_at < FRESH:
            self._counted_at = now
            self._waiting = await self._count()
        if self._waiting >= most:
            raise FullError(
                f"{self._waiting} messages wait, and max_waiting is {most}: "
                "relay sinks tells for whom"
            )

    def add(self, number: int) -> None:
        """So many more wait than were counted."""
        self._waiting += number
