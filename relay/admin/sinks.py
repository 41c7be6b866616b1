"""The page on sinks: how each is doing, and what an operator can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from relay.admin.context import AdminContext, context_of
from relay.admin.security import form
from relay.admin.templating import page
from relay.monitoring.rolling import HOUR, Bars, Minute, bars
from relay.monitoring.sink_status import SinkStatus, sink_statuses
from relay.outcome import Attempt, Sent
from relay.sinks.pacing import written


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRow:
    """A sink on the page; ``age`` is that of its first pending delivery, in seconds."""

    status: SinkStatus
    type: str
    age: int
    pace: str
    last_failure: Attempt | None
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
        **await sink_rows(request),
        tried=tried if tried in context_of(request).sinks else "",
        outcome=request.query.get("outcome", ""),
    )


async def sink_rows(request: web.Request) -> dict[str, Any]:
    return {"rows": await rows(context_of(request)), "hour": HOUR}


async def rows(context: AdminContext) -> Sequence[SinkRow]:
    """The sinks of the configuration, and those with pending deliveries."""
    failures = await context.outbox.last_failures()
    return [
        SinkRow(
            status=status,
            type=context.sinks[status.name].type if status.name in context.sinks else "",
            age=int(status.oldest(context.clock())),
            pace=written(context.sinks[status.name].pace) if status.name in context.sinks else "",
            last_failure=failures.get(status.name),
            hour=context.stats.hour(status.name),
        )
        for status in await sink_statuses(context.outbox, context.sinks, context.lanes())
    ]


async def act(request: web.Request) -> web.Response:
    """Pause, resume or try one, then show the page again."""
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
            reason = (
                "" if isinstance(outcome, Sent) else getattr(outcome, "reason", "") or "limited"
            )
            back = request.rel_url.with_path("/sinks")
            raise web.HTTPSeeOther(back.with_query(tried=name, outcome=reason[:500]))
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    context.wake(name)
    raise web.HTTPSeeOther("/sinks")
