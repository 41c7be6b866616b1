"""What an outcome makes of a delivery. Pure."""

from collections.abc import Sequence
from dataclasses import replace
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


def settle(
    delivery: Delivery,
    outcome: Outcome,
    *,
    schedule: Sequence[float],
    now: int,
    jitter: float = 1.0,
    resend: bool = True,
    pause: float | None = None,
    counts: bool = True,
    shared: bool = False,
) -> Delivery:
    """
    Decide what becomes of a claimed delivery.

    ``schedule`` holds the waits in seconds before the second, third, ... attempt, ``jitter``
    stretches them; ``resend``: whether to repeat a send that may have arrived. ``pause``: in how
    many seconds a sick sink is tried again, also in between; ``counts``: whether a failure can be
    the message's. Whoever ``shared`` its request and was rejected with the others goes again,
    alone: it need not be the bad one.

    No attempt is counted of which the chat saw nothing, nor more of them than the schedule has
    waits: however often relay is started again meanwhile, or tries a sick sink.
    """
    if not (isinstance(outcome, Failed) and outcome.unsent):
        delivery = replace(delivery, crashes=0)
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    match outcome:
        case Sent(message=message):
            sent = replace(delivery, state=State.DELIVERED, due_at=now, reason=None)
            return replace(sent, message=message or None, in_doubt=False)
        case RateLimited(pause=rest, reason=words):
            return replace(uncounted, due_at=_in(rest, now), reason=words or delivery.reason)
        case Closed(reason, is_taken=True):
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told, in_doubt=True)
        case Closed(reason):
            return replace(uncounted, due_at=now, reason=reason)
        case Failed(reason, ambiguous=True) if not resend:
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told, in_doubt=True)
        case Failed(reason, ambiguous):
            waiting = _waiting(
                delivery, outcome, schedule=schedule, now=now, jitter=jitter, pause=pause,
                counts=counts,
            )  # fmt: skip
            return replace(waiting, reason=reason, in_doubt=delivery.in_doubt or ambiguous)
        case Rejected(reason) if shared:
            return replace(uncounted, batch=delivery.id, due_at=now, reason=reason)
        case Rejected(reason):
            return replace(delivery, state=State.DEAD, due_at=now, reason=reason)
        case _:
            assert_never(outcome)


def _waiting(
    delivery: Delivery,
    failed: Failed,
    *,
    schedule: Sequence[float],
    now: int,
    jitter: float,
    pause: float | None,
    counts: bool,
) -> Delivery:
    """What failed, until its next attempt; dead if the schedule has no more."""
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    again_at = None if pause is None else _in(pause * jitter, now)
    if failed.unsent or not counts:
        wait = schedule[min(delivery.attempt, len(schedule)) - 1] if schedule else FIRST_PAUSES[0]
        return replace(uncounted, due_at=_in(wait * jitter, now) if again_at is None else again_at)
    longest = _in(max(schedule, default=0.0) * JITTER, now)
    if delivery.counts_at is not None and now < delivery.counts_at <= longest:
        counts_at = delivery.counts_at
        due_at = counts_at if again_at is None else min(counts_at, again_at)
        return replace(uncounted, due_at=due_at)
    if delivery.attempt > len(schedule):
        return replace(delivery, state=State.DEAD, due_at=now)
    counts_at = _in(schedule[delivery.attempt - 1] * jitter, now)
    due_at = counts_at if again_at is None else min(counts_at, again_at)
    return replace(delivery, due_at=due_at, counts_at=counts_at)


def _in(seconds: float, now: int) -> int:
    return now + round(seconds * 1000)
