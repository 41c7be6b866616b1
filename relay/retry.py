"""What an outcome makes of a delivery: one pure function."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State


def settle(
    delivery: Delivery,
    outcome: Outcome,
    *,
    schedule: Sequence[float],
    now: int,
    jitter: float = 1.0,
    resend: bool = True,
) -> Delivery:
    """
    Decide what becomes of a claimed delivery.

    ``schedule`` holds the waits in seconds before the second, third, ... attempt, ``jitter``
    stretches them; ``resend``: whether to repeat a send that may have arrived. To wait for a rate
    limit, or for a closed sink, costs no attempt.
    """
    match outcome:
        case Sent():
            return replace(delivery, state=State.DELIVERED, due_at=now, reason=None)
        case RateLimited(pause):
            due_at = now + round(pause * 1000)
            return replace(delivery, attempt=delivery.attempt - 1, due_at=due_at)
        case Closed(reason):
            return replace(delivery, attempt=delivery.attempt - 1, due_at=now, reason=reason)
        case Failed(reason, ambiguous=True) if not resend:
            return replace(
                delivery, state=State.DEAD, due_at=now, reason=f"may have arrived: {reason}"
            )
        case Failed(reason) if delivery.attempt <= len(schedule):
            due_at = now + round(schedule[delivery.attempt - 1] * jitter * 1000)
            return replace(delivery, due_at=due_at, reason=reason)
        case Failed(reason) | Rejected(reason):
            return replace(delivery, state=State.DEAD, due_at=now, reason=reason)
        case _:
            assert_never(outcome)
