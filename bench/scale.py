"""How often, how long and how much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """``FULL`` is what figures are worth something at; ``QUICK`` tries that the suite works."""

    rounds: int
    seconds: int
    """How long one load lasts; wrk knows whole seconds."""
    connections: tuple[int, ...]
    rates: tuple[int, ...]
    """Events in a second, for the latency."""
    idle: float
    """Seconds without any event."""
    waiting: tuple[int, ...]
    """Events in the outbox, from none to the most."""
    drained: int
    """Events after which a sink's rate is known."""
    routes: tuple[int, ...]
    sinks: tuple[int, ...]
    repeats: int
    """How often a part of the way is gone in each round."""
    installs: bool
    """Whether what others run is brought here from PyPI and npm."""


FULL = Scale(
    rounds=5,
    seconds=4,
    connections=(1, 32, 256),
    rates=(1, 50, 500),
    idle=60.0,
    waiting=(0, 10_000, 100_000, 1_000_000),
    drained=2_000,
    routes=(1, 100, 10_000),
    sinks=(1, 100, 10_000),
    repeats=20,
    installs=True,
)
QUICK = Scale(
    rounds=1,
    seconds=1,
    connections=(4,),
    rates=(20,),
    idle=1.0,
    waiting=(0, 1_000),
    drained=100,
    routes=(1, 20),
    sinks=(1, 20),
    repeats=1,
    installs=False,
)
