"""Logs how attempts ended, a line for each delivery."""

import logging
from collections.abc import Sequence

from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State

logger = logging.getLogger(__name__)

MESSAGES = {
    Sent: "delivered",
    RateLimited: "rate limited",
    Failed: "failed, will be tried again",
    Rejected: "rejected",
    Closed: "sink closed: it refuses relay; its backlog waits",
}


def log(settled: Sequence[Delivery], outcome: Outcome, *, now: int) -> None:
    """Log a line for each delivery in its new state; ``now`` is in Unix milliseconds."""
    for delivery in settled:
        is_dead = delivery.state is State.DEAD
        logger.log(
            _level(outcome, is_dead=is_dead),
            "dead letter" if is_dead else MESSAGES[type(outcome)],
            extra={
                "action": "settle",
                "hook": delivery.hook,
                "event_id": delivery.event_id,
                "kind": delivery.kind,
                "sink": delivery.sink,
                "delivery": delivery.id,
                "attempt": delivery.attempt,
                "outcome": type(outcome).__name__,
                "reason": getattr(outcome, "reason", None),
                "again_in": _again_in(delivery, now),
            },
        )


def _level(outcome: Outcome, *, is_dead: bool) -> int:
    if is_dead or isinstance(outcome, Closed):
        return logging.ERROR
    return logging.INFO if isinstance(outcome, Sent | RateLimited) else logging.WARNING


def _again_in(delivery: Delivery, now: int) -> str | None:
    """The wait until the next attempt, as text."""
    wait = (delivery.due_at - now) / 1000
    return f"{wait:.0f}s" if delivery.state is State.PENDING and wait > 0 else None
