"""Logs how attempts ended: a line for each delivery, or one for all that arrived together."""

import logging
from collections.abc import Iterable, Sequence

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
    """Log deliveries in their new state; ``now`` is in Unix milliseconds."""
    for together in (
        [settled] if isinstance(outcome, Sent) else [[delivery] for delivery in settled]
    ):
        first = together[0]
        is_dead = first.state is State.DEAD
        logger.log(
            _level(outcome, is_dead=is_dead),
            "dead letter" if is_dead else MESSAGES[type(outcome)],
            extra={
                "action": "settle",
                "hook": _of_all(delivery.hook for delivery in together),
                "event_id": _of_all(delivery.event_id for delivery in together),
                "kind": _of_all(delivery.kind for delivery in together),
                "sink": first.sink,
                "delivery": _of_all(delivery.id for delivery in together),
                "attempt": _of_all(delivery.attempt for delivery in together),
                "outcome": type(outcome).__name__,
                "reason": getattr(outcome, "reason", None),
                "again_in": _again_in(first, now),
            },
        )


def _of_all(values: Iterable[object]) -> object:
    """The different values of a field; the value itself if there is only one."""
    different = tuple(dict.fromkeys(values))
    return different[0] if len(different) == 1 else different


def _level(outcome: Outcome, *, is_dead: bool) -> int:
    if is_dead or isinstance(outcome, Closed):
        return logging.ERROR
    return logging.INFO if isinstance(outcome, Sent | RateLimited) else logging.WARNING


def _again_in(delivery: Delivery, now: int) -> str | None:
    """The wait until the next attempt, as text."""
    wait = (delivery.due_at - now) / 1000
    return f"{wait:.0f}s" if delivery.state is State.PENDING and wait > 0 else None
