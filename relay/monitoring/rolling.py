"""Counts the attempts of each sink in the last hour, by the minute and in memory."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.outcome import Delivery, Outcome, Sent, State

MINUTE = 60_000  # milliseconds
MINUTES = 60


@dataclass(slots=True)
class Minute:
    """How many deliveries arrived, and how many attempts failed."""

    number: int
    delivered: int = 0
    failed: int = 0


class RollingStats:
    """The minutes of each sink since relay started; ``clock`` gives Unix milliseconds."""

    def __init__(self, *, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._minutes: defaultdict[str, deque[Minute]] = defaultdict(lambda: deque(maxlen=MINUTES))

    def count(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """Count an attempt that has ended, and its settled deliveries."""
        now, minutes = self._clock() // MINUTE, self._minutes[settled[0].sink]
        if not minutes or minutes[-1].number != now:
            minutes.append(Minute(now))
        minutes[-1].delivered += sum(delivery.state is State.DELIVERED for delivery in settled)
        minutes[-1].failed += not isinstance(outcome, Sent)

    def hour(self, sink: str) -> Sequence[Minute]:
        """The last sixty minutes, the current one last."""
        now = self._clock() // MINUTE
        known = {minute.number: minute for minute in self._minutes.get(sink, ())}
        return [known.get(number, Minute(number)) for number in range(now - MINUTES + 1, now + 1)]


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the chart of an hour; its bars rise and hang from ``ground``."""

    width: int = 2 * MINUTES
    height: int = 30
    ground: int = 21


HOUR = Frame()


@dataclass(frozen=True, slots=True)
class Bars:
    """SVG paths of an hour: deliveries rise, failures hang."""

    delivered: str
    failed: str


def bars(hour: Sequence[Minute]) -> Bars:
    """Draw both kinds to a scale of their own, so that one failure among thousands is visible."""
    return Bars(
        _path([minute.delivered for minute in hour], -HOUR.ground),
        _path([minute.failed for minute in hour], HOUR.height - HOUR.ground),
    )


def _path(numbers: Sequence[int], room: int) -> str:
    highest = max(numbers, default=0)
    return "".join(
        f"M{2 * x + 1},{HOUR.ground}v{room * number / highest:.1f}"
        for x, number in enumerate(numbers)
        if number
    )
