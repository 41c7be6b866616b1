"""The pages on deliveries: which there were, and all about one."""

import json
from typing import Any

from aiohttp import web

from relay import misskey
from relay.admin import summary as telling
from relay.admin.context import Operation, operation
from relay.admin.drawing import budget, drawn
from relay.admin.search import found, read
from relay.admin.security import form
from relay.admin.templating import page
from relay.errors import FormatError
from relay.intake.acceptance import again, withdrawn_since
from relay.outbox import DeliverySearch, NewEvent
from relay.outcome import Delivery, Rejected, State

SHOWN = 300_000  # characters of an event


async def listed(request: web.Request) -> web.Response:
    return page(request, "deliveries.html", **await rows(request))


async def rows(request: web.Request) -> dict[str, Any]:
    """What the list of deliveries shows, by the filter in the URL."""
    now, wanted = operation(request), read(request.query)
    shown = await found(now.outbox, wanted)
    return {
        "wanted": wanted,
        "found": shown,
        "told": telling.told,
        "sinks": now.sinks,
        "kinds": sorted(misskey.KINDS),
        "states": [*State],
    }


async def one(request: web.Request) -> web.Response:
    now = operation(request)
    delivery = await now.outbox.delivery(int(request.match_info["id"]))
    if delivery is None:
        raise web.HTTPNotFound
    return page(
        request,
        "delivery.html",
        delivery=delivery,
        told=telling.told(delivery),
        event=telling.written(delivery.raw)[:SHOWN],
        attempts=await now.outbox.attempts(delivery.id),
        message=_message(now, delivery),
    )


async def act(request: web.Request) -> web.Response:
    """Send it again, as a new delivery to the same sink; or let a dead one be tried anew."""
    now, action = operation(request), (await form(request)).get("action")
    delivery = await now.outbox.delivery(int(request.match_info["id"]))
    if delivery is None:
        raise web.HTTPNotFound
    match action:
        case "again":
            await _send_again(now, delivery)
        case "revive":
            await now.outbox.revive([delivery.id], now=now.clock())
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    now.wake(delivery.sink)
    newest = await now.outbox.deliveries(DeliverySearch(sink=delivery.sink), limit=1)
    to = newest[0].id if action == "again" else delivery.id
    raise web.HTTPSeeOther(f"/deliveries/{to}")


async def _send_again(now: Operation, delivery: Delivery) -> None:
    """Only where it may still be shown."""
    if _message(now, delivery)["trouble"] is not None:
        raise web.HTTPConflict(text="the sink may not show this event any more\n")
    at = now.clock()
    event = misskey.parse(delivery.raw, hook=delivery.hook, server=delivery.server, now=at)
    gates = {delivery.sink: now.sinks[delivery.sink].gate}
    bound = {name for name, server in now.hooks.items() if server}
    if await withdrawn_since(event, gates, outbox=now.outbox, bound=bound):
        raise web.HTTPConflict(text="its author has changed who may see the note\n")
    anew = again(event, delivery.event_id, now=at)
    route = {delivery.sink: delivery.route}
    await now.outbox.accept(NewEvent(event=anew, raw=delivery.raw, sinks=route, now=at))


def _message(now: Operation, delivery: Delivery) -> dict[str, Any]:
    """The message as it would be sent now, drawn; or why there is none."""
    sink = now.sinks.get(delivery.sink)
    if sink is None:
        return {"trouble": "gone"}
    try:
        made = now.renderer.message(delivery, now.policies[delivery.sink])
    except FormatError:
        return {"trouble": "unreadable"}
    if isinstance(made, Rejected):
        return {"trouble": "withheld"}
    payload = sink.layout([made]).payload
    return {
        "trouble": None,
        "type": sink.type,
        "drawn": drawn(sink.type, payload),
        "payload": json.dumps(payload, ensure_ascii=False, indent=2),
        "budget": budget(sink.type, payload),
    }
