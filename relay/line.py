"""
The order in which what waits for a sink goes out. Pure.

Events go in the order in which they came. Misskey sends many at once, though, and the network
shuffles them: so those that came within one ``hold`` of the first go by the time they happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SKEW = 60_000
"""Milliseconds by which an event may seem to come from the future."""
REACH = 64
"""How many of the first in line are looked at; more do not come within one hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A place in the line of a sink; times are Unix milliseconds."""

    id: int
    accepted_at: int
    created_at: int
    due_at: int
    attempt: int


def head(line: Sequence[Waiting], *, hold: int) -> Waiting | None:
    """
    Who goes next, of those who wait in the order of arrival; ``hold`` in milliseconds.

    Who was tried before stays the first until that has ended: nobody overtakes a failed one.
    """
    if not line:
        return None
    if tried := [one for one in line if one.attempt > 0]:
        return tried[0]
    last = line[0].accepted_at + hold
    near = (one for one in line if one.accepted_at <= last)
    return min(near, key=lambda one: (one.created_at, one.id)) if hold else line[0]


def due_at(line: Sequence[Waiting], *, hold: int) -> int | None:
    """
    When the next may go; None if nobody waits.

    That is when the hold of the first has ended, even where a later one goes before it: else every
    newcomer would make all others wait anew.
    """
    first = head(line, hold=hold)
    if first is None:
        return None
    return first.due_at if first.attempt > 0 else min(first.due_at, line[0].due_at)
