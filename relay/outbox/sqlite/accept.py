"""
Events come into SQLite: as new deliveries, or as more of what a sink was told before.

Many at once take as few statements as one. Each statement gives the interpreter away and waits to
get it back: while a busy loop holds it, that takes longer than all the rest.
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
from relay.outbox.sqlite import statements as statement

Values = tuple[object, ...]

SIZES = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""Rows in one statement: of few sizes, so that all stay prepared; most batches are one of them."""


def accepted(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> Sequence[Sinks | None]:
    """See ``Outbox.accept``, of each. In a transaction."""
    events = _add_events(db, new_events)
    left = pending_deliveries(new_events, events, _told(db, new_events))
    answers = accepted_sinks(events, left)
    while left:
        first, left = independent(left)
        _add(db, first)
    return answers


def _add_events(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> Sequence[int | None]:
    """The id of each; None for those that had come before, also earlier in the same batch."""
    keys = [(one.event.id, one.event.hook) for one in new_events]
    seen = {(row["event_id"], row["hook"]) for row in _asked(db, statement.KNOWN_EVENTS, keys)}
    last = int(db.execute(statement.LAST_EVENT).fetchone()[0])
    events, rows = list[int | None](), list[Values]()
    for key, new_event in zip(keys, new_events, strict=True):
        is_new = key not in seen
        seen.add(key)
        if is_new:
            last += 1
            rows.append(_event(last, new_event))
        events.append(last if is_new else None)
    _write(db, statement.ADD_EVENTS, rows)
    return events


def _event(id: int, new_event: NewEvent) -> Values:
    event = new_event.event
    return (
        id, event.hook, event.id, event.kind, event.server, event.created_at,
        new_event.now, new_event.raw, new_event.updated_at, new_event.restricts,
    )  # fmt: skip


def _told(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> PostedSinks:
    """Of the subjects of which somebody could be told a change alone."""
    changes = {
        (one.sibling.subject, one.event.hook)
        for one in new_events
        if one.sibling is not None and one.editing
    }
    return {same: [sink for (sink,) in db.execute(statement.SINKS_TOLD, same)] for same in changes}


def _add(db: sqlite3.Connection, pending: Sequence[Pending]) -> None:
    """Write what becomes of a wave."""
    last = _last(db, pending)
    rows = list[Values]()
    for place, one in enumerate(pending):
        what = decide(one, last.get(place))
        if isinstance(what, Replacement):
            by = what.by
            values = (by.event, by.route, by.version, by.rank, by.key, by.withdrawn, what.id)
            db.execute(statement.REPLACE, values)
            what = what.merged
        if what is not None:
            rows.append(_delivery(what))
    _write(db, statement.ADD_DELIVERIES, rows)


def _last(db: sqlite3.Connection, pending: Sequence[Pending]) -> Mapping[int, Mapping[str, Any]]:
    """What each was told last of the same, by its place in the wave."""
    wanted = [
        (place, one.sink, sibling.subject, one.new_event.since, one.is_withdrawn)
        for place, one in enumerate(pending)
        if (sibling := one.new_event.sibling) is not None
    ]
    return {row["place"]: dict(row) for row in _asked(db, statement.LAST, wanted)}


def _delivery(row: DeliveryRow) -> Values:
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        row.subject, row.version, row.rank, row.merged, row.edits, row.key,
        row.withdrawn,
    )  # fmt: skip


def _write(db: sqlite3.Connection, wanted: str, rows: Sequence[Values]) -> None:
    for text, values in _statements(wanted, rows):
        db.execute(text, values)


def _asked(db: sqlite3.Connection, wanted: str, rows: Sequence[Values]) -> Iterator[sqlite3.Row]:
    for text, values in _statements(wanted, rows):
        yield from db.execute(text, values).fetchall()


def _statements(wanted: str, rows: Sequence[Values]) -> Iterator[tuple[str, list[object]]]:
    """A statement about rows as several of a known size, with their values."""
    done = 0
    while done < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - done)
        some = rows[done : done + size]
        marks = f"({', '.join('?' * len(some[0]))})"
        yield wanted.format(rows=", ".join([marks] * size)), [one for row in some for one in row]
        done += size
