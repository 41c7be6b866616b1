"""The routes: which sinks get an event, and why a route does not match. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import translate
from typing import Protocol

from relay.model import Event, Note


class Pattern(Protocol):
    """A compiled regular expression that takes linear time."""

    def search(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern for authors' names, in small letters: ``*`` stands for anything, ``?`` for one."""

    text: str
    pattern: re.Pattern[str] | None
    """None: the text has to be met exactly."""

    @classmethod
    def of(cls, text: str) -> "Glob":
        is_exact = not set("*?[") & set(text)
        return cls(text, None if is_exact else re.compile(translate(text)))

    def matches(self, name: str) -> bool:
        return self.text == name if self.pattern is None else bool(self.pattern.match(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Conditions on an event: all must hold, each by any one of its values; None asks nothing."""

    hook: frozenset[str] | None = None
    event: frozenset[str] | None = None
    visibility: frozenset[str] | None = None
    author: tuple[Glob, ...] | None = None
    text: tuple[Pattern, ...] | None = None
    tag: frozenset[str] | None = None
    has: frozenset[str] | None = None
    bot: bool | None = None
    server: frozenset[str] | None = None

    def holds(self, event: Event) -> bool:
        note = event.note
        return (
            (self.hook is None or event.hook in self.hook)
            and (self.event is None or event.kind in self.event)
            and (self.server is None or event.host.lower() in self.server)
            and (
                self.visibility is None or (note is not None and note.visibility in self.visibility)
            )
            and (self.has is None or (note is not None and bool(self.has & features(note))))
            and (self.tag is None or (note is not None and bool(self.tag & tags(note))))
            and (self.author is None or _any_match(self.author, names(event)))
            and (self.bot is None or self.bot == is_bot(event))
            and (self.text is None or (note is not None and _any_found(self.text, note)))
        )


def names(event: Event) -> tuple[str, ...]:
    """What an author is called in patterns: ``bob`` and ``bob@here``, or ``bob@remote.example``."""
    found = event.author
    if found is None or not found.username:
        return ()
    if found.host:
        return (found.acct.lower(),)
    return (found.username.lower(), f"{found.username}@{event.host}".lower())


def is_bot(event: Event) -> bool:
    found = event.author
    return found is not None and found.is_bot


def tags(note: Note) -> frozenset[str]:
    return frozenset(tag.lower() for tag in note.tags)


def features(note: Note) -> frozenset[str]:
    """What a note has, in the words of a route's ``has``."""
    found = {
        "files": bool(note.files),
        "poll": note.poll is not None,
        "cw": note.cw is not None,
        "quote": note.is_quote,
        "sensitive": any(file.is_sensitive for file in note.files),
    }
    return frozenset(name for name, there in found.items() if there)


def _any_match(globs: Iterable[Glob], found: Iterable[str]) -> bool:
    return any(glob.matches(name) for name in found for glob in globs)


def _any_found(patterns: Iterable[Pattern], note: Note) -> bool:
    texts = [text for text in (note.cw, note.text) if text is not None]
    return any(pattern.search(text) for text in texts for pattern in patterns)


EVERYTHING = Match()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Sends the events that match to its sinks. ``unless`` None: nothing is excepted."""

    name: str
    to: tuple[str, ...]
    match: Match = EVERYTHING
    unless: Match | None = None
    when: Callable[[Event], bool] | None = field(default=None, compare=False)
    template: str | None = None
    locale: str | None = None

    def matches(self, event: Event) -> bool:
        return (
            self.match.holds(event)
            and not (self.unless is not None and self.unless.holds(event))
            and (self.when is None or self.when(event))
        )


def explain(route: Route, event: Event) -> str | None:
    """
    Why a route does not send an event, in the words of the configuration; None if it does.

    Of each key that stands in the way, what the event has there.
    """
    unmet = [key for key, alone in _alone(route.match) if not alone.holds(event)]
    if unmet:
        return f"match: {_told(unmet, event)}"
    if route.unless is not None and route.unless.holds(event):
        return f"unless: {_told([key for key, _ in _alone(route.unless)], event)}"
    return None if route.matches(event) else "when: it does not hold"


def _alone(match: Match) -> Iterator[tuple[str, Match]]:
    """Each key of a match, and what it asks by itself."""
    for key in fields(match):
        if (value := getattr(match, key.name)) is not None:
            yield key.name, Match(**{key.name: value})


def _told(keys: Iterable[str], event: Event) -> str:
    return "; ".join(f"{key} is {_had(key, event)}" for key in keys)


def _had(key: str, event: Event) -> str:
    """What the event has where a match asks for something."""
    note = event.note
    if key == "text":  # as long as it likes
        return "another" if note is not None and (note.text or note.cw) else "none"
    found: Mapping[str, Iterable[str]] = {
        "hook": [event.hook],
        "event": [event.kind],
        "server": [event.host.lower()],
        "author": names(event)[-1:],
        "bot": ["true" if is_bot(event) else "false"],
        "visibility": [] if note is None else [note.visibility],
        "has": [] if note is None else sorted(features(note)),
        "tag": [] if note is None else sorted(tags(note)),
    }
    return ", ".join(filter(None, found[key])) or "none"


def sinks_for(event: Event, routes: Iterable[Route]) -> dict[str, str]:
    """
    Name the sinks of all routes that match, each once, with the first route that named it.

    Every route is asked: there is no "first match wins", and no "continue" to forget.
    """
    found: dict[str, str] = {}
    for route in routes:
        if route.matches(event):
            for sink in route.to:
                found.setdefault(sink, route.name)
    return found
