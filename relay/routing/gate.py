"""
The gate: whether a sink may show an event, and which notes in it. Pure.

Misskey sends every note complete, also the private parent or quote inside a public one. relay is
the last gate before a public channel, so the gate holds for each note in the tree by itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from relay.model import Event, Gate, Note

WITHHELD = Note(withheld=True)
"""Stands in the place of a note that a sink may not show, and hides its author too."""


def denial_reason(gate: Gate, event: Event) -> str | None:
    """
    Why a sink may not show the event at all; None if it may.

    Events of Misskey's test button are local-only. They pass with their note withheld, so that the
    person who presses it sees that the connection works.
    """
    if event.is_moderation and not gate.moderation:
        return "it is for moderators, and the sink has no moderation: true"
    if event.note is None or event.is_test or may_show(gate, event.note):
        return None
    if event.note.visibility not in gate.visibility:
        return f"the sink may not show {event.note.visibility} notes"
    if event.note.local_only and not gate.local_only:
        return "the note is local-only"
    if event.note.signin_only and not gate.signin_only:
        return (
            "its author shows it to signed-in readers only, and the sink has no signin_only: true"
        )
    if event.note.is_gone:
        return "the note is deleted, or hidden from everybody"
    return "Misskey itself hid the note"


def allows(gate: Gate, event: Event) -> bool:
    """Whether a sink may show the event."""
    return denial_reason(gate, event) is None


def may_show(gate: Gate, note: Note) -> bool:
    """Whether a sink may show this note by itself, without its quote and parent."""
    if note.is_hidden or note.withheld:
        return False
    return (
        note.visibility in gate.visibility
        and (gate.local_only or not note.local_only)
        and (gate.signin_only or not note.signin_only)
    )


def revokes(gate: Gate, event: Event) -> bool:
    """
    Whether the note's author has closed it to the sink, or deleted it.

    Then the sink may not show earlier versions of the note either. A note that Misskey hides is
    hidden from one reader only, unless it is gone for everybody.
    """
    note = event.note
    if note is None or (event.is_moderation and not gate.moderation):
        return False
    return note.is_gone or not (note.is_hidden or may_show(gate, note))


def has_lapsed(gate: Gate, note: Note, versions: Iterable[Event]) -> bool:
    """
    Whether one of the note's ``versions`` closes this copy of it to the sink.

    A copy whose ``updated_at`` is later than that version stays open.
    """
    return any(revokes(gate, version) and not _is_later(note, version.note) for version in versions)


def _is_later(copy: Note, version: Note | None) -> bool:
    if version is None or copy.updated_at is None or version.updated_at is None:
        return False
    return copy.updated_at > version.updated_at


def redacted(gate: Gate, event: Event, lapsed: Collection[str] = ()) -> Event:
    """
    The event without the notes that the sink may not show.

    ``lapsed`` are the ids of notes that are withheld whatever this copy of them says.
    """
    if event.note is None:
        return event
    note = _redacted(gate, event.note, lapsed)
    return event if note is event.note else replace(event, note=note)


def _redacted(gate: Gate, note: Note, lapsed: Collection[str]) -> Note:
    if note.id in lapsed or not may_show(gate, note):
        return WITHHELD
    reply = note.reply and _redacted(gate, note.reply, lapsed)
    renote = note.renote and _redacted(gate, note.renote, lapsed)
    if reply is note.reply and renote is note.renote:
        return note  # as nearly every note; to copy one takes as long as to parse it
    return replace(note, reply=reply, renote=renote)
