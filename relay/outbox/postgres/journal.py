"""
Stores events in PostgreSQL as they come, and their deliveries once they are routed, merging
siblings.

Many events take as many round trips as one.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg

from relay.outbox.decisions import (
    ROUTED_BYTES,
    Decision,
    UnstorableError,
    decided,
    facts,
    routed_batch,
    withheld,
)
from relay.outbox.postgres import statements
from relay.outbox.postgres.connection import Connection, message_of, storable, storable_values
from relay.outbox.postgres.schema import JOURNAL_LOCK
from relay.outbox.records import Decide, JournalEntry, RoutedBatch, RoutedEvent
from relay.outbox.siblings import (
    DeliveryRow,
    Pending,
    PostedSinks,
    Replacement,
    decide,
    independent,
    pending_deliveries,
)

UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""Errors that are due to the values, and not to the server."""


async def journal(db: Connection, entries: Sequence[JournalEntry]) -> Sequence[bool]:
    """Store events, to be routed later; see ``Outbox.journal``."""
    places: dict[tuple[str, str], int] = {}
    for place, entry in enumerate(entries):
        places.setdefault((storable(entry.hook), storable(entry.event_id)), place)
    columns = zip(*(storable_values(entries[place]) for place in places.values()), strict=True)
    added = await db.fetch(statements.JOURNAL, *columns)
    first = list(places.values())
    are_new = {first[row["place"] - 1] for row in added}
    return [place in are_new for place in range(len(entries))]


async def route(db: Connection, decide: Decide, *, limit: int) -> RoutedBatch:
    """See ``Outbox.route``; in a transaction. Raises UnstorableError."""
    await db.execute(statements.LOCK_JOURNAL, JOURNAL_LOCK)
    rows = [dict(row) for row in await db.fetch(statements.OLDEST_UNROUTED, limit, ROUTED_BYTES)]
    if not rows:
        return RoutedBatch(events=0)
    ids = [row.pop("id") for row in rows]
    entries = [JournalEntry(**row) for row in rows]
    sinks = await store(db, await decided(ids, entries, decide))
    await db.execute(statements.TAKE_UNROUTED, ids)
    return routed_batch(entries, sinks, limit=limit)


async def replay(
    db: Connection, entry: JournalEntry, routed: RoutedEvent
) -> Collection[str] | None:
    """See ``Outbox.replay``; in a transaction."""
    id = await db.fetchval(statements.ADD_EVENT, *storable_values(entry[:7]))
    return None if id is None else await store(db, [Decision(id, entry, routed)])


async def store(db: Connection, decisions: Sequence[Decision]) -> Collection[str]:
    """Store decisions on events; returns the sinks. Raises UnstorableError."""
    try:
        return await _store(db, decisions)
    except UNSTORABLE as error:
        raise UnstorableError(message_of(error)) from None


async def _store(db: Connection, decisions: Sequence[Decision]) -> Collection[str]:
    subjects = {
        version.subject
        for decision in decisions
        if (version := decision.routed.subject_version) is not None
    }
    if subjects:
        # In the same order everywhere, so that two processes never deadlock.
        await db.execute(statements.LOCK_SUBJECTS, sorted(map(_key, subjects)))
    for statement, rows in (
        (statements.SET_ROUTED, facts(decisions)),
        (statements.ADD_WITHHELD, withheld(decisions)),
    ):
        if rows:
            columns = zip(*(storable_values(row) for row in rows), strict=True)
            await db.execute(statement, *columns)
    deliveries = pending_deliveries(decisions, await _posted_sinks(db, decisions))
    sinks = {pending.sink for pending in deliveries}
    while deliveries:
        first, later = independent(deliveries)
        deliveries = [*await _add(db, first), *later]
    return sinks


def _key(subject: str) -> int:
    """The number of a subject's lock; subjects that happen to share one wait for each other."""
    digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


async def _posted_sinks(db: Connection, decisions: Sequence[Decision]) -> PostedSinks:
    """For the subjects that some sinks may get only as an edit."""
    changed = {
        version.subject
        for decision in decisions
        if (version := decision.routed.subject_version) is not None and decision.routed.editing
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
        db, [pending for pending in deliveries if pending.subject_version is not None]
    )
    decided = [
        (pending, decide(pending, last.get((pending.decision.id, pending.sink))))
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
        (pending.sink, storable(version.subject), pending.decision.since, pending.is_withdrawn)
        for pending in deliveries
        if (version := pending.subject_version) is not None
    ]
    if not subjects:
        return {}
    rows = await db.fetch(statements.LAST, *zip(*subjects, strict=True))
    places = [(pending.decision.id, pending.sink) for pending in deliveries]
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
