"""
The order in which the deliveries that wait for a sink are sent. Pure.

Events are sent in the order of their arrival. Misskey sends many at once, however, and the network
reorders them: events that arrive within one ``hold`` of the first are sent in the order in which
they happened.

A clock can be set back, and another node's clock can be wrong. So a delivery whose times are
impossible by this clock is due at once: one that has not been attempted and would wait for longer
than one hold, or one whose last attempt lies in the future.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relay.outbox.records import ClaimRequest

MAX_CLOCK_STEP = 1_000
"""Milliseconds by which a clock may be set back without consequences."""
LOOKAHEAD = 64
"""
How many deliveries at the head of a queue are put in order, besides edits that are tried again.

If more arrive within one hold, a later one is considered when an earlier one has been sent.
"""


class QueuedDelivery(NamedTuple):
    """A delivery in the queue of its sink, as a row has it; times are Unix milliseconds."""

    id: int
    accepted_at: int
    created_at: int
    due_at: int
    batch: int | None = None
    """The batch whose request it shares; None before its first attempt."""
    edits: int | None = None
    attempted_at: int | None = None
    """When the last attempt with a known outcome began."""
    claimed: bool = False
    event: int = 0
    """The number of its event, which a sibling may replace while it waits."""

    @property
    def is_retried_edit(self) -> bool:
        """Whether it edits an earlier message, and waits for another attempt at that."""
        return self.edits is not None and self.batch is not None


def head(queue: Sequence[QueuedDelivery], *, hold: int, now: int) -> QueuedDelivery | None:
    """
    The delivery that goes next; ``queue`` is in the order of arrival, times in milliseconds.

    A delivery that has been attempted stays at the head of the queue until it settles; later ones
    never overtake it. An edit that waits for another attempt is left out until it is due, so that
    it delays no new message.
    """
    if edits := _due_edits(queue, hold=hold, now=now):
        return min(edits, key=lambda edit: edit.id)
    return _first([queued for queued in queue if not queued.is_retried_edit], hold=hold)


def _due_edits(queue: Sequence[QueuedDelivery], *, hold: int, now: int) -> Sequence[QueuedDelivery]:
    return [
        queued
        for queued in queue
        if queued.is_retried_edit and _is_due(queued, queue, hold=hold, now=now)
    ]


def _first(queue: Sequence[QueuedDelivery], *, hold: int) -> QueuedDelivery | None:
    """One that was attempted; else the one that happened first within a hold of the first."""
    attempted = [queued for queued in queue if queued.batch is not None]
    if not (queue := attempted or queue):
        return None
    first = _came_at(queue[0], hold=hold)
    near = (queued for queued in queue if abs(_came_at(queued, hold=hold) - first) <= hold)
    return min(near, key=_happened) if hold else queue[0]


def _happened(queued: QueuedDelivery) -> tuple[int, int]:
    return queued.created_at, queued.id


def _came_at(queued: QueuedDelivery, *, hold: int) -> int:
    """When it came, or the one that it supersedes: it keeps that one's due time."""
    return queued.due_at - hold if queued.batch is None else queued.accepted_at


def due_at(queue: Sequence[QueuedDelivery], *, hold: int, now: int | None = None) -> int | None:
    """
    When the next delivery may go, by the clock that shows ``now``, if given; None if none waits.

    That is when the hold of the first ends, even if a later one goes before it: otherwise every
    new event would make all others wait again.
    """
    if now is not None and is_due(queue, hold=hold, now=now):
        return now
    times = [queued.due_at for queued in queue if queued.is_retried_edit]
    others = [queued for queued in queue if not queued.is_retried_edit]
    if (first := _first(others, hold=hold)) is not None:
        times.append(_due_at(first, others))
    return min(times, default=None)


def is_due(queue: Sequence[QueuedDelivery], *, hold: int, now: int) -> bool:
    first = head(queue, hold=hold, now=now)
    return first is not None and _is_due(first, queue, hold=hold, now=now)


