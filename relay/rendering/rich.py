"""
Texts that know on which server they were written, so that names in them can be resolved.

``@bob`` and ``:cat:`` are names on the server of the text's author. ``Rich`` is a text with that
``Origin``: fields of the model get it where a template reads them (``ATTRIBUTIONS``), and the
sandbox keeps it through every filter, method and operator that makes a text of others (``carried``
in ``meter``). The origin of a text of several servers is ``NOWHERE``: mentions in it that name no
server are not linked, because a link to a stranger's profile is worse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from relay.mfm.to_tree import Origin
from relay.model import AbuseReport, Event, Note, Poll, User

NOWHERE = Origin()
"""The origin of a text put together of texts from several servers: unknown."""


Attribution = Callable[[Any, Any, str], Any]
"""Gives a value its origin: from its owner, the value, and the address of the sending server."""


class Rich(str):
    """A text with the server that it was written on."""

    __slots__ = ("origin",)

    origin: Origin

    def __new__(cls, text: str, origin: Origin) -> "Rich":
        rich = super().__new__(cls, text)
        rich.origin = origin
        return rich

    def __getitem__(self, key: Any) -> "Rich":
        return Rich(super().__getitem__(key), self.origin)

    def __iter__(self) -> Iterator["Rich"]:
        return (Rich(char, self.origin) for char in str.__iter__(self))


def combined(texts: Iterable[Any]) -> Origin | None:
    """The one origin of all rich texts among ``texts``; ``NOWHERE`` if they differ."""
    origins = {text.origin for text in texts if text.__class__ is Rich}
    if len(origins) > 1:
        return NOWHERE
    return origins.pop() if origins else None


def common_origin(event: Event) -> Origin:
    """The origin of an event's authors; ``NOWHERE`` if they are on several servers."""
    authors = [] if event.note is None else [note.user for note in event.note.walk()]
    if event.user is not None:
        authors.append(event.user)
    if event.report is not None:
        authors += [event.report.reporter, event.report.target_user]
    hosts = {author.host for author in authors} or {None}
    return Origin(server=event.server, host=hosts.pop()) if len(hosts) == 1 else NOWHERE


def _by(host: Callable[[Any], str | None]) -> Attribution:
    def attribute(owner: Any, text: str, server: str) -> Rich:
        return Rich(text, Origin(server=server, host=host(owner)))

    return attribute


def _within(host: Callable[[Any], str | None], *names: str) -> Attribution:
    """For a value, or a tuple of values, whose fields of these names are by the owner's author."""

    def attribute(owner: Any, value: Any, server: str) -> Any:
        origin = Origin(server=server, host=host(owner))
        if isinstance(value, tuple):
            return tuple(_with_origin(part, names, origin) for part in value)
        return _with_origin(value, names, origin)

    return attribute


def _with_origin(value: Any, names: Iterable[str], origin: Origin) -> Any:
    texts = {name: Rich(text, origin) for name in names if (text := getattr(value, name))}
    return replace(value, **texts)


def _poll(note: Note, poll: Poll, server: str) -> Poll:
    return replace(poll, choices=_of_note("text")(note, poll.choices, server))


_by_author = _by(lambda note: note.user.host)
_by_user = _by(lambda user: user.host)


def _of_note(*names: str) -> Attribution:
    return _within(lambda note: note.user.host, *names)


ATTRIBUTIONS: Mapping[type, Mapping[str, Attribution]] = {
    Note: {
        "text": _by_author,
        "cw": _by_author,
        "mandatory_cw": _by_author,
        "files": _of_note("name", "comment"),
        "event": _of_note("title", "location", "organizer"),
        "poll": _poll,
    },
    User: {
        "name": _by_user,
        "display_name": _by_user,
        "description": _by_user,
        "location": _by_user,
        "fields": _within(lambda user: user.host, "name", "value"),
    },
    AbuseReport: {"comment": _by(lambda report: report.reporter.host)},
}
"""The fields that hold texts of users, each with the function that says whose they are."""
