"""How each sink is doing, for the line of sinks that need somebody and for the reasons of waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relay.admin.context import AdminContext
from relay.monitoring.sink_status import SinkState, SinkStatus, sink_statuses
from relay.outcome import Attempt
from relay.sinks import VENDOR_OF

WORST_FIRST = (SinkState.CLOSED, SinkState.ORPHANED, SinkState.FAILING, SinkState.PAUSED)
NEEDY = frozenset({SinkState.CLOSED, SinkState.FAILING})
"""The states in which a sink needs somebody who does not know of it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkView:
    """A sink with the reason why nothing is sent to it; times are Unix milliseconds."""

    status: SinkStatus
    vendor: str = ""
    """The vendor's name; empty if the sink is not in the configuration."""
    failure: Attempt | None = None
    """Its last failed attempt, of a sink that is failing."""
    next_at: int | None = None
    """When it is tried again."""

    @property
    def reason(self) -> str:
        """The vendor's answer, because of which nothing is sent."""
        if self.status.closed is not None:
            return self.status.closed.reason
        return (self.failure and self.failure.reason) or ""


async def sink_views(context: AdminContext) -> Mapping[str, SinkView]:
    """The sinks of the configuration and those with pending deliveries, by name, worst first."""
    outbox = context.outbox
    statuses = await sink_statuses(outbox, context.sinks, context.lanes())
    failing = {status.name for status in statuses if status.state is SinkState.FAILING}
    failures = await outbox.last_failures() if failing else {}
    ranks = {state: rank for rank, state in enumerate(WORST_FIRST)}
    return {
        status.name: SinkView(
            status=status,
            vendor=_vendor(context, status.name),
            failure=failures.get(status.name) if status.name in failing else None,
            next_at=await _next_at(context, status),
        )
        for status in sorted(statuses, key=lambda status: ranks.get(status.state, len(ranks)))
    }


async def attention(context: AdminContext) -> Sequence[SinkView]:
    """The sinks that need somebody."""
    return needy(await sink_views(context))


def needy(views: Mapping[str, SinkView]) -> Sequence[SinkView]:
    return [view for view in views.values() if view.status.state in NEEDY]


async def _next_at(context: AdminContext, status: SinkStatus) -> int | None:
    if status.closed is not None:
        return status.closed.probe_at
    if status.state is SinkState.FAILING:
        return await context.outbox.due_at(status.name)
    return None


def _vendor(context: AdminContext, sink: str) -> str:
    settings = context.sinks.get(sink)
    return "" if settings is None else VENDOR_OF[settings.type].name
