"""The clock of this machine, against those of the others."""

from collections.abc import Iterator
from statistics import median

from relay.doctor.facts import Facts
from relay.doctor.finding import Finding, wrong

APART = 30.0  # seconds; answers tell whole seconds, and take some


def check(facts: Facts) -> Iterator[Finding]:
    # One other clock may be wrong itself; of several the middle one is right.
    ahead = median(facts.clocks.values()) if facts.clocks else 0.0
    if abs(ahead) > APART:
        side = "behind" if ahead > 0 else "ahead of"
        what = f"its clock is {abs(ahead):.0f} seconds {side} {', '.join(sorted(facts.clocks))}"
        yield wrong("clock-wrong", "this machine", what, "timedatectl set-ntp true")
