"""Decides the next state of a delivery after an attempt. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from relay.delivery.breaker import FIRST_PAUSES, JITTER
from relay.outcome import (
    MAY_HAVE_ARRIVED,
    Closed,
    Delivery,
    Failed,
    Outcome,
    RateLimited,
    Rejected,
    Sent,
    State,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptContext:
    """The facts besides the outcome of an attempt that decide the state of its deliveries."""

    now: int
    """Unix milliseconds."""
    schedule: Sequence[float] = ()
    """Seconds before the second, third, ... attempt."""
    jitter: float = 1.0
    """Stretches the waits of the schedule."""
    resend: bool = True
    """Whether a message that may have arrived is sent again."""
    pause: float | None = None
    """Seconds until a sink whose breaker is open is tried again; None where it is not open."""
    counts: bool = True
    """Whether a failure can be the message's fault, and counts as an attempt."""
    shared: bool = False
    """Whether several deliveries shared the request."""

    def after(self, seconds: float) -> int:
        """The moment so many seconds from now, in Unix milliseconds."""
        return self.now + round(seconds * 1000)


def settle(delivery: Delivery, outcome: Outcome, context: AttemptContext) -> Delivery:
    """
    Decide the next state of a claimed delivery.

    A delivery that shared a rejected request is sent again alone, because another one may be the
    cause. An attempt does not count if nothing of it reached the chat, or if it was made before the
    time that the schedule has for it (``counts_at``), as after a restart or when a failing sink is
    tried again.
    """
    now = context.now
    if isinstance(outcome, Sent):
        return replace(
            delivery,
            state=State.DELIVERED,
            due_at=now,
            reason=None,
            message=outcome.message or None,
            crashes=0,
            in_doubt=False,
        )
    if not (isinstance(outcome, Failed) and outcome.unsent):
        delivery = replace(delivery, crashes=0)
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    match outcome:
        case RateLimited(pause=rest, reason=reason):
            return replace(uncounted, due_at=context.after(rest), reason=reason or delivery.reason)
        case Closed(reason, is_taken=True):
            return _dead_in_doubt(delivery, reason, now)
        case Closed(reason):
            return replace(uncounted, due_at=now, reason=reason)
        case Failed(reason, ambiguous=True) if not context.resend:
            return _dead_in_doubt(delivery, reason, now)
        case Failed(reason, ambiguous):
            waiting = _waiting(delivery, outcome, context)
            return replace(waiting, reason=reason, in_doubt=delivery.in_doubt or ambiguous)
        case Rejected(reason) if context.shared:
            return replace(uncounted, batch=delivery.id, due_at=now, reason=reason)
        case Rejected(reason):
            return replace(delivery, state=State.DEAD, due_at=now, reason=reason)
        case _:
            assert_never(outcome)


def _dead_in_doubt(delivery: Delivery, reason: str, now: int) -> Delivery:
    return replace(
        delivery,
        state=State.DEAD,
        due_at=now,
        reason=f"{MAY_HAVE_ARRIVED}: {reason}",
        in_doubt=True,
    )


def _waiting(delivery: Delivery, failed: Failed, context: AttemptContext) -> Delivery:
    """A failed delivery that waits for its next attempt; dead if the schedule has no more."""
    schedule, jitter, now = context.schedule, context.jitter, context.now
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    probe_at = None if context.pause is None else context.after(context.pause * jitter)
    if failed.unsent or not context.counts:
        wait = schedule[min(delivery.attempt, len(schedule)) - 1] if schedule else FIRST_PAUSES[0]
        return replace(
            uncounted, due_at=context.after(wait * jitter) if probe_at is None else probe_at
        )
    longest = context.after(max(schedule, default=0.0) * JITTER)
    if delivery.counts_at is not None and now < delivery.counts_at <= longest:
        counts_at = delivery.counts_at
        due_at = counts_at if probe_at is None else min(counts_at, probe_at)
        return replace(uncounted, due_at=due_at)
    if delivery.attempt > len(schedule):
        return replace(delivery, state=State.DEAD, due_at=now)
    counts_at = context.after(schedule[delivery.attempt - 1] * jitter)
    due_at = counts_at if probe_at is None else min(counts_at, probe_at)
    return replace(delivery, due_at=due_at, counts_at=counts_at)
