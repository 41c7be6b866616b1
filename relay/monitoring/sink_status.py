"""How each sink is doing: one state, which metrics, the operator's page and the CLI show alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from relay.delivery.lane import LaneStatus
from relay.outbox.base import Outbox
from relay.outbox.records import Backlog, ClosedSink


class SinkState(StrEnum):
    """Whether a sink is sent to, and why not."""

    OK = "ok"
    FAILING = "failing"
    """Its circuit breaker is open: it is probed from time to time."""
    PAUSED = "paused"
    """An operator holds its deliveries back."""
    CLOSED = "closed"
    """It refuses relay, so that its deliveries wait."""
    ORPHANED = "orphaned"
    """It is not in the configuration, but the outbox still has deliveries for it."""


def sink_state(
    *, is_configured: bool, is_paused: bool, is_closed: bool, is_failing: bool
) -> SinkState:
    """
    The one state of a sink for which several things may hold.

    A paused sink is not reported as closed or failing: its operator knows about it. An orphaned one
    cannot be resumed, so that nothing else about it matters.
    """
    if not is_configured:
        return SinkState.ORPHANED
    if is_paused:
        return SinkState.PAUSED
    if is_closed:
        return SinkState.CLOSED
    return SinkState.FAILING if is_failing else SinkState.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """How a sink is doing; times are Unix milliseconds, ``rest`` is in seconds."""

    name: str
    state: SinkState
    backlog: Backlog | None = None
    closed: ClosedSink | None = None
    paused_at: int | None = None
    rest: float | None = None
    """See ``LaneStatus``; None where no lane of the sink is known."""

    @property
    def pending(self) -> int:
        """The number of pending deliveries."""
        return 0 if self.backlog is None else self.backlog.number

    @property
    def since(self) -> int | None:
        """Since when it is paused or closed."""
        if self.paused_at is not None:
            return self.paused_at
        return None if self.closed is None else self.closed.closed_at

    def oldest(self, now: int) -> float:
        """For how many seconds the first pending delivery has waited; 0 if none is pending."""
        return 0.0 if self.backlog is None else max(0, now - self.backlog.since) / 1000


async def sink_statuses(
    outbox: Outbox,
    configured: Iterable[str],
    lanes: Mapping[str, LaneStatus],
    *,
    others: Iterable[str] = (),
) -> Sequence[SinkStatus]:
    """
    The status of each sink of the configuration, and of those with pending deliveries.

    ``others`` are listed too. Raises OutboxError.
    """
    names = dict.fromkeys(configured)
    backlog, paused = await outbox.backlog(), await outbox.paused_sinks()
    closed = {sink.name: sink for sink in await outbox.closed_sinks()}
    return [
        SinkStatus(
            name=name,
            state=sink_state(
                is_configured=name in names,
                is_paused=name in paused,
                is_closed=name in closed,
                is_failing=name in lanes and lanes[name].is_failing,
            ),
            backlog=backlog.get(name),
            closed=closed.get(name),
            paused_at=paused.get(name),
            rest=lanes[name].rest if name in lanes else None,
        )
        for name in dict.fromkeys([*names, *backlog, *others])
    ]
