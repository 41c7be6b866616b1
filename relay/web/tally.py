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


class Tally:
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


def line(hour: Sequence[Minute], *, height: int) -> str:
    """The points of a line that shows what arrived, one unit wide for each minute."""
    highest = max((minute.delivered for minute in hour), default=0) or 1
    return " ".join(
        f"{x},{height - height * minute.delivered / highest:.1f}" for x, minute in enumerate(hour)
    )
