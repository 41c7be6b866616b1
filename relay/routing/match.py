"""
Routes: which sinks get an event, and why a route does not match it. Pure.

``Match`` has a field for each key of ``match:`` and ``unless:`` in the configuration. A field's
annotation has the values that the file may give, and how to get those of an event: matching,
explaining and the index derive from it. To add a key: a field.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field

from relay.base_settings import OneOrMany, Settings
from relay.model import Event, Note, Visibility

Values = Callable[[Event], Collection[Any]]
Condition = Callable[[Event], bool]

_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?")


class Pattern(Protocol):
    """A glob or a compiled regular expression; both take linear time."""

    def search(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern for authors' names, in lower case: ``*`` matches anything, ``?`` a character."""

    text: str
    regex: re.Pattern[str] | None
    """None: a name matches if it equals ``text``."""

    @classmethod
    def of(cls, text: str) -> "Glob":
        is_exact = not set("*?[") & set(text)
        return cls(text, None if is_exact else re.compile(translate(text)))

    def search(self, name: str) -> bool:
        return self.text == name if self.regex is None else bool(self.regex.match(name))

    @property
    def term(self) -> str | None:
        """The term of ``_author_terms`` that every matching author has; None: there is none."""
        user, at, host = self.text.partition("@")
        if self.regex is None or (at and (user, Glob.of(host).regex) == ("*", None)):
            return self.text
        return self.text if at and (host, Glob.of(user).regex) == ("*", None) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchKey:
    """How a key of ``Match`` is read from an event."""

    values: Values
    """The values of an event; a set matches by any common value, patterns by any match."""
    described: Callable[[Event], Iterable[str]] | None = None
    """The values as ``explain`` shows them, unless they are shown as they are."""
    is_of_note: bool = False
    """Whether only events with a note have values."""
    terms: Callable[[Event], Iterable[str]] | None = None
    """The terms that the index looks up, if other than the values."""
    selectivity: int = 0
    """The index looks routes up by their most selective key; 0: never by this one."""


def author_names(event: Event) -> tuple[str, ...]:
    """An author's names in patterns: ``bob`` and ``bob@here``, or ``bob@remote.example``."""
    author = event.author
    if author is None or not author.username:
        return ()
    if author.host:
        return (author.acct.lower(),)
    return (author.username.lower(), f"{author.username}@{event.host}".lower())


def _author_terms(event: Event) -> Iterable[str]:
    """The exact names, and the globs ``bob@*`` and ``*@host`` that match them."""
    for name in author_names(event):
        yield name
        user, at, host = name.partition("@")
        if at:
            yield from (f"{user}@*", f"*@{host}")


def is_bot(event: Event) -> bool:
    return event.author is not None and event.author.is_bot


def features(note: Note) -> frozenset[str]:
    """The features of a note, in the words of ``has``."""
    present = {
        "files": bool(note.files),
        "poll": note.poll is not None,
        "cw": note.cw is not None,
        "quote": note.is_quote,
        "sensitive": any(file.is_sensitive for file in note.files),
    }
    return frozenset(name for name, is_present in present.items() if is_present)


def _texts(note: Note) -> list[str]:
    return [text for text in (note.cw, note.text) if text is not None]


def _of_note(read: Callable[[Note], Collection[Any]]) -> Values:
    return lambda event: () if event.note is None else read(event.note)


def _glob(pattern: object) -> Glob:
    if not isinstance(pattern, str):
        raise ValueError("should be a name like bob, or a pattern like *@misskey.example")
    return Glob.of(pattern.lower().removeprefix("@"))


def _regex(pattern: object) -> Pattern:
    """Compile a pattern of RE2, which takes linear time (https://github.com/google/re2/wiki/Syntax)."""
    if not isinstance(pattern, str):
        raise ValueError("should be a regular expression")
    import re2  # late: see tests/unit/test_late_imports.py

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        # RE2's message ends with the part of the pattern that is wrong: that can be a secret.
        message = error.args[0]
        message = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        raise ValueError(f"not a regular expression of RE2: {message.split(':')[0]}") from None
    return compiled


def _tag(tag: str) -> str:
    return tag.lower().removeprefix("#")


def _host(server: str) -> str:
    host = server.lower().rpartition("://")[2].rstrip("/")
    if not _HOST.fullmatch(host):
        raise ValueError("should be the name of a server, like misskey.example")
    return host


_LIST = (Field(min_length=1), OneOrMany())

Names = Annotated[frozenset[str], *_LIST]
Visibilities = Annotated[frozenset[Visibility], *_LIST]
Features = Annotated[frozenset[Literal["files", "poll", "cw", "quote", "sensitive"]], *_LIST]
Globs = Annotated[
    tuple[Annotated[Glob, BeforeValidator(_glob, json_schema_input_type=str)], ...],
    *_LIST,
]
Regexes = Annotated[
    tuple[Annotated[Any, BeforeValidator(_regex, json_schema_input_type=str)], ...], *_LIST
]
Tags = Annotated[frozenset[Annotated[str, AfterValidator(_tag)]], *_LIST]
Hosts = Annotated[frozenset[Annotated[str, AfterValidator(_host)]], *_LIST]


