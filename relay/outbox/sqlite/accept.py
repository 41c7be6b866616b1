"""
Stores new events and their deliveries in SQLite, merging siblings.

Many events take as few statements as one: each statement releases the interpreter lock and waits to
get it back, which takes longer than all the rest while the event loop is busy.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from relay.outbox.records import NewEvent
from relay.outbox.siblings import (
    DeliveryRow,
    Pending,
    PostedSinks,
    Replacement,
    Sinks,
    accepted_sinks,
    decide,
    independent,
    pending_deliveries,
)
from relay.outbox.sqlite import statements

Values = tuple[object, ...]

SIZES = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""The numbers of rows in a statement: few, so that all statements stay prepared."""


def accepted(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> Sequence[Sinks | None]:
    """Store events in a transaction; returns for each what ``Outbox.accept`` does."""
    event_ids = _add_events(db, new_events)
    deliveries = pending_deliveries(new_events, event_ids, _posted_sinks(db, new_events))
    answers = accepted_sinks(event_ids, deliveries)
    while deliveries:
        first, deliveries = independent(deliveries)
        _add(db, first)
    return answers


def _add_events(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> Sequence[int | None]:
    """The id of each event; None if it had come before, or earlier in the same batch."""
    keys = [(new_event.event.id, new_event.event.hook) for new_event in new_events]
    seen = {(row["event_id"], row["hook"]) for row in _fetched(db, statements.KNOWN_EVENTS, keys)}
    last = int(db.execute(statements.LAST_EVENT).fetchone()[0])
    events, rows = list[int | None](), list[Values]()
    for key, new_event in zip(keys, new_events, strict=True):
        is_new = key not in seen
        seen.add(key)
        if is_new:
            last += 1
            rows.append(_event(last, new_event))
        events.append(last if is_new else None)
    _write(db, statements.ADD_EVENTS, rows)
    return events


def _event(id: int, new_event: NewEvent) -> Values:
    event = new_event.event
    return (
        id, event.hook, event.id, event.kind, event.server, event.created_at,
        new_event.now, new_event.raw, new_event.updated_at, new_event.restricts,
    )  # fmt: skip


def _posted_sinks(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> PostedSinks:
    """For the subjects that some sinks may get only as an edit."""
    changes = {
        (new_event.subject_version.subject, new_event.event.hook)
        for new_event in new_events
        if new_event.subject_version is not None and new_event.editing
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
    _write(db, statements.ADD_DELIVERIES, rows)


def _last(db: sqlite3.Connection, deliveries: Sequence[Pending]) -> Mapping[int, Mapping[str, Any]]:
    """By its place, the last delivery of the same sink and subject."""
    subjects = [
        (
            place,
            pending.sink,
            subject_version.subject,
            pending.new_event.since,
            pending.is_withdrawn,
        )
        for place, pending in enumerate(deliveries)
        if (subject_version := pending.new_event.subject_version) is not None
    ]
    return {row["place"]: dict(row) for row in _fetched(db, statements.LAST, subjects)}


def _delivery(row: DeliveryRow) -> Values:
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        row.subject, row.version, row.rank, row.merged, row.edits, row.key,
        row.withdrawn,
    )  # fmt: skip


def _write(db: sqlite3.Connection, template: str, rows: Sequence[Values]) -> None:
    for statement, values in _filled(template, rows):
        db.execute(statement, values)


def _fetched(
    db: sqlite3.Connection, template: str, rows: Sequence[Values]
) -> Iterator[sqlite3.Row]:
    for statement, values in _filled(template, rows):
        yield from db.execute(statement, values).fetchall()


def _filled(template: str, rows: Sequence[Values]) -> Iterator[tuple[str, list[object]]]:
    """A statement about rows, as several statements of the sizes above with their values."""
    done = 0
    while done < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - done)
        chunk = rows[done : done + size]
        marks = f"({', '.join('?' * len(chunk[0]))})"
        values = [value for row in chunk for value in row]
        yield template.format(rows=", ".join([marks] * size)), values
        done += size
