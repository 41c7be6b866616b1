"""The page on sinks: how each is doing, and what an operator can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from relay.admin.context import AdminContext, context_of
from relay.admin.security import form
from relay.admin.templating import page
from relay.monitoring.rolling import HOUR, Bars, Minute, bars
from relay.monitoring.sink_status import LaneStatus
from relay.outbox import Backlog, ClosedSink
from relay.outcome import Attempt, Sent
from relay.sinks.pacing import written


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRow:
    """What is known of a sink; times are Unix milliseconds, ``rest`` and ``age`` seconds."""

    name: str
    type: str
    state: str
    since: int | None
    backlog: Backlog | None
    age: int
    pace: str
    rest: float
    trouble: Attempt | None
    closed: ClosedSink | None
    hour: Sequence[Minute]

    @property
    def bars(self) -> Bars:
        return bars(self.hour)

    @property
    def delivered(self) -> int:
        return sum(minute.delivered for minute in self.hour)

    @property
    def failed(self) -> int:
        return sum(minute.failed for minute in self.hour)


async def list_page(request: web.Request) -> web.Response:
    tried = request.query.get("tried", "")
    return page(
        request,
        "sinks.html",
        **await standings(request),
        tried=tried if tried in context_of(request).sinks else "",
        outcome=request.query.get("outcome", ""),
    )


async def standings(request: web.Request) -> dict[str, Any]:
    return {"standings": await _standings(context_of(request)), "hour": HOUR}


async def _standings(context: AdminContext) -> Sequence[SinkRow]:
    """Those of the configuration, and those for which something still waits."""
    backlog, troubles = await context.outbox.backlog(), await context.outbox.last_failures()
    paused, lanes = await context.outbox.paused_sinks(), context.lanes()
    closed = {one.name: one for one in await context.outbox.closed_sinks()}
    return [
        _standing(
            context,
            name,
            waits=backlog.get(name),
            trouble=troubles.get(name),
            paused_at=paused.get(name),
            closed=closed.get(name),
            lane=lanes.get(name, LaneStatus()),
        )
        for name in dict.fromkeys([*context.sinks, *backlog])
    ]


def _standing(
    context: AdminContext,
    name: str,
    *,
    waits: Backlog | None,
    trouble: Attempt | None,
    paused_at: int | None,
    closed: ClosedSink | None,
    lane: LaneStatus,
) -> SinkRow:
    sink, state = context.sinks.get(name), "resting" if lane.is_failing else "open"
    if sink is None:
        state = "unknown"
    elif paused_at is not None:
        state = "paused"
    elif closed is not None:
        state = "closed"
    return SinkRow(
        name=name,
        type="" if sink is None else sink.type,
        state=state,
        since=closed.closed_at if paused_at is None and closed is not None else paused_at,
        backlog=waits,
        age=0 if waits is None else max(0, context.clock() - waits.since) // 1000,
        pace="" if sink is None else written(sink.pace),
        rest=lane.rest,
        trouble=trouble,
        closed=closed,
        hour=context.stats.hour(name),
    )


async def act(request: web.Request) -> web.Response:
    """Pause, resume or try one, then show the page anew."""
    context, name = context_of(request), request.match_info["name"]
    if name not in context.sinks:
        raise web.HTTPNotFound
    match (await form(request)).get("action"):
        case "pause":
            await context.outbox.pause_sink(name, now=context.clock())
        case "resume":
            await context.outbox.resume_sink(name)
            await context.outbox.open_sink(name, now=context.clock())
        case "test":
            outcome = await context.attempt(name)
            told = "" if isinstance(outcome, Sent) else getattr(outcome, "reason", "") or "limited"
            back = request.rel_url.with_path("/sinks")
            raise web.HTTPSeeOther(back.with_query(tried=name, outcome=told[:500]))
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    context.wake(name)
    raise web.HTTPSeeOther("/sinks")
