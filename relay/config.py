"""The configuration file: strict, and all its mistakes are told at once, with their places."""

import os
import re
from collections.abc import Mapping
from fnmatch import translate
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import re2
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from relay import misskey
from relay.complaint import closest, complaints
from relay.duration import Duration, Size
from relay.errors import ConfigError, TemplateError
from relay.model import Visibility
from relay.rendering import Templates
from relay.routing import Match, Pattern, Route
from relay.secret import Secret
from relay.sinks import AnySink, Settings
from relay.source import Source, read

RETRY = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0)
DAY = 86400.0
FEATURES = Literal["files", "poll", "cw", "quote", "sensitive"]


def _several(found: object) -> object:
    """A single value where a list may stand."""
    return found if isinstance(found, list | tuple | None) else [found]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):
        raise ValueError("no such time zone: it should be like UTC or Asia/Tokyo") from None
    return name


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.lower().lstrip("@")))


def _regex(pattern: str) -> Pattern:
    """RE2 takes linear time: no text makes it hang. https://github.com/google/re2/wiki/Syntax"""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"not a regular expression: {reason}") from None
    return compiled


def _origin(server: str) -> str:
    if not (found := misskey.origin(server.rstrip("/"))):
        raise ValueError("should be an address like https://misskey.example")
    return found


def _host(server: str) -> str:
    return server.lower().partition("://")[2] or server.lower()


def _lower(tag: str) -> str:
    return tag.lower().removeprefix("#")


def _not_blank(secret: Secret) -> Secret:
    if not secret.reveal().strip():
        raise ValueError("is empty: anybody could post events")
    return secret


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Names = Annotated[frozenset[str], BeforeValidator(_several)]
Locale = Literal["en", "ja", "ko", "zh-Hans", "zh-Hant"]


class HookSettings(Settings):
    """A way in: where one Misskey webhook posts to."""

    secret: Annotated[
        tuple[Annotated[Secret, AfterValidator(_not_blank)], ...],
        BeforeValidator(_several),
        Field(min_length=1),
    ]
    """What Misskey sends in X-Misskey-Hook-Secret; several are valid while it is changed."""
    server: Annotated[str, AfterValidator(_origin)] = ""
    """The only server whose events are taken."""


class MatchSettings(Settings):
    """Conditions: all keys must hold; a list means any of."""

    hook: Names | None = None
    event: Names | None = None
    visibility: Annotated[frozenset[Visibility], BeforeValidator(_several)] | None = None
    author: Annotated[tuple[str, ...], BeforeValidator(_several)] | None = None
    text: (
        Annotated[
            tuple[Annotated[object, AfterValidator(lambda it: _regex(str(it)))], ...],
            BeforeValidator(_several),
        ]
        | None
    ) = None
    tag: Names | None = None
    has: Annotated[frozenset[FEATURES], BeforeValidator(_several)] | None = None
    bot: bool | None = None
    server: Names | None = None

    def compiled(self) -> Match:
        return Match(
            hook=self.hook,
            event=self.event,
            visibility=self.visibility,
            author=None if self.author is None else tuple(map(_glob, self.author)),
            text=self.text,  # type: ignore[arg-type]
            tag=None if self.tag is None else frozenset(map(_lower, self.tag)),
            has=self.has,
            bot=self.bot,
            server=None if self.server is None else frozenset(map(_host, self.server)),
        )


class RouteSettings(Settings):
    """Sends the events that match to its sinks."""

    to: Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
    name: str | None = None
    match: MatchSettings = MatchSettings()
    unless: MatchSettings | None = None
    when: str | None = None
    """A Jinja expression over the event."""
    template: Name | None = None
    """Use ``<event>.<template>.j2`` where there is one."""
    locale: Locale | None = None


class Config(Settings):
    """Everything that the file says."""

    listen: str = "127.0.0.1:8095"
    """host:port, or unix:/path/of/a/socket."""
    outbox: str = "sqlite:relay.db"
    locale: Locale = "en"
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    templates: Path | None = None
    retention: Duration = 7 * DAY
    """How long delivered and dead messages stay visible."""
    max_body: Size = 4 * 2**20
    hold: Duration = 0.3
    """How long an event waits for its siblings and its turn."""
    retry: tuple[Duration, ...] = RETRY
    """The waits before the second, third, ... attempt; then a delivery is dead."""
    hooks: dict[Name, HookSettings] = Field(default_factory=dict)
    sinks: dict[Name, AnySink] = Field(default_factory=dict)
    routes: tuple[RouteSettings, ...] = ()

    def templates_in(self) -> Templates:
        return Templates(self.templates)

    def routes_with(self, templates: Templates) -> tuple[Route, ...]:
        """The routes, ready to be asked. Raises TemplateError if a ``when`` is no expression."""
        return tuple(
            Route(
                name=route.name or f"#{number}",
                to=route.to,
                match=route.match.compiled(),
                unless=None if route.unless is None else route.unless.compiled(),
                when=None if route.when is None else templates.predicate(route.when),
                template=route.template,
                locale=route.locale,
            )
            for number, route in enumerate(self.routes, start=1)
        )


