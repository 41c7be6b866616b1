"""
Events that belong together: Misskey tells one happening several times, and again when it changed.

A reply fires ``reply`` and ``mention``, two hooks bring the same note twice, an unfollow of a
remote user comes twice: of those a sink gets one message, by the kind that tells most. An edited
note comes under the same id, a resolved report too: those change the message. Pure.
"""

import hashlib
from collections.abc import Collection
from enum import Enum, auto

from relay.model import Event, Note, Sibling

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
    origin = event.server if event.hook in bound else f"claimed {event.server}"
    if event.is_test:  # every test has the same ids
        return None
    if note is not None and note.id and event.kind in TELLING:
        subject = f"note {origin} {note.id}"
        return Sibling(subject=subject, version=version(note), rank=TELLING.index(event.kind))
    if report is not None and report.id:
        return Sibling(subject=f"report {origin} {report.id}", version=event.kind)
    if event.kind == "unfollow" and user is not None and user.id:
        subject = f"unfollow {origin} {event.hook} {user.id}"
        return Sibling(subject=subject, within=UNFOLLOW_WITHIN)
    return None


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
    later: Sibling, *, created_at: int, version: str, rank: int, told_at: int, waits: bool
) -> Fate:
    """
    What becomes of ``later``, an event of ``created_at``.

    ``version``, ``rank`` and ``told_at`` (when it happened) are those of the last of its subject,
    which ``waits`` if no attempt was made to send it. The network shuffles events, and Misskey
    repeats them for minutes: so what happened before is out of date, whenever it comes.
    """
    if later.version == version:
        return Fate.REPLACES if waits and later.rank > rank else Fate.MERGED
    if created_at < told_at:
        return Fate.MERGED
    return Fate.REPLACES if waits else Fate.EDITS
