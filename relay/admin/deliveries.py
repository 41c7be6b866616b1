"""The list of deliveries, and the page of one."""

import json
from typing import Any

from aiohttp import web

from relay import misskey
from relay.admin import summary
from relay.admin.context import AdminContext, context_of
from relay.admin.search import filter_of, search
from relay.admin.security import form
from relay.admin.templating import page
from relay.errors import FormatError
from relay.intake.replay import LAPSED, replay
from relay.outbox import DeliverySearch, StoredEvent
from relay.outcome import Delivery, Rejected, State
from relay.sinks import VENDOR_OF

MAX_EVENT_LENGTH = 300_000  # characters of an event on a page
NOT_SHOWN = "the sink may no longer show this event\n"


async def list_page(request: web.Request) -> web.Response:
    return page(request, "deliveries.html", **await rows(request))


async def rows(request: web.Request) -> dict[str, Any]:
    """The values for the list of deliveries, by the filter in the URL."""
    context, criteria = context_of(request), filter_of(request.query)
    return {
        "filter": criteria,
        "results": await search(context.outbox, criteria),
        "summarize": summary.summarize,
        "sinks": context.sinks,
        "kinds": sorted(misskey.KINDS),
        "states": [*State],
    }


async def show(request: web.Request) -> web.Response:
    context = context_of(request)
    delivery = await context.outbox.delivery(int(request.match_info["id"]))
    if delivery is None:
        raise web.HTTPNotFound
    return page(
        request,
        "delivery.html",
        delivery=delivery,
        summary=summary.summarize(delivery),
        event=summary.readable(delivery.raw)[:MAX_EVENT_LENGTH],
        attempts=await context.outbox.attempts(delivery.id),
        message=_message(context, delivery),
    )


async def act(request: web.Request) -> web.Response:
    """Send an event again as a new delivery to the same sink, or revive a dead letter."""
    context, action = context_of(request), (await form(request)).get("action")
    delivery = await context.outbox.delivery(int(request.match_info["id"]))
    if delivery is None:
        raise web.HTTPNotFound
    match action:
        case "again":
            await _send_again(context, delivery)
        case "revive":
            await context.outbox.revive([delivery.id], now=context.clock())
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    context.wake(delivery.sink)
    newest = await context.outbox.deliveries(DeliverySearch(sink=delivery.sink), limit=1)
    to = newest[0].id if action == "again" else delivery.id
    raise web.HTTPSeeOther(f"/deliveries/{to}")


async def _send_again(context: AdminContext, delivery: Delivery) -> None:
    """Accept the event again, if its sink may still show it."""
    if delivery.sink not in context.sinks:
        raise web.HTTPConflict(text=NOT_SHOWN)
    try:
        replayed = await replay(
            context.outbox,
            StoredEvent(hook=delivery.hook, server=delivery.server, raw=delivery.raw),
            delivery.event_id,
            choose=lambda event: {delivery.sink: delivery.route},
            gates={delivery.sink: context.sinks[delivery.sink].gate},
            server_bound={name for name, server in context.hooks.items() if server},
            now=context.clock(),
        )
    except FormatError:
        raise web.HTTPConflict(text=NOT_SHOWN) from None
    if reason := replayed.withheld.get(delivery.sink):
        raise web.HTTPConflict(text=f"{reason}\n" if reason == LAPSED else NOT_SHOWN)


def _message(context: AdminContext, delivery: Delivery) -> dict[str, Any]:
    """The message as it would be sent now, drawn; or the problem that prevents it."""
    sink = context.sinks.get(delivery.sink)
    if sink is None:
        return {"problem": "gone"}
    try:
        message = context.renderer.message(delivery, context.policies[delivery.sink])
    except FormatError:
        return {"problem": "unreadable"}
    if isinstance(message, Rejected):
        return {"problem": "withheld"}
    payload = sink.layout([message]).payload
    return {
        "problem": None,
        "type": sink.type,
        "drawn": VENDOR_OF[sink.type].preview(payload),
        "payload": json.dumps(payload, ensure_ascii=False, indent=2),
        "budget": VENDOR_OF[sink.type].usage(payload),
    }
