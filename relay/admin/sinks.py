"""The page on sinks: how each is doing, and what an operator can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from relay.admin.context import Operation, operation
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


async def listed(request: web.Request) -> web.Response:
    tried = request.query.get("tried", "")
    return page(
        request,
        "sinks.html",
        **await standings(request),
        tried=tried if tried in operation(request).sinks else "",
        outcome=request.query.get("outcome", ""),
    )


async def standings(request: web.Request) -> dict[str, Any]:
    return {"standings": await _standings(operation(request)), "hour": HOUR}


async def _standings(now: Operation) -> Sequence[SinkRow]:
    """Those of the configuration, and those for which something still waits."""
    backlog, troubles = await now.outbox.backlog(), await now.outbox.last_failures()
    paused, lanes = await now.outbox.paused_sinks(), now.lanes()
    closed = {one.name: one for one in await now.outbox.closed_sinks()}
    return [
        _standing(
            now,
            name,
            waits=backlog.get(name),
            trouble=troubles.get(name),
            paused_at=paused.get(name),
            closed=closed.get(name),
            lane=lanes.get(name, LaneStatus()),
        )
        for name in dict.fromkeys([*now.sinks, *backlog])
    ]


def _standing(
    now: Operation,
    name: str,
    *,
    waits: Backlog | None,
    trouble: Attempt | None,
    paused_at: int | None,
    closed: ClosedSink | None,
    lane: LaneStatus,
) -> SinkRow:
    sink, state = now.sinks.get(name), "resting" if lane.is_failing else "open"
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
        age=0 if waits is None else max(0, now.clock() - waits.since) // 1000,
        pace="" if sink is None else written(sink.pace),
        rest=lane.rest,
        trouble=trouble,
        closed=closed,
        hour=now.stats.hour(name),
    )


async def act(request: web.Request) -> web.Response:
    """Pause, resume or try one, then show the page anew."""
    now, name = operation(request), request.match_info["name"]
    if name not in now.sinks:
        raise web.HTTPNotFound
    match (await form(request)).get("action"):
        case "pause":
            await now.outbox.pause_sink(name, now=now.clock())
        case "resume":
            await now.outbox.resume_sink(name)
            await now.outbox.open_sink(name, now=now.clock())
        case "test":
            outcome = await now.attempt(name)
            told = "" if isinstance(outcome, Sent) else getattr(outcome, "reason", "") or "limited"
            back = request.rel_url.with_path("/sinks")
            raise web.HTTPSeeOther(back.with_query(tried=name, outcome=told[:500]))
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    now.wake(name)
    raise web.HTTPSeeOther("/sinks")
