"""What left for each sink in the last hour, by the minute: kept in memory, so from the start on."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.outcome import Delivery, Outcome, Sent, State

MINUTE = 60_000  # milliseconds
MINUTES = 60


@dataclass(slots=True)
class Minute:
    """How many arrived, and how many attempts failed."""

    number: int
    delivered: int = 0
    failed: int = 0


class RollingStats:
    """``clock`` gives Unix milliseconds."""

    def __init__(self, *, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._minutes: defaultdict[str, deque[Minute]] = defaultdict(lambda: deque(maxlen=MINUTES))

    def count(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """An attempt has ended, and made this of its deliveries."""
        now, minutes = self._clock() // MINUTE, self._minutes[settled[0].sink]
        if not minutes or minutes[-1].number != now:
            minutes.append(Minute(now))
        minutes[-1].delivered += sum(one.state is State.DELIVERED for one in settled)
        minutes[-1].failed += not isinstance(outcome, Sent)

    def hour(self, sink: str) -> Sequence[Minute]:
        """The last sixty minutes, this one last."""
        now = self._clock() // MINUTE
        known = {minute.number: minute for minute in self._minutes.get(sink, ())}
        return [known.get(number, Minute(number)) for number in range(now - MINUTES + 1, now + 1)]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the bars of an hour stand in; from ``ground`` they rise, or hang."""

    width: int = 2 * MINUTES
    height: int = 30
    ground: int = 21


HOUR = Frame()


@dataclass(frozen=True, slots=True)
class Bars:
    """The paths of an hour: up for what arrived, down for what failed."""

    delivered: str
    failed: str


def bars(hour: Sequence[Minute]) -> Bars:
    """Each beside the highest of its own: one failure among thousands is seen."""
    return Bars(
        _path([one.delivered for one in hour], -HOUR.ground),
        _path([one.failed for one in hour], HOUR.height - HOUR.ground),
    )


def _path(numbers: Sequence[int], room: int) -> str:
    highest = max(numbers, default=0)
    return "".join(
        f"M{2 * x + 1},{HOUR.ground}v{room * number / highest:.1f}"
        for x, number in enumerate(numbers)
        if number
    )
