"""
Stores new events and their deliveries in PostgreSQL, merging siblings.

Many events take as many round trips as one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from relay.outbox.postgres import statements
from relay.outbox.postgres.connection import Connection, storable
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


async def accepted(db: Connection, new_events: Sequence[NewEvent]) -> Sequence[Sinks | None]:
    """Store events in a transaction; returns for each what ``Outbox.accept`` does."""
    subjects = {
        new.subject_version.subject for new in new_events if new.subject_version is not None
    }
    if subjects:
        # In the same order everywhere, so that two processes never deadlock.
        await db.execute(statements.LOCK_SUBJECTS, sorted(map(_key, subjects)))
    event_ids = await _add_events(db, new_events)
    posted = await _posted_sinks(db, new_events)
    deliveries = pending_deliveries(new_events, event_ids, posted)
    answers = accepted_sinks(event_ids, deliveries)
    while deliveries:
        first, later = independent(deliveries)
        deliveries = [*await _add(db, first), *later]
    return answers


def _key(subject: str) -> int:
    """The number of a subject's lock; subjects that happen to share one wait for each other."""
    digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


async def _add_events(db: Connection, new_events: Sequence[NewEvent]) -> Sequence[int | None]:
    """The id of each event; None if it had come before, or earlier in the same batch."""
    # In the same order everywhere: a process waits for another's row of the same event.
    rows = sorted(
        (
            storable(event.hook),
            storable(event.id),
            event.kind,
            event.server,
            event.created_at,
            place,
        )
        for place, event in enumerate(new_event.event for new_event in new_events)
    )
    hooks, ids, kinds, servers, created, places = zip(*rows, strict=True)
    added = await db.fetch(
        statements.ADD_EVENTS,
        hooks,
        ids,
        [storable(kind) for kind in kinds],
        [storable(server) for server in servers],
        created,
        [new_events[place].now for place in places],
        [new_events[place].raw for place in places],
        [new_events[place].updated_at for place in places],
        [_subject(new_events[place].restricts) for place in places],
    )
    new = {(row["hook"], row["event_id"]): row["id"] for row in added}
    first = {place: new.pop((hook, id), None) for hook, id, *_, place in rows}
    return [first[place] for place in range(len(new_events))]


async def _posted_sinks(db: Connection, new_events: Sequence[NewEvent]) -> PostedSinks:
    """For the subjects that some sinks may get only as an edit."""
    changed = {
        new.subject_version.subject
        for new in new_events
        if new.subject_version is not None and new.editing
    }
    if not changed:
        return {}
    subjects = {storable(subject): subject for subject in changed}
    sinks: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in await db.fetch(statements.POSTED_SINKS, list(subjects)):
        sinks[subjects[row["subject"]], row["hook"]].add(row["sink"])
    return sinks


async def _add(db: Connection, deliveries: Sequence[Pending]) -> Sequence[Pending]:
    """
    Store independent deliveries, each merged with the last of its subject.

    Returns those that were to replace a delivery which was claimed meanwhile.
    """
    last = await _last(
        db, [pending for pending in deliveries if pending.new_event.subject_version is not None]
    )
    decided = [
        (pending, decide(pending, last.get((pending.event, pending.sink))))
        for pending in deliveries
    ]
    replaced = await _replace(db, [row for _, row in decided if isinstance(row, Replacement)])
    rows, missed = list[DeliveryRow](), list[Pending]()
    for pending, row in decided:
        if isinstance(row, DeliveryRow):
            rows.append(row)
        elif row is not None and row.id in replaced:
            rows.append(row.merged)
        elif row is not None:
            missed.append(pending)
    if rows:
        columns = zip(*(_values(row) for row in rows), strict=True)
        await db.execute(statements.ADD_DELIVERIES, *columns)
    return missed


async def _last(
    db: Connection, deliveries: Sequence[Pending]
) -> Mapping[tuple[int, str], Mapping[str, Any]]:
    """By event and sink, the last delivery of the same sink and subject."""
    subjects = [
        (
            pending.sink,
            storable(subject_version.subject),
            pending.new_event.since,
            pending.is_withdrawn,
        )
        for pending in deliveries
        if (subject_version := pending.new_event.subject_version) is not None
    ]
    if not subjects:
        return {}
    rows = await db.fetch(statements.LAST, *zip(*subjects, strict=True))
    places = [(pending.event, pending.sink) for pending in deliveries]
    return {places[row["place"] - 1]: row for row in rows}


async def _replace(db: Connection, replacements: Sequence[Replacement]) -> Collection[int]:
    """The ids of the deliveries that were still pending, and carry another event now."""
    if not replacements:
        return ()
    rows = (
        (replacement.id, by.event, by.route, by.version, by.rank, by.key, by.withdrawn)
        for replacement, by in ((replacement, replacement.by) for replacement in replacements)
    )
    changed = await db.fetch(statements.REPLACE, *zip(*rows, strict=True))
    return {row["id"] for row in changed}


def _values(row: DeliveryRow) -> tuple[object, ...]:
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        _subject(row.subject), row.version, row.rank, row.merged, row.edits, row.key,
        row.withdrawn,
    )  # fmt: skip


def _subject(subject: str | None) -> str | None:
    return None if subject is None else storable(subject)
