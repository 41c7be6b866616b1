"""
The memory and the file of one life of the process, and whether they grow.

The file keeps every event for its retention, so it may grow with the events, but not by more for
each as time goes by. What the first part of a life fills (caches, connections) is no leak.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

EVERY = 0.5  # seconds
WARM = 5  # a fifth of a life, the first, counts for nothing
MORE = 1.1
"""What the later half may be, measured by the earlier: more than the noise of a busy machine."""


@dataclass(frozen=True, slots=True)
class Reading:
    """At one moment: bytes of memory, bytes of the outbox's files, and the events in them."""

    memory: int
    file: int
    events: int


@dataclass
class Gauge:
    """Reads all the time."""

    memory: Callable[[], int]
    """The bytes that it holds now."""
    outbox: Path
    readings: list[Reading] = field(default_factory=list)

    async def run(self, taken: list[int], *, until: asyncio.Event) -> None:
        while not until.is_set():
            files = self.outbox.parent.glob(f"{self.outbox.name}*")
            size = sum(file.stat().st_size for file in files)
            self.readings.append(Reading(self.memory(), size, len(taken)))
            await asyncio.sleep(EVERY)

    def grown(self) -> dict[str, float]:
        """By what: the median of the later half, measured by that of the earlier."""
        warm = self.readings[len(self.readings) // WARM :]
        half = len(warm) // 2
        early, late = warm[:half], warm[half:]
        return {
            "memory": _ratio([one.memory for one in early], [one.memory for one in late]),
            "file per event": _ratio(
                [one.file / one.events for one in early], [one.file / one.events for one in late]
            ),
        }


def _ratio(early: list[float] | list[int], late: list[float] | list[int]) -> float:
    return median(late) / median(early)