class Match(Settings):
    """Conditions: all keys must hold; a list means any of."""

    hook: Annotated[Names | None, MatchKey(values=lambda event: (event.hook,), selectivity=3)] = (
        None
    )
    """The hook by which the event came."""
    event: Annotated[Names | None, MatchKey(values=lambda event: (event.kind,), selectivity=1)] = (
        None
    )
    """Kinds of events, like ``mention``."""
    visibility: Annotated[
        Visibilities | None,
        MatchKey(values=_of_note(lambda note: (note.visibility,)), is_of_note=True),
    ] = None
    """The visibility of the note in Misskey."""
    author: Annotated[
        Globs | None,
        MatchKey(
            values=author_names,
            described=lambda event: author_names(event)[-1:],
            terms=_author_terms,
            selectivity=5,
        ),
    ] = None
    """Patterns with ``*``: ``bob``, or ``*@misskey.example``."""
    text: Annotated[
        Regexes | None,
        MatchKey(
            values=_of_note(_texts),
            described=_of_note(lambda note: ["another"] if any(_texts(note)) else []),
            is_of_note=True,
        ),
    ] = None
    """Regular expressions, looked for in a note's text and content warning."""
    tag: Annotated[
        Tags | None,
        MatchKey(
            values=_of_note(lambda note: {tag.lower() for tag in note.tags}),
            is_of_note=True,
            selectivity=4,
        ),
    ] = None
    """Hashtags of the note."""
    has: Annotated[Features | None, MatchKey(values=_of_note(features), is_of_note=True)] = None
    """Features of the note."""
    bot: Annotated[
        bool | None,
        MatchKey(
            values=lambda event: (is_bot(event),),
            described=lambda event: ["true" if is_bot(event) else "false"],
        ),
    ] = None
    """Whether the author is marked as a bot."""
    server: Annotated[
        Hosts | None, MatchKey(values=lambda event: (event.host.lower(),), selectivity=2)
    ] = None
    """The server that sent the event."""

    @cached_property
    def conditions(self) -> Mapping[str, Condition]:
        """A condition for each key that is given."""
        return {
            name: _condition(KEYS[name].values, value)
            for name in KEYS
            if (value := getattr(self, name)) is not None
        }

    def matches(self, event: Event) -> bool:
        for condition in self.conditions.values():  # noqa: SIM110  # all() is half as fast
            if not condition(event):
                return False
        return True


KEYS = {
    name: next(part for part in info.metadata if isinstance(part, MatchKey))
    for name, info in Match.model_fields.items()
}
"""How each key of ``Match`` is read from an event."""


def _condition(values: Values, setting: Any) -> Condition:
    """A test whether any value is in a set, equals a flag, or matches one of several patterns."""
    if isinstance(setting, bool):
        return lambda event: setting in values(event)
    if isinstance(setting, tuple):
        return lambda event: any(
            pattern.search(value) for value in values(event) for pattern in setting
        )
    return lambda event: not setting.isdisjoint(values(event))


EVERYTHING = Match()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Sends the events that match to its sinks. ``unless`` None: there are no exceptions."""

    name: str
    to: tuple[str, ...]
    match: Match = EVERYTHING
    unless: Match | None = None
    when: Callable[[Event], bool] | None = field(default=None, compare=False)
    template: str | None = None
    locale: str | None = None

    def matches(self, event: Event) -> bool:
        return (
            self.match.matches(event)
            and not (self.unless is not None and self.unless.matches(event))
            and (self.when is None or self.when(event))
        )


def explain(route: Route, event: Event) -> str | None:
    """
    Why a route does not match an event, in the words of the configuration; None if it does.

    Shows what the event has for each key that is not met.
    """
    unmet = [name for name, holds in route.match.conditions.items() if not holds(event)]
    if unmet:
        return f"match: {_described(unmet, event)}"
    if route.unless is not None and route.unless.matches(event):
        return f"unless: {_described(route.unless.conditions, event)}"
    return None if route.matches(event) else "when: it does not hold"


def _described(names: Iterable[str], event: Event) -> str:
    keys = {name: KEYS[name] for name in names}
    values = {
        name: sorted(key.values(event)) if key.described is None else key.described(event)
        for name, key in keys.items()
    }
    return "; ".join(
        f"{name} is {', '.join(filter(None, texts)) or 'none'}" for name, texts in values.items()
    )


def sinks_for(event: Event, routes: Iterable[Route]) -> dict[str, str]:
    """
    The sinks of all routes that match, each once, with the first route that names it.

    Every route is asked: there is no "first match wins", and no "continue" to forget.
    """
    sinks: dict[str, str] = {}
    for route in routes:
        if route.matches(event):
            for sink in route.to:
                sinks.setdefault(sink, route.name)
    return sinks