def _due_at(first: QueuedDelivery, queue: Sequence[QueuedDelivery]) -> int:
    if first.batch is not None:
        return first.due_at
    return min(first.due_at, next(queued.due_at for queued in queue if not queued.is_retried_edit))


def _is_due(first: QueuedDelivery, queue: Sequence[QueuedDelivery], *, hold: int, now: int) -> bool:
    due_at = _due_at(first, queue)
    if due_at <= now:
        return True
    if first.batch is None:
        return due_at > now + hold
    return first.attempted_at is not None and now < first.attempted_at - MAX_CLOCK_STEP


def head_batch(queue: Sequence[QueuedDelivery], *, hold: int, now: int) -> Sequence[QueuedDelivery]:
    """The head, with the deliveries that share its request since its first attempt, in order."""
    first = head(queue, hold=hold, now=now)
    if first is None:
        return ()
    if first.batch is None:
        return (first,)
    return in_order([queued for queued in queue if queued.batch == first.batch], hold=hold)


def claimable(
    queue: Sequence[QueuedDelivery], request: ClaimRequest
) -> tuple[Sequence[QueuedDelivery], Sequence[QueuedDelivery]]:
    """
    The head with those that share its request, if it is due; and candidates for that request.

    An edit has no candidates, and a delivery that was attempted before goes as it went then. What
    is known to fit into one request shares it from the start, if it is still what goes next.
    """
    queue = [queued for queued in queue if queued.batch not in request.skip_batches]
    hold, now = request.hold, request.now
    if not (heads := _fitting(queue, request)):
        if not is_due(queue, hold=hold, now=now):
            return (), ()
        heads = head_batch(queue, hold=hold, now=now)
    if heads[0].batch is not None or heads[0].edits is not None:
        return heads, ()
    ids = {queued.id for queued in heads}
    left = [queued for queued in queue if queued.id not in ids]
    return heads, candidates(left, hold=hold, now=now, limit=request.limit - len(heads))


def _fitting(queue: Sequence[QueuedDelivery], request: ClaimRequest) -> Sequence[QueuedDelivery]:
    """The deliveries that are known to fit into one request, if they still go next."""
    hold, now, fitting = request.hold, request.now, request.fitting
    if not fitting or _due_edits(queue, hold=hold, now=now):
        return ()
    chosen = candidates(queue, hold=hold, now=now, limit=len(fitting))
    is_known = [(queued.id, queued.event) for queued in chosen] == [
        (delivery.id, delivery.event) for delivery in fitting
    ]
    return chosen if is_known else ()


def candidates(
    queue: Sequence[QueuedDelivery], *, hold: int, now: int, limit: int
) -> Sequence[QueuedDelivery]:
    """
    At most ``limit`` deliveries that may share a request which is sent now, in their order.

    They end before an edit and before a delivery that was attempted: an edit goes alone, and an
    attempted delivery goes as it went then.
    """
    left = [queued for queued in queue if not queued.is_retried_edit]
    if any(queued.batch is not None for queued in left):
        return ()
    in_time = sorted(left, key=_happened) if hold else left
    chosen = list[QueuedDelivery]()
    while left and len(chosen) < limit:
        came = left[0].due_at
        first = next(queued for queued in in_time if abs(queued.due_at - came) <= hold)
        if first.edits is not None or not _is_due(first, left, hold=hold, now=now):
            break
        left.remove(first)
        if hold:
            in_time.remove(first)
        chosen.append(first)
    return chosen


def attempted_roots(heads: Sequence[QueuedDelivery]) -> Mapping[int, int]:
    """
    By the id of each head that was attempted before, the delivery whose message it is or edits.

    A head without an attempt needs none: a later edit of it has replaced it.
    """
    return {queued.id: queued.edits or queued.id for queued in heads if queued.batch is not None}


def in_order(batch: Sequence[QueuedDelivery], *, hold: int) -> Sequence[QueuedDelivery]:
    """All deliveries of a batch, as they would go one by one."""
    left, order = list(batch), list[QueuedDelivery]()
    while (first := _first(left, hold=hold)) is not None:
        left.remove(first)
        order.append(first)
    return order
