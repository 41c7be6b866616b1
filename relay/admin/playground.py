"""The playground: an event and a template, and what every chat would show. Nothing is sent."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import hdrs, web

from relay import misskey
from relay.admin import summary as telling
from relay.admin.context import Operation, operation
from relay.admin.drawing import budget, drawn
from relay.admin.security import form
from relay.admin.templating import page
from relay.errors import FormatError, TemplateError
from relay.misskey import samples as sample
from relay.model import Event
from relay.outbox import DeliverySearch
from relay.outcome import Delivery
from relay.rendering.problem import Problem
from relay.rendering.templates import Templates
from relay.routing.gate import denial_reason
from relay.routing.match import explain, sinks_for
from relay.sinks import AnySink
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings

CHATS: Mapping[str, AnySink] = {
    "Discord": DiscordSettings.model_validate(
        {"type": "discord", "url": "https://discord.invalid/webhooks/1/none"}
    ),
    "Slack": SlackSettings.model_validate({"type": "slack", "url": "https://slack.invalid/none"}),
    "Matrix": MatrixSettings.model_validate(
        {
            "type": "matrix",
            "homeserver": "https://matrix.invalid",
            "room": "!room:matrix.invalid",
            "token": "none",
        }
    ),
}
"""One of each vendor, with the defaults of all settings; what they may show is not asked here."""
KIND = "mention"
LONGEST = 100_000  # characters of a template
CAME = 20  # events that really came, to choose from
READ = 100  # deliveries among which they are


async def shown(request: web.Request) -> web.Response:
    """The page with a sample, or with an event that really came, and its template as it is."""
    now, query = operation(request), request.query
    kind = query.get("kind", "")
    body = sample.raw(kind if kind in sample.kinds() else KIND)
    if (number := query.get("delivery", "")).isdecimal() and len(number) < 19:
        delivery = await now.outbox.delivery(int(number))
        if delivery is None:
            raise web.HTTPNotFound
        kind, body = "", delivery.raw
    text = telling.written(body)
    name, source = _loaded(now, text, query.get("template", ""))
    values = _values(now, text, name, source)
    return page(
        request, "playground.html", **values, kind=kind, number=number, came=await _came(now)
    )


async def tried(request: web.Request) -> web.Response:
    """The same with what was written; only the results where the page asks for these alone."""
    now, given = operation(request), await form(request)
    text, name = given.get("event", ""), given.get("name", "")
    source = given.get("template", "").replace("\r\n", "\n")[:LONGEST]
    if "load" in given:
        name, source = _loaded(now, text, given["load"] or name)
    values = _values(now, text, name, source)
    if request.headers.get("X-Part") == "results":
        return page(request, "results.html", **values)
    return page(request, "playground.html", **values, kind="", number="", came=await _came(now))


async def download(request: web.Request) -> web.Response:
    """The template as a file for the folder of templates."""
    given = await form(request)
    name = given.get("name", "")
    if not re.fullmatch(r"[\w.-]{1,100}\.j2", name, re.ASCII):
        raise web.HTTPBadRequest(text="there is no such template\n")
    text = given.get("template", "").replace("\r\n", "\n")
    disposition = f'attachment; filename="{name}"'
    return web.Response(text=text, headers={hdrs.CONTENT_DISPOSITION: disposition})


async def _came(now: Operation) -> Sequence[Delivery]:
    """The newest events, each by one of its deliveries."""
    rows = await now.outbox.deliveries(DeliverySearch(), limit=READ)
    found: dict[tuple[str, str], Delivery] = {}
    for one in rows:
        found.setdefault((one.hook, one.event_id), one)
    return list(found.values())[:CAME]


def _loaded(now: Operation, text: str, wanted: str) -> tuple[str, str]:
    """A template as it is on the disk: the one that is wanted, if it can show the event."""
    templates = now.draft({})
    try:
        names = _names(templates, _event(now, text))
    except FormatError:
        names = [wanted] if wanted in templates.names else sorted(templates.names)
    name = wanted if wanted in names else names[0]
    return name, templates.source(name)


def _values(now: Operation, text: str, name: str, source: str) -> dict[str, Any]:
    problems: list[Problem] = []
    event, chats, instead = None, [], ""
    try:
        event = _event(now, text)
    except FormatError as error:
        problems.append(Problem("", None, str(error)))
    names = [name] if event is None else _names(now.draft({}), event)
    if event is not None and name not in names:
        problems.append(Problem("", None, f"{name} is not a template of this event"))
        instead = names[0]
    elif event is not None:
        templates, variant = now.draft({name: source}), _variant(name)
        problems += _problems(templates, event, name, variant)
        chats = list(_chats(now, templates, event, variant))
    return {
        "kinds": sample.kinds(),
        "told": telling.told,
        "event": text,
        "instead": instead,
        "names": names,
        "name": name,
        "template": source,
        "problems": problems,
        "chats": chats,
        "ways": _ways(now, event),
        "sinks": _sinks(now, event),
    }


def _event(now: Operation, text: str) -> Event:
    hook = next(iter(now.hooks), "sample")
    event = misskey.parse(text.encode(errors="replace"), hook=hook, now=now.clock())
    server = now.hooks.get(hook, "")
    return replace(event, server=event.server or server)


def _names(templates: Templates, event: Event) -> Sequence[str]:
    """The templates that this event can be shown by, and what those are made of."""
    own = templates.name_for(event)
    variants = [one for one in templates.names if re.fullmatch(rf"{event.kind}\.\w+\.j2", one)]
    parts = [one for one in templates.names if one.startswith("_")]
    return [own, *sorted(variants), *sorted(parts)]


def _variant(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) == 3 else None


def _problems(
    templates: Templates, event: Event, name: str, variant: str | None
) -> Iterator[Problem]:
    """The problems of the edited template with their lines; those of others name their file."""
    problems = templates.problems(event, display=CHATS["Discord"].display, variant=variant)
    for problem in dict.fromkeys(problems):
        yield problem if problem.name == name else Problem("", None, str(problem))


def _chats(
    now: Operation, templates: Templates, event: Event, variant: str | None
) -> Iterator[dict[str, Any]]:
    for title, sink in CHATS.items():
        try:
            message = templates.render(
                event, display=sink.display, language=now.language, variant=variant
            )
        except TemplateError:
            continue  # told among the problems
        payload = sink.layout([message]).payload
        yield {
            "title": title,
            "drawn": drawn(sink.type, payload),
            "budget": budget(sink.type, payload),
            "payload": json.dumps(payload, ensure_ascii=False, indent=2),
        }


def _ways(now: Operation, event: Event | None) -> Sequence[tuple[str, str, str | None]]:
    """Each route, its sinks, and why it does not match."""
    if event is None:
        return []
    return [(one.name, ", ".join(one.to), explain(one, event)) for one in now.routes]


def _sinks(now: Operation, event: Event | None) -> Sequence[tuple[str, str, str | None]]:
    """Each sink that a route names, by which route, and why it may not show the event."""
    if event is None:
        return []
    wanted = sinks_for(event, now.routes)
    return [(name, by, denial_reason(now.sinks[name].gate, event)) for name, by in wanted.items()]
