"""
Checks parts of the file against each other: names, kinds, gates.

Works on the plain data, so it runs even if a value is wrong, and every mistake is reported.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay import misskey
from relay.config.diagnostics import Document, Loc
from relay.misskey.notifications import OTHERS
from relay.model import Visibility
from relay.suggestion import closest, nearest
from relay.units import seconds

VERY_CLOSE = 0.75
"""Forks add kinds of their own: only a kind that is nearly a known one is worth a warning."""

_BOOL = TypeAdapter(bool)
_NO_SUMMER = {"EST": "America/New_York", "MST": "America/Denver"}
_SHOWN_BY_DEFAULT = ("public", "home")


def crosscheck(document: Document, *, listen: str) -> None:
    """Add the mistakes and warnings; ``listen`` is the default address."""
    data = document.data
    hooks, sinks = _part(data, "hooks"), _part(data, "sinks")
    _check_listeners(data, document, listen)
    _check_zones(data, sinks, document)
    _check_hooks(hooks or {}, document)
    for path, route in routes(data):
        _check_route(route, path, hooks, sinks, document)
    _check_route_names(data, document)
    _check_unused(data, hooks, sinks, document)


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The hooks or the sinks; None if they are not a mapping."""
    part = data.get(name, {})
    return part if isinstance(part, dict) else None


def routes(data: Mapping[str, Any]) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    """The routes that are mappings, each with its path."""
    listed = data.get("routes")
    for number, route in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(route, dict):
            yield ("routes", number), route


def texts(value: object, path: Loc) -> Iterator[tuple[Loc, str]]:
    """The texts of a list, or the only text, each with its path."""
    for number, text in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(text, str):
            yield ((*path, number) if isinstance(value, list) else path), text


def _check_listeners(data: Mapping[str, Any], document: Document, listen: str) -> None:
    web = data.get("web")
    inner = web.get("listen") if isinstance(web, dict) else None
    is_same = inner == data.get("listen", listen)
    if isinstance(inner, str) and is_same and not inner.endswith(":0"):
        document.mistake(("web", "listen"), "is the address of the webhooks: use another port")


def _check_zones(
    data: Mapping[str, Any], sinks: Mapping[str, Any] | None, document: Document
) -> None:
    """Warn of zones without summer time, whose names people use for zones that have it."""
    places: list[tuple[Loc, Any]] = [((), data)]
    places += [(("sinks", name), sink) for name, sink in (sinks or {}).items()]
    for path, part in places:
        zone = part.get("timezone") if isinstance(part, dict) else None
        if isinstance(zone, str) and (city := _NO_SUMMER.get(zone)):
            document.warn((*path, "timezone"), f"has no summer time; {city} has")


def _check_hooks(hooks: Mapping[str, Any], document: Document) -> None:
    """Check that each hook has a way by which events come, and all that asking needs."""
    for name, hook in hooks.items():
        path: Loc = ("hooks", name)
        if not isinstance(hook, dict):
            continue
        if {"secret", "token"} <= hook.keys() and _is_zero(document.data.get("hold")):
            document.mistake(
                ("hold",),
                f"0 is not possible while the hook {name} has a secret and a token: "
                "relay could not recognize what it gets in both ways",
            )
        if "token" not in hook:
            if "secret" not in hook:
                document.mistake((*path, "secret"), "secret is missing")
            for key in hook.keys() & {"poll_interval", "notifications"}:
                document.mistake((*path, key), "does nothing without a token")
        elif "server" not in hook:
            document.mistake((*path, "token"), "server is missing: nobody can be asked with it")
        for place, kind in texts(hook.get("notifications"), (*path, "notifications")):
            if kind not in OTHERS and (near := nearest(kind, OTHERS, cutoff=VERY_CLOSE)):
                quoted = document.quoted(place, kind)
                document.warn(place, f"Misskey has no notification {quoted}: did you mean {near}?")


def _is_zero(duration: object) -> bool:
    try:
        return seconds(duration) == 0
    except ValueError:
        return False  # reported as a mistake of its own, if it is written at all


def _check_route(
    route: Mapping[str, Any],
    path: Loc,
    hooks: Mapping[str, Any] | None,
    sinks: Mapping[str, Any] | None,
    document: Document,
) -> None:
    _check_defined(route.get("to"), (*path, "to"), "sink", sinks, document)
    for part in ("match", "unless"):
        conditions, inner = route.get(part), (*path, part)
        if isinstance(conditions, dict):
            _check_defined(conditions.get("hook"), (*inner, "hook"), "hook", hooks, document)
            _check_kinds(conditions.get("event"), (*inner, "event"), document)
    if isinstance(route.get("match"), dict):
        for place, name in texts(route.get("to"), (*path, "to")):
            if sinks is not None and isinstance(sink := sinks.get(name), dict):
                _check_gate(route["match"], sink, name, place, document)


def _check_defined(
    names: object, path: Loc, what: str, known: Mapping[str, Any] | None, document: Document
) -> None:
    for place, name in texts(names, path):
        if known is not None and name not in known:
            quoted = document.quoted(place, name)
            document.mistake(place, f"no {what} is called {quoted}{closest(name, known)}")


def _check_kinds(kinds: object, path: Loc, document: Document) -> None:
    for place, kind in texts(kinds, path):
        if kind in misskey.KINDS:
            continue
        message = f"Misskey has no event {document.quoted(place, kind)}"
        if kind == "quote":
            document.warn(place, f"{message}: a quote is a renote that `has: quote`")
        elif near := nearest(kind, misskey.KINDS, cutoff=VERY_CLOSE):
            document.warn(place, f"{message}: did you mean {near}?")


def _check_gate(
    match: Mapping[str, Any], sink: Mapping[str, Any], name: str, path: Loc, document: Document
) -> None:
    """Check a route against the gate of one of its sinks."""
    for_moderators = [
        kind for _, kind in texts(match.get("event"), ()) if misskey.kind_of(kind).is_moderation
    ]
    if for_moderators and not _is_true(sink.get("moderation", False)):
        document.mistake(
            path,
            f"{for_moderators[0]} is for moderators only, and the sink {name} is not: "
            f"set moderation: true at {name} if only moderators can read it",
        )
    matched = {text for _, text in texts(match.get("visibility"), ())} & set(Visibility)
    visible = {text for _, text in texts(sink.get("visibility", [*_SHOWN_BY_DEFAULT]), ())}
    if matched and not matched & visible:
        document.warn(path, f"the sink {name} never shows these notes: see its visibility")


def _is_true(value: object) -> bool:
    try:
        return _BOOL.validate_python(value)
    except ValidationError:
        return True  # reported as a mistake of its own


def _check_route_names(data: Mapping[str, Any], document: Document) -> None:
    lines: dict[str, int] = {}
    for path, route in routes(data):
        place, name = (*path, "name"), route.get("name")
        if not isinstance(name, str):
            continue
        if name in lines:
            quoted = document.quoted(place, name)
            document.mistake(place, f"another route is called {quoted}, in line {lines[name]}")
        lines.setdefault(name, document.place(place)[0])


def _check_unused(
    data: Mapping[str, Any],
    hooks: Mapping[str, Any] | None,
    sinks: Mapping[str, Any] | None,
    document: Document,
) -> None:
    """Warn of missing hooks, and of sinks without a route."""
    if hooks == {}:
        document.warn(("hooks",), "there are no hooks: no event can arrive")
    routed = {
        name for path, route in routes(data) for _, name in texts(route.get("to"), (*path, "to"))
    }
    for name in sinks or ():
        if name not in routed:
            document.warn(("sinks", name), "no route leads here")
