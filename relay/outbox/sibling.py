"""
Events that belong together: Misskey tells one happening several times, and again when it changed.

A reply fires ``reply`` and ``mention``, two hooks bring the same note twice, an unfollow of a
remote user comes twice: of those a sink gets one message, by the kind that tells most. An edited
note comes under the same id, a resolved report too: those change the message. Pure.
"""

import hashlib
from collections.abc import Collection
from enum import Enum, auto

from relay.model import Event, Note, Sibling, Visibility

TELLING = ("note", "mention", "renote", "reply", "edited")  # the more telling kind comes later
RESOLVED = frozenset({"abuseReportResolved", "reportResolved", "reportAutoResolved"})
UNFOLLOW_WITHIN = 10_000  # milliseconds; the second one came after 56 to 132


class Fate(Enum):
    """What becomes of an event of whose subject a sink was told, or will be."""

    MERGED = auto()
    """Nothing is sent for it: what it tells was told, or is out of date."""
    REPLACES = auto()
    """It is sent instead of the earlier one, which still waits."""
    EDITS = auto()
    """It changes the message of the earlier one."""


def sibling(event: Event, *, bound: Collection[str] = ()) -> Sibling | None:
    """
    What an event has in common with those that tell of the same; None if nothing else can.

    ``bound`` are the hooks that bring the events of one server only. An event says by itself from
    where it is: so what others claim of a server touches nothing that came by these.
    """
    note, user, report = event.note, event.user, event.report
    if event.is_test:  # every test has the same ids
        return None
    if note is not None and note.id and event.kind in TELLING:
        return Sibling(
            subject=subject(event, note, bound=bound),
            version=version(note),
            rank=TELLING.index(event.kind),
            updated_at=note.updated_at,
        )
    origin = _origin(event, bound)
    if report is not None and report.id:
        return Sibling(subject=f"report {origin} {report.id}", version=event.kind)
    if event.kind == "unfollow" and user is not None and user.id:
        about = f"unfollow {origin} {event.hook} {user.id}"
        return Sibling(subject=about, within=UNFOLLOW_WITHIN)
    return None


def subject(event: Event, note: Note, *, bound: Collection[str]) -> str:
    """What events have in common that tell of this note, which is somewhere in the event."""
    return f"note {_origin(event, bound)} {note.id}"


def restricts(event: Event, *, bound: Collection[str]) -> str | None:
    """The subject of the event's note, if not everybody may see it: some sinks may not show it."""
    note = event.note
    if note is None or not note.id or event.is_test:
        return None
    is_open = note.visibility is Visibility.PUBLIC and not (
        note.local_only or note.signin_only or note.is_gone
    )
    return None if is_open else subject(event, note, bound=bound)


def _origin(event: Event, bound: Collection[str]) -> str:
    return event.server if event.hook in bound else f"claimed {event.server}"


def version(note: Note) -> str:
    """
    A digest of what the author wrote, for whom, and when: an edited note is another version.

    What readers did with a note, such as reactions, is no edit.
    """
    choices = tuple(choice.text for choice in note.poll.choices) if note.poll is not None else ()
    files = tuple(file.id for file in note.files)
    more = {"signin": note.signin_only, "gone": note.is_gone}
    whom = (note.visibility, note.local_only, *(word for word, holds in more.items() if holds))
    event = () if note.event is None else (note.event,)
    said = (note.text, note.cw, files, choices, note.updated_at, *whom, *event)
    return hashlib.sha256(repr(said).encode(errors="surrogatepass")).hexdigest()[:16]


def is_change(event: Event) -> bool:
    """Whether an event by itself says that something earlier is no longer as it was told."""
    if event.kind == "edited" or event.kind in RESOLVED:
        return True
    return event.note is not None and event.note.updated_at is not None


def fate(
    later: Sibling,
    *,
    created_at: int,
    version: str,
    rank: int,
    told_at: int,
    waits: bool,
    is_withdrawn: bool = False,
    updated_at: int | None = None,
    was_withdrawn: bool = False,
    is_lost: bool = False,
) -> Fate:
    """
    What becomes of ``later``, an event of ``created_at``; withdrawn is what may not be shown.

    ``version``, ``rank``, ``told_at`` (when it happened), ``updated_at`` and ``was_withdrawn`` are
    those of the last of its subject. That one ``waits`` if no attempt was made to send it, and
    ``is_lost`` if it was given up.
    """
    if later.version == version:
        if is_withdrawn and is_lost:
            return Fate.EDITS
        return Fate.REPLACES if waits and later.rank > rank else Fate.MERGED
    edited = later.updated_at, updated_at
    if _is_older(edited, (is_withdrawn, was_withdrawn), (created_at, told_at)):
        return Fate.MERGED
    return Fate.REPLACES if waits else Fate.EDITS


def _is_older(
    edited: tuple[int | None, int | None],
    withdrawn: tuple[bool, bool],
    happened: tuple[int, int],
) -> bool:
    """
    Whether the first of two versions is out of date, of which the first came later.

    The network shuffles events, and Misskey repeats them for minutes. What their author did tells
    the order; clocks may be wrong. In doubt what may not be shown is the newer one.
    """
    match edited:
        case int(one), int(other) if one != other:
            return one < other
    if withdrawn[0] != withdrawn[1]:
        return withdrawn[1]
    match edited:
        case int(), None:
            return False
        case None, int():
            return True
    return happened[0] < happened[1]
