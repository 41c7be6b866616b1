"""Why a delivery has not arrived: one of a few reasons, for which the pages have the words."""

from dataclasses import dataclass
from enum import StrEnum

from relay.admin.attention import SinkView
from relay.monitoring.sink_status import SinkState
from relay.outcome import Delivery, State


class Hindrance(StrEnum):
    """The reasons why a delivery is not in the chat."""

    DEAD = "dead"
    """relay has given it up."""
    ORPHANED = "orphaned"
    CLOSED = "closed"
    FAILING = "failing"
    PAUSED = "paused"
    SENDING = "sending"
    """It is in flight."""
    RETRYING = "retrying"
    """It failed, and is tried again."""
    LIMITED = "limited"
    """The pace of the sink lets nothing be sent now."""
    BEHIND = "behind"
    """Others wait before it."""
    HELD = "held"
    """It waits for sibling events."""
    NEXT = "next"
    """Nothing holds it up."""


_OF_SINKS = {
    SinkState.ORPHANED: Hindrance.ORPHANED,
    SinkState.PAUSED: Hindrance.PAUSED,
    SinkState.CLOSED: Hindrance.CLOSED,
    SinkState.FAILING: Hindrance.FAILING,
}
LEVELS = {
    Hindrance.DEAD: "bad",
    Hindrance.CLOSED: "bad",
    Hindrance.ORPHANED: "bad",
    Hindrance.FAILING: "wait",
    Hindrance.PAUSED: "wait",
    Hindrance.RETRYING: "wait",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """
    The reason why a delivery has not arrived.

    ``since`` and ``at``, the time of the next attempt, are Unix milliseconds; ``reason`` is the
    vendor's answer; ``waiting`` counts the pending deliveries of the sink.
    """

    hindrance: Hindrance
    reason: str = ""
    since: int | None = None
    at: int | None = None
    waiting: int = 0

    @property
    def level(self) -> str:
        return LEVELS.get(self.hindrance, "mute")


def why(delivery: Delivery, sink: SinkView | None, *, now: int) -> Why | None:
    """The reason why a delivery has not arrived; None if it has, or another one in its place."""
    if delivery.state is State.DEAD:
        return Why(hindrance=Hindrance.DEAD, reason=delivery.reason or "")
    if delivery.state is not State.PENDING:
        return None
    if sink is None:  # its last delivery ended between two reads
        return Why(hindrance=Hindrance.NEXT)
    status, waiting = sink.status, sink.status.pending
    if delivery.interrupted and delivery.due_at > now:
        return Why(hindrance=Hindrance.SENDING)
    if status.state in _OF_SINKS:
        return Why(
            hindrance=_OF_SINKS[status.state],
            reason=sink.reason,
            since=status.since,
            at=sink.next_at,
            waiting=waiting,
        )
    if delivery.batch is not None and delivery.due_at > now:
        reason = delivery.reason or ""
        return Why(hindrance=Hindrance.RETRYING, reason=reason, at=delivery.due_at)
    if status.rest and status.rest >= 1:
        at = now + round(status.rest * 1000)
        return Why(hindrance=Hindrance.LIMITED, at=at, waiting=waiting)
    if status.backlog is not None and delivery.accepted_at > status.backlog.since:
        return Why(hindrance=Hindrance.BEHIND, waiting=waiting)
    if delivery.due_at > now:
        return Why(hindrance=Hindrance.HELD, at=delivery.due_at)
    return Why(hindrance=Hindrance.NEXT)
