"""How things stand at a sink."""

from dataclasses import dataclass
from enum import StrEnum


class SinkState(StrEnum):
    """Whether a sink is sent to."""

    WELL = "well"
    SICK = "sick"
    """It fails, and is probed now and then."""
    PAUSED = "paused"
    """A person holds it back."""
    CLOSED = "closed"
    """It refuses us, and is not asked any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """How things stand at a sink: what waits, and for how many seconds the first of it."""

    state: SinkState
    backlog: int
    oldest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """How a lane is doing: whether its sink is only probed, and for how long its pace rests."""

    is_failing: bool = False
    rest: float = 0.0
