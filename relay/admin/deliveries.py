"""The list of events with their deliveries, and the page of one."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from relay import misskey
from relay.admin import summary
from relay.admin.attention import needy, sink_views
from relay.admin.context import AdminContext, context_of
from relay.admin.events import dots, folded, shown_events
from relay.admin.search import filter_of, search
from relay.admin.security import form
from relay.admin.templating import LIVE, page
from relay.errors import FormatError
from relay.intake.replay import LAPSED, replay
from relay.outbox import DeliverySearch, StoredEvent
from relay.outcome import Delivery, Rejected
from relay.sinks import VENDOR_OF

MAX_SINKS = 200  # deliveries of an event on its page
MAX_EVENT_LENGTH = 300_000  # characters of an event on a page
NOT_SHOWN = "the sink may no longer show this event\n"


async def list_page(request: web.Request) -> web.Response:
    """The newest events; ``top`` in the URL of live updates keeps those that a page shows."""
    context, criteria = context_of(request), filter_of(request.query)
    top, news, pages = criteria.top, 0, replace(criteria, top=None)
    if top is not None:
        newest = await search(context.outbox, criteria)
        newer = [delivery for delivery in newest.deliveries if delivery.id > top]
        news = len({(delivery.hook, delivery.event_id) for delivery in newer})
        criteria = criteria.older_than(top + 1)
    results = await search(context.outbox, criteria)
    sinks = await sink_views(context)
    now = context.clock()
    top = max((delivery.id for delivery in results.deliveries), default=None)
    return await page(
        request,
        "deliveries.html",
        needs=needy(sinks),
        filter=criteria,
        events=shown_events(results.deliveries, sinks, now=now),
        results=results,
        news=news,
        pages=pages,
        sinks=context.sinks,
        kinds=sorted(misskey.KINDS),
        counts=await _counts(context),
        live=None if pages.before else f"{LIVE}/{replace(criteria, top=top).query}",
    )


async def _counts(context: AdminContext) -> Mapping[str, int]:
    """The number of deliveries in each state."""
    counts: Counter[str] = Counter()
    for (_, state), number in (await context.outbox.counts()).items():
        counts[state] += number
    return counts


async def show(request: web.Request) -> web.Response:
    """The page of an event, opened at one of its deliveries."""
    context, delivery = context_of(request), await _delivery(request)
    search_event = DeliverySearch(event_id=delivery.event_id)
    siblings = await context.outbox.deliveries(search_event, limit=MAX_SINKS)
    siblings = [other for other in siblings if other.hook == delivery.hook] or [delivery]
    sinks = await sink_views(context)
    (event,) = shown_events(siblings, sinks, now=context.clock())
    item = next(each for each in event.deliveries if each.delivery.id == delivery.id)
    attempts = await context.outbox.attempts(delivery.id)
    stored = await context.outbox.stored_events(delivery.event_id)
    next_at = item.why.at if item.why else None
    return await page(
        request,
        "delivery.html",
        needs=needy(sinks),
        delivery=delivery,
        event=event,
        why=item.why,
        withheld=next((each.withheld for each in stored if each.hook == delivery.hook), {}),
        note_url=summary.note_url(delivery),
        body=summary.coloured(summary.readable(delivery.raw)[:MAX_EVENT_LENGTH]),
        attempts=attempts,
        story=folded(attempts),
        dots=dots(attempts, next_at),
        message=_message(context, delivery),
        live=f"{LIVE}{request.path.removeprefix(LIVE)}",
    )


async def _delivery(request: web.Request) -> Delivery:
    delivery = await context_of(request).outbox.delivery(int(request.match_info["id"]))
    if delivery is None:
        raise web.HTTPNotFound
    return delivery


async def confirm(request: web.Request) -> web.Response:
    """Ask before an event is sent again."""
    delivery = await _delivery(request)
    event_summary = summary.summarize(delivery)
    return await page(request, "again.html", delivery=delivery, summary=event_summary)


async def act(request: web.Request) -> web.Response:
    """Send an event again as a new delivery to the same sink, or revive a dead letter."""
    context, action = context_of(request), (await form(request)).get("action")
    delivery = await _delivery(request)
    to = delivery.id
    match action:
        case "again":
            to = await _send_again(context, delivery)
        case "revive":
            await context.outbox.revive([delivery.id], now=context.clock())
        case "now":
            await context.outbox.expedite(delivery.batch or delivery.id, now=context.clock())
        case _:
            raise web.HTTPBadRequest(text="there is no such action\n")
    context.wake(delivery.sink)
    raise web.HTTPSeeOther(f"/deliveries/{to}")


async def _send_again(context: AdminContext, delivery: Delivery) -> int:
    """Accept the event again, if its sink may still show it; returns the new delivery's id."""
    if delivery.sink not in context.sinks:
        raise web.HTTPConflict(text=NOT_SHOWN)
    now = context.clock()
    while True:
        try:
            replayed = await replay(
                context.outbox,
                StoredEvent(hook=delivery.hook, server=delivery.server, raw=delivery.raw),
                delivery.event_id,
                choose=lambda event: {delivery.sink: delivery.route},
                gates={delivery.sink: context.sinks[delivery.sink].gate},
                server_bound={name for name, server in context.hooks.items() if server},
                now=now,
            )
        except FormatError:
            raise web.HTTPConflict(text=NOT_SHOWN) from None
        if reason := replayed.withheld.get(delivery.sink):
            raise web.HTTPConflict(text=f"{reason}\n" if reason == LAPSED else NOT_SHOWN)
        if replayed.sinks:
            break
        now += 1  # in the same millisecond somebody else has sent it again
    own = DeliverySearch(sink=delivery.sink, event_id=replayed.event_id)
    return (await context.outbox.deliveries(own, limit=1))[0].id


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
        "payload": summary.coloured(json.dumps(payload, ensure_ascii=False, indent=2)),
        "budget": VENDOR_OF[sink.type].usage(payload),
    }
