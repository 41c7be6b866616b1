"""The page on sinks: how each is doing, and what an operator can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from aiohttp import web

from relay.admin.attention import SinkView, needy, sink_views
from relay.admin.context import AdminContext, context_of
from relay.admin.security import form
from relay.admin.templating import LIVE, page
from relay.monitoring.rolling import HOUR, Bars, Minute, bars
from relay.monitoring.sink_status import SinkStatus
from relay.outbox import DeliverySearch
from relay.outcome import Attempt, Sent, State
from relay.sinks.pacing import written

TESTED = "relay-tested"
"""The cookie that carries the outcome of a test to the next page: it is not in the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRow:
    """A sink on the page; ``age`` is that of its first pending delivery, in seconds."""

    view: SinkView
    age: int
    pace: str
    last_failure: Attempt | None
    """Its last failed attempt, unless something was delivered later."""
    hour: Sequence[Minute]

    @property
    def status(self) -> SinkStatus:
        return self.view.status

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
    context = context_of(request)
    tried, _, outcome = request.cookies.get(TESTED, "").partition(":")
    listed = await rows(context)
    response = await page(
        request,
        "sinks.html",
        needs=needy({row.status.name: row.view for row in listed}),
        rows=listed,
        hour=HOUR,
        tried=tried if tried in context.sinks else "",
        outcome=unquote(outcome),
        live=f"{LIVE}/sinks",
    )
    response.del_cookie(TESTED, path="/sinks")
    return response


async def rows(context: AdminContext) -> Sequence[SinkRow]:
    """The sinks of the configuration, and those with pending deliveries, the worst first."""
    failures = await context.outbox.last_failures()
    return [
        SinkRow(
            view=view,
            age=int(view.status.oldest(context.clock())),
            pace=written(context.sinks[name].pace) if name in context.sinks else "",
            last_failure=await _last_failure(context, name, failures.get(name)),
            hour=context.stats.hour(name),
        )
        for name, view in (await sink_views(context)).items()
    ]


async def _last_failure(
    context: AdminContext, sink: str, failure: Attempt | None
) -> Attempt | None:
    """The failure, unless something was delivered after it."""
    if failure is None:
        return None
    delivered = DeliverySearch(sink=sink, state=State.DELIVERED)
    newest = await context.outbox.deliveries(delivered, limit=1)
    return None if newest and newest[0].due_at >= failure.at else failure


async def act(request: web.Request) -> web.Response:
    """Pause, resume or try one, then show the page again."""
    context, name = context_of(request), request.match_info["name"]
    if name not in context.sinks:
        raise web.HTTPNotFound
    back = web.HTTPSeeOther("/sinks")
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
            tested = f"{name}:{quote(reason[:500])}"
            back.set_cookie(TESTED, tested, path="/sinks", httponly=True, samesite="Lax")
            raise back
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    context.wake(name)
    raise back
