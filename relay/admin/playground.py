"""The playground: shows an event with an edited template in every chat. Nothing is sent."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import hdrs, web

from relay import misskey
from relay.admin import summary
from relay.admin.context import AdminContext, context_of
from relay.admin.security import form
from relay.admin.templating import page
from relay.errors import FormatError, TemplateError
from relay.misskey import samples
from relay.model import Event
from relay.outbox import DeliverySearch
from relay.outcome import Delivery
from relay.rendering.problem import Problem
from relay.rendering.templates import Templates
from relay.routing.gate import denial_reason
from relay.routing.match import explain, sinks_for
from relay.sinks import VENDORS

CHATS = [(vendor, vendor.sample()) for vendor in VENDORS if vendor.example is not None]
"""One sink of each vendor with default settings; their gates are not applied here."""
KIND = "mention"
MAX_TEMPLATE_LENGTH = 100_000  # characters of a template
CHOICES = 20  # received events to choose from
READ = 100  # deliveries among which they are searched


async def show(request: web.Request) -> web.Response:
    """The page with a sample or a received event, and its template from the disk."""
    context, query = context_of(request), request.query
    kind = query.get("kind", "")
    body = samples.raw(kind if kind in samples.kinds() else KIND)
    if (number := query.get("delivery", "")).isdecimal() and len(number) < 19:
        delivery = await context.outbox.delivery(int(number))
        if delivery is None:
            raise web.HTTPNotFound
        kind, body = "", delivery.raw
    text = summary.readable(body)
    name, source = _load(context, text, query.get("template", ""))
    values = _values(context, text, name, source)
    return await page(
        request,
        "playground.html",
        **values,
        kind=kind,
        number=number,
        received=await _received(context),
    )


async def preview(request: web.Request) -> web.Response:
    """The page with the edited event and template, or only its results for a script."""
    context, fields = context_of(request), await form(request)
    text, name = fields.get("event", ""), fields.get("name", "")
    source = fields.get("template", "").replace("\r\n", "\n")[:MAX_TEMPLATE_LENGTH]
    if "load" in fields:
        name, source = _load(context, text, fields["load"] or name)
    values = _values(context, text, name, source)
    if request.headers.get("X-Part") == "results":
        return await page(request, "drawn.html", needs=(), **values)
    return await page(
        request, "playground.html", **values, kind="", number="", received=await _received(context)
    )


async def download(request: web.Request) -> web.Response:
    """The template as a file for the folder of templates."""
    fields = await form(request)
    name = fields.get("name", "")
    if not re.fullmatch(r"[\w.-]{1,100}\.j2", name, re.ASCII):
        raise web.HTTPBadRequest(text="there is no such template\n")
    text = fields.get("template", "").replace("\r\n", "\n")
    disposition = f'attachment; filename="{name}"'
    return web.Response(text=text, headers={hdrs.CONTENT_DISPOSITION: disposition})


async def _received(context: AdminContext) -> Sequence[Delivery]:
    """The newest events, each as one of its deliveries."""
    rows = await context.outbox.deliveries(DeliverySearch(), limit=READ)
    by_event: dict[tuple[str, str], Delivery] = {}
    for delivery in rows:
        by_event.setdefault((delivery.hook, delivery.event_id), delivery)
    return list(by_event.values())[:CHOICES]


def _load(context: AdminContext, text: str, name: str) -> tuple[str, str]:
    """The name and source of a template on the disk: the requested one, if it suits the event."""
    templates = context.draft({})
    try:
        names = _names(templates, _event(context, text))
    except FormatError:
        names = [name] if name in templates.names else sorted(templates.names)
    chosen = name if name in names else names[0]
    return chosen, templates.source(chosen)


def _values(context: AdminContext, text: str, name: str, source: str) -> dict[str, Any]:
    problems: list[Problem] = []
    event, chats, instead = None, [], ""
    try:
        event = _event(context, text)
    except FormatError as error:
        problems.append(Problem("", None, str(error)))
    names = [name] if event is None else _names(context.draft({}), event)
    if event is not None and name not in names:
        problems.append(Problem("", None, f"{name} is not a template of this event"))
        instead = names[0]
    elif event is not None:
        templates, variant = context.draft({name: source}), _variant(name)
        problems += _problems(templates, event, name, variant)
        chats = list(_chats(context, templates, event, variant))
    return {
        "kinds": samples.kinds(),
        "summarize": summary.summarize,
        "event": text,
        "instead": instead,
        "names": names,
        "name": name,
        "template": source,
        "problems": problems,
        "chats": chats,
        "routes": _routes(context, event),
        "sinks": _sinks(context, event),
    }


def _event(context: AdminContext, text: str) -> Event:
    hook = next(iter(context.hooks), "sample")
    event = misskey.parse(text.encode(errors="replace"), hook=hook, now=context.clock())
    server = context.hooks.get(hook, "")
    return replace(event, server=event.server or server)


def _names(templates: Templates, event: Event) -> Sequence[str]:
    """The templates of an event, and the parts that they include."""
    own = templates.name_for(event)
    variants = [name for name in templates.names if re.fullmatch(rf"{event.kind}\.\w+\.j2", name)]
    parts = [name for name in templates.names if name.startswith("_")]
    return [own, *sorted(variants), *sorted(parts)]


def _variant(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) == 3 else None


def _problems(
    templates: Templates, event: Event, name: str, variant: str | None
) -> Iterator[Problem]:
    """The problems of the edited template with their lines; those of others name their file."""
    problems = templates.problems(event, display=CHATS[0][1].display, variant=variant)
    for problem in dict.fromkeys(problems):
        yield problem if problem.name == name else Problem("", None, str(problem))


def _chats(
    context: AdminContext, templates: Templates, event: Event, variant: str | None
) -> Iterator[dict[str, Any]]:
    for vendor, sink in CHATS:
        try:
            message = templates.render(
                event, display=sink.display, language=context.language, variant=variant
            )
        except TemplateError:
            continue  # it is among the problems
        payload = sink.layout([message]).payload
        yield {
            "title": vendor.name,
            "drawn": vendor.preview(payload),
            "budget": vendor.usage(payload),
            "payload": summary.coloured(json.dumps(payload, ensure_ascii=False, indent=2)),
        }


def _routes(context: AdminContext, event: Event | None) -> Sequence[tuple[str, str, str | None]]:
    """Each route, its sinks, and the reason why it does not match."""
    if event is None:
        return []
    return [(route.name, ", ".join(route.to), explain(route, event)) for route in context.routes]


def _sinks(context: AdminContext, event: Event | None) -> Sequence[tuple[str, str, str | None]]:
    """Each sink of a matching route, that route, and the reason why the gate denies the event."""
    if event is None:
        return []
    routes = sinks_for(event, context.routes)
    return [
        (name, route, denial_reason(context.sinks[name].gate, event))
        for name, route in routes.items()
    ]
