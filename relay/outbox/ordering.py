"""
The order in which what waits for a sink goes out. Pure.

Events go in the order in which they came. Misskey sends many at once, though, and the network
shuffles them: so those that came within one ``hold`` of the first go by the time they happened.

A clock can be set back, and that of another node be wrong. So nobody waits for longer than by this
clock it ever could: for its first attempt a hold, and for another one not where the last is still
to come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relay.outbox.records import ClaimRequest

STEP = 1_000
"""Milliseconds by which a clock is set back without being noticed."""
REACH = 64
"""How many of the first in line are looked at; more do not come within one hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A place in the line of a sink; times are Unix milliseconds."""

    id: int
    accepted_at: int
    created_at: int
    due_at: int
    batch: int | None = None
    """Whose request it shares; None before its first attempt."""
    edits: int | None = None
    tried_at: int | None = None
    """When the last attempt began of which we know how it ended."""

    @property
    def stands_aside(self) -> bool:
        """Whether it changes an earlier message, and waits for another attempt at that."""
        return self.edits is not None and self.batch is not None


def head(line: Sequence[Waiting], *, hold: int, now: int) -> Waiting | None:
    """
    Who goes next, of those who wait in the order of arrival; times are in milliseconds.

    Who was tried before stays the first until that has ended: nobody overtakes a failed one. But a
    change of an earlier message stands aside until it is due again, and delays no new message.
    """
    ready = [one for one in line if one.stands_aside and _is_due(one, line, hold=hold, now=now)]
    if ready:
        return min(ready, key=lambda one: one.id)
    return _first([one for one in line if not one.stands_aside], hold=hold)


def _first(line: Sequence[Waiting], *, hold: int) -> Waiting | None:
    tried = [one for one in line if one.batch is not None]
    if not (line := tried or line):
        return None
    first = _came_at(line[0], hold=hold)
    near = (one for one in line if abs(_came_at(one, hold=hold) - first) <= hold)
    return min(near, key=lambda one: (one.created_at, one.id)) if hold else line[0]


def _came_at(one: Waiting, *, hold: int) -> int:
    """Whom a sibling replaces while it waits keeps its place: it is due as it was before."""
    return one.due_at - hold if one.batch is None else one.accepted_at


def due_at(line: Sequence[Waiting], *, hold: int, now: int | None = None) -> int | None:
    """
    When the next may go, by the clock that tells ``now``, if any; None if nobody waits.

    That is when the hold of the first has ended, even where a later one goes before it: else every
    newcomer would make all others wait anew.
    """
    if now is not None and is_due(line, hold=hold, now=now):
        return now
    found = [one.due_at for one in line if one.stands_aside]
    others = [one for one in line if not one.stands_aside]
    if (first := _first(others, hold=hold)) is not None:
        found.append(_due_at(first, others))
    return min(found, default=None)


def is_due(line: Sequence[Waiting], *, hold: int, now: int) -> bool:
    first = head(line, hold=hold, now=now)
    return first is not None and _is_due(first, line, hold=hold, now=now)


def _due_at(first: Waiting, line: Sequence[Waiting]) -> int:
    if first.batch is not None:
        return first.due_at
    return min(first.due_at, next(one.due_at for one in line if not one.stands_aside))


def _is_due(first: Waiting, line: Sequence[Waiting], *, hold: int, now: int) -> bool:
    due_at = _due_at(first, line)
    if due_at <= now:
        return True
    if first.batch is None:
        return due_at > now + hold
    return first.tried_at is not None and now < first.tried_at - STEP


def claimable(
    line: Sequence[Waiting], request: ClaimRequest
) -> tuple[Sequence[Waiting], Sequence[Waiting]]:
    """
    The head with those that share its request, if it is due; and candidates for that request.

    An edit has no candidates, and a delivery that was tried before goes as it went then.
    """
    line = [one for one in line if one.batch not in request.skip_batches]
    if not is_due(line, hold=request.hold, now=request.now):
        return (), ()
    heads = together(line, hold=request.hold, now=request.now)
    if heads[0].batch is not None or heads[0].edits is not None:
        return heads, ()
    others = [one for one in line if one not in heads]
    return heads, candidates(others, hold=request.hold, now=request.now, limit=request.limit - 1)


def together(line: Sequence[Waiting], *, hold: int, now: int) -> Sequence[Waiting]:
    """The head, with those that share its request since its first attempt, in their order."""
    first = head(line, hold=hold, now=now)
    if first is None:
        return ()
    if first.batch is None:
        return (first,)
    return in_order([one for one in line if one.batch == first.batch], hold=hold)


def candidates(line: Sequence[Waiting], *, hold: int, now: int, limit: int) -> Sequence[Waiting]:
    """
    Who may share a request that goes out now, of those who wait behind it: at most so many.

    An edit goes alone, and whoever was tried before goes as it went then.
    """
    left, found = [one for one in line if not one.stands_aside], list[Waiting]()
    while len(found) < limit and (first := _first(left, hold=hold)) is not None:
        alone = first.batch is not None or first.edits is not None
        if alone or not _is_due(first, left, hold=hold, now=now):
            break
        left.remove(first)
        found.append(first)
    return found


def tried_roots(heads: Sequence[Waiting]) -> Mapping[int, int]:
    """
    Of the heads that were tried before, the delivery whose message each is or edits, by id.

    A head that was not tried is replaced by later edits of the same message.
    """
    return {one.id: one.edits or one.id for one in heads if one.batch is not None}


def in_order(batch: Sequence[Waiting], *, hold: int) -> Sequence[Waiting]:
    """All of a batch, as they would go one by one."""
    left, order = list(batch), list[Waiting]()
    while (first := _first(left, hold=hold)) is not None:
        left.remove(first)
        order.append(first)
    return order
