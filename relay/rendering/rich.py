"""
Texts that know on which server they were written, so that names in them can be resolved.

``@bob`` and ``:cat:`` mean what they mean on the server of the text's author. ``Rich`` is a text
with that ``Origin``; the sandbox keeps the origin through every filter, method and operator that
makes a text of others (``carried``, ``combined``). A text of several origins has none: mentions
in it that name no server are not linked, because a link to a stranger's profile is worse.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from relay.mfm.to_tree import Origin
from relay.model import AbuseReport, Event, Note, User

NOWHERE = Origin()
"""The origin of a text put together of texts from several servers: unknown."""


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


def combined(texts: Iterable[Any]) -> Origin | None:
    """The one origin of all rich texts among ``texts``; ``NOWHERE`` if they differ."""
    origins = {text.origin for text in texts if text.__class__ is Rich}
    if len(origins) > 1:
        return NOWHERE
    return origins.pop() if origins else None


def carried(result: Any, args: Iterable[Any]) -> Any:
    """A text, or a list of texts, with the origin of the texts that an operation made it of."""
    kind = result.__class__
    if kind is not str and kind is not list and kind is not tuple:
        return result
    origin = combined(args)
    if origin is None:
        return result
    if kind is str:
        return Rich(result, origin)
    return kind(Rich(part, origin) if part.__class__ is str else part for part in result)


def with_origins(event: Event) -> Event:
    """The same event, with every text that a user wrote as ``Rich``."""
    server = event.server
    note, user, report = event.note, event.user, event.report
    return replace(
        event,
        note=None if note is None else _note(note, server),
        user=None if user is None else _user(user, server),
        report=None if report is None else _report(report, server),
    )


def common_origin(event: Event) -> Origin:
    """The origin of an event's authors; ``NOWHERE`` if they are on several servers."""
    authors = [] if event.note is None else [note.user for note in event.note.walk()]
    if event.user is not None:
        authors.append(event.user)
    if event.report is not None:
        authors += [event.report.reporter, event.report.target_user]
    hosts = {author.host for author in authors} or {None}
    return Origin(server=event.server, host=hosts.pop()) if len(hosts) == 1 else NOWHERE


def _rich(text: str | None, origin: Origin) -> str | None:
    return Rich(text, origin) if text else text


def _note(note: Note, server: str) -> Note:
    origin = Origin(server=server, host=note.user.host)
    changes: dict[str, Any] = {
        "user": _user(note.user, server),
        "text": _rich(note.text, origin),
        "cw": _rich(note.cw, origin),
    }
    if note.mandatory_cw:
        changes["mandatory_cw"] = Rich(note.mandatory_cw, origin)
    if note.files:
        changes["files"] = tuple(
            replace(file, name=Rich(file.name, origin), comment=_rich(file.comment, origin))
            for file in note.files
        )
    if note.poll is not None:
        choices = (replace(choice, text=Rich(choice.text, origin)) for choice in note.poll.choices)
        changes["poll"] = replace(note.poll, choices=tuple(choices))
    if note.event is not None:
        changes["event"] = replace(
            note.event,
            title=_rich(note.event.title, origin),
            location=_rich(note.event.location, origin),
            organizer=_rich(note.event.organizer, origin),
        )
    if note.reply is not None:
        changes["reply"] = _note(note.reply, server)
    if note.renote is not None:
        changes["renote"] = _note(note.renote, server)
    return replace(note, **changes)


def _user(user: User, server: str) -> User:
    origin = Origin(server=server, host=user.host)
    fields = (
        replace(line, name=Rich(line.name, origin), value=Rich(line.value, origin))
        for line in user.fields
    )
    return replace(
        user,
        name=_rich(user.name, origin),
        description=_rich(user.description, origin),
        location=_rich(user.location, origin),
        fields=tuple(fields),
    )


def _report(report: AbuseReport, server: str) -> AbuseReport:
    assignee = report.assignee
    return replace(
        report,
        target_user=_user(report.target_user, server),
        reporter=_user(report.reporter, server),
        assignee=None if assignee is None else _user(assignee, server),
        comment=_rich(report.comment, Origin(server=server, host=report.reporter.host)),
    )
