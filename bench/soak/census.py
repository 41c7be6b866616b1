"""What went in and what came out."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.fakes.faults import Faults
from tests.fakes.records import Accepted, strings

NUMBER = re.compile(r"\bevent (\d+) of the soak\b")
TOGETHER = 10  # events that one request may hold, so that one lost answer can double


@dataclass(frozen=True, slots=True)
class Census:
    """One chat's."""

    lost: int
    unasked: int
    """Came out and never went in."""
    doubled: int
    excused: int
    """As many may have come twice: their answers were lost, or nobody was there to hear them."""

    @property
    def holds(self) -> bool:
        return not self.lost and not self.unasked and self.doubled <= self.excused


def text_of(number: int) -> str:
    return f"event {number} of the soak"


def census(
    taken: Sequence[int], shown: Iterable[Accepted], faults: Faults, *, kills: int
) -> Census:
    came = Counter(number for record in shown for number in _in(record))
    unheard = kills + sum(1 for fault in faults.played if fault.stored)
    return Census(
        lost=len(set(taken) - came.keys()),
        unasked=len(came.keys() - set(taken)),
        doubled=came.total() - len(came),
        excused=unheard * TOGETHER,
    )


def numbers(shown: Iterable[Accepted]) -> set[int]:
    """The events that have come out."""
    return {number for record in shown for number in _in(record)}


def _in(record: Accepted) -> set[int]:
    """The events in one request, each once: a text and its short form both name it."""
    return {int(one) for text in strings(record.payload) for one in NUMBER.findall(text)}
