"""
Stores events in SQLite as they come, and their deliveries once they are routed, merging siblings.

Many events take as few statements as one.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from relay.outbox.decisions import ROUTED_BYTES, Decision, UnstorableError, facts, withheld
from relay.outbox.records import JournalEntry, RoutedEvent
from relay.outbox.siblings import (
    DeliveryRow,
    Pending,
    PostedSinks,
    Replacement,
    decide,
    independent,
    pending_deliveries,
)
from relay.outbox.sqlite import statements
from relay.outbox.sqlite.rows import Values, fetched, write

UNSTORABLE = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeError,
)
"""Errors that are due to the values, and not to the file."""


def journal(db: sqlite3.Connection, entries: Sequence[JournalEntry]) -> Sequence[bool]:
    """Store events in a transaction, to be routed later; see ``Outbox.journal``."""
    ids = _add_events(db, entries)
    unrouted = zip(ids, entries, strict=True)
    rows = [(id, entry.note_id) for id, entry in unrouted if id is not None]
    write(db, statements.ADD_UNROUTED, rows)
    return [id is not None for id in ids]


def _add_events(db: sqlite3.Connection, entries: Sequence[JournalEntry]) -> Sequence[int | None]:
    """The id of each event; None if it had come before, or earlier in the same batch."""
    added, last = write(db, statements.ADD_EVENTS, [entry[:7] for entry in entries])
    first = last - added + 1  # ids follow each other: no other process writes meanwhile
    if added == len(entries):
        return range(first, last + 1)
    rows = db.execute(statements.EVENTS_FROM, (first,)).fetchall() if added else ()
    ids = {(row["hook"], row["event_id"]): row["id"] for row in rows}
    return [ids.pop((entry.hook, entry.event_id), None) for entry in entries]


def unrouted(db: sqlite3.Connection, *, limit: int) -> tuple[Sequence[int], Sequence[JournalEntry]]:
    """The oldest events that wait to be routed: their ids, and as they came."""
    ids, entries, size = list[int](), list[JournalEntry](), 0
    for row in db.execute(statements.OLDEST_UNROUTED, (limit,)):
        ids.append(row["id"])
        entries.append(JournalEntry._make(row[1:]))
        size += len(row["raw"])
        if size >= ROUTED_BYTES:
            break
    return ids, entries


def route(db: sqlite3.Connection, decisions: Sequence[Decision]) -> Collection[str]:
    """Store decisions on events of the journal; returns the sinks with new deliveries."""
    ids = [(decision.id,) for decision in decisions]
    waited = {row["event"] for row in fetched(db, statements.TAKE_UNROUTED, ids)}
    return store(db, [decision for decision in decisions if decision.id in waited])


def replay(
    db: sqlite3.Connection, entry: JournalEntry, routed: RoutedEvent
) -> Collection[str] | None:
    """See ``Outbox.replay``."""
    (id,) = _add_events(db, [entry])
    return None if id is None else store(db, [Decision(id, entry, routed)])


def store(db: sqlite3.Connection, decisions: Sequence[Decision]) -> Collection[str]:
    """Store decisions on events; returns the sinks. Raises UnstorableError."""
    try:
        write(db, statements.SET_ROUTED, facts(decisions))
        write(db, statements.ADD_WITHHELD, withheld(decisions))
        deliveries = pending_deliveries(decisions, _posted_sinks(db, decisions))
        sinks = {pending.sink for pending in deliveries}
        while deliveries:
            first, deliveries = independent(deliveries)
            _add(db, first)
    except UNSTORABLE as error:
        raise UnstorableError(str(error)) from None
    return sinks


def _posted_sinks(db: sqlite3.Connection, decisions: Sequence[Decision]) -> PostedSinks:
    """For the subjects that some sinks may get only as an edit."""
    changes = {
        (version.subject, decision.entry.hook)
        for decision in decisions
        if (version := decision.routed.subject_version) is not None and decision.routed.editing
    }
    return {
        same: [sink for (sink,) in db.execute(statements.POSTED_SINKS, same)] for same in changes
    }


def _add(db: sqlite3.Connection, deliveries: Sequence[Pending]) -> None:
    """Store independent deliveries, each merged with the last of its subject."""
    last = _last(db, deliveries)
    rows = list[Values]()
    for place, pending in enumerate(deliveries):
        row = decide(pending, last.get(place))
        if isinstance(row, Replacement):
            by = row.by
            values = (by.event, by.route, by.version, by.rank, by.key, by.withdrawn, row.id)
            db.execute(statements.REPLACE, values)
            row = row.merged
        if row is not None:
            rows.append(_delivery(row))
    write(db, statements.ADD_DELIVERIES, rows)


def _last(db: sqlite3.Connection, deliveries: Sequence[Pending]) -> Mapping[int, Mapping[str, Any]]:
    """By its place, the last delivery of the same sink and subject."""
    subjects = [
        (place, pending.sink, version.subject, pending.decision.since, pending.is_withdrawn)
        for place, pending in enumerate(deliveries)
        if (version := pending.subject_version) is not None
    ]
    return {row["place"]: dict(row) for row in fetched(db, statements.LAST, subjects)}


def _delivery(row: DeliveryRow) -> Values:
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        row.subject, row.version, row.rank, row.merged, row.edits, row.key,
        row.withdrawn,
    )  # fmt: skip