def load(path: Path, *, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a file. Raises ConfigError with all mistakes, a line each."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    return parse(text, file=str(path), base=path.parent, environ=environ)


def parse(text: str, *, file: str, base: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration; names of files in it start at ``base``."""
    source = read(text, base=base, environ=environ)
    data = {} if source.data is None else source.data
    config = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        # include_input: what was given can be a secret
        for found in error.errors(include_input=False, include_url=False):
            source.mistake(*complaints(Config, found))
    if isinstance(data, dict):
        _check_names(data, source)
    if config is not None and not source.mistakes:
        config = config.model_copy(update={"templates": _directory(config, base, source)})
        _check_templates(config, source)
    if source.mistakes or config is None:
        told = sorted(set(source.mistakes))
        raise ConfigError("\n".join(mistake.told(file) for mistake in told))
    return config


def _check_names(data: Mapping[str, object], source: Source) -> None:
    """Check what one part of the file says of another; over plain data, to run in any case."""
    known = {part: data[part] for part in ("hooks", "sinks") if isinstance(data.get(part), dict)}
    hooks, sinks = (dict(known.get(part) or {}) for part in ("hooks", "sinks"))  # type: ignore[call-overload]
    routes = data.get("routes")
    names: set[object] = set()
    for number, route in enumerate(routes if isinstance(routes, list) else ()):
        if not isinstance(route, dict):
            continue
        if (name := route.get("name")) in names and name is not None:
            source.mistake(("routes", number, "name"), f"another route is called {name}")
        names.add(name)
        undefined = partial(_check_defined, source=source)
        undefined(route.get("to"), sinks, "sink", ("routes", number, "to"))
        for part in ("match", "unless"):
            if isinstance(match := route.get(part), dict):
                undefined(match.get("hook"), hooks, "hook", ("routes", number, part, "hook"))
        _check_moderation(route, sinks, number, source)


def _check_defined(
    found: object,
    known: Mapping[str, object],
    what: str,
    path: tuple[str | int, ...],
    *,
    source: Source,
) -> None:
    for name in _list(found):
        if isinstance(name, str) and name not in known:
            source.mistake(path, f"no {what} is called {name}{closest(name, known)}")


def _check_moderation(
    route: Mapping[str, object], sinks: Mapping[str, object], number: int, source: Source
) -> None:
    match = route.get("match")
    wanted = _list(match.get("event")) if isinstance(match, dict) else []
    kinds = [kind for kind in wanted if kind in misskey.MODERATION_KINDS]
    for name in _list(route.get("to")):
        sink = sinks.get(name) if isinstance(name, str) else None
        if kinds and isinstance(sink, dict) and sink.get("moderation") is not True:
            source.mistake(
                ("routes", number, "to"),
                f"{kinds[0]} is for moderators only, and the sink {name} is not marked as theirs: "
                f"set moderation: true at {name} if none but moderators can read it",
            )


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else [] if found is None else [found]


def _directory(config: Config, base: Path, source: Source) -> Path | None:
    if config.templates is None:
        return None
    directory = base / config.templates
    if not directory.is_dir():
        source.mistake(("templates",), f"there is no folder {directory}")
    return directory


def _check_templates(config: Config, source: Source) -> None:
    """Check what only templates can tell: conditions, and the variants that routes name."""
    if source.mistakes:
        return
    templates = config.templates_in()
    for number, route in enumerate(config.routes):
        try:
            _ = route.when is None or templates.predicate(route.when)
        except TemplateError as error:
            source.mistake(("routes", number, "when"), str(error))
        variant = route.template
        if variant and not any(name.endswith(f".{variant}.j2") for name in templates.names):
            text = f"there is no template of that name: no file <event>.{variant}.j2"
            source.mistake(("routes", number, "template"), text)
