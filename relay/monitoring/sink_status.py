"""How things stand at a sink."""

from dataclasses import dataclass
from enum import StrEnum


class Breaker(StrEnum):
    """Whether a sink is sent to."""

    WELL = "well"
    SICK = "sick"
    """It fails, and is probed now and then."""
    PAUSED = "paused"
    """A person holds it back."""
    CLOSED = "closed"
    """It refuses us, and is not asked any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand at a sink: what waits, and for how many seconds the first of it."""

    breaker: Breaker
    backlog: int
    oldest: float
