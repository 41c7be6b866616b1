"""
Events come into PostgreSQL: as new deliveries, or as more of what a sink was told before.

Many at once take as many round trips as one.
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
    """See ``Outbox.accept``, of each. In a transaction."""
    subjects = {one.sibling.subject for one in new_events if one.sibling is not None}
    if subjects:
        # In one order everywhere, so that two processes never wait for one another.
        await db.execute(statements.LOCK_SUBJECTS, sorted(map(_key, subjects)))
    events = await _add_events(db, new_events)
    told = await _told(db, new_events)
    left = pending_deliveries(new_events, events, told)
    answers = accepted_sinks(events, left)
    while left:
        first, later = independent(left)
        left = [*await _add(db, first), *later]
    return answers


def _key(subject: str) -> int:
    """The number of a lock. Two subjects may share one: then they wait for one another."""
    digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


async def _add_events(db: Connection, new_events: Sequence[NewEvent]) -> Sequence[int | None]:
    """The id of each; None for those that had come before, also earlier in the same batch."""
    # In one order everywhere, for one process waits for the other's row of the same event.
    rows = sorted(
        (storable(one.hook), storable(one.id), one.kind, one.server, one.created_at, place)
        for place, one in enumerate(new_event.event for new_event in new_events)
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


async def _told(db: Connection, new_events: Sequence[NewEvent]) -> PostedSinks:
    """Of the subjects of which somebody could be told a change alone."""
    asked = {one.sibling.subject for one in new_events if one.sibling is not None and one.editing}
    if not asked:
        return {}
    subjects = {storable(one): one for one in asked}
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in await db.fetch(statements.SINKS_TOLD, list(subjects)):
        found[subjects[row["subject"]], row["hook"]].add(row["sink"])
    return found


async def _add(db: Connection, pending: Sequence[Pending]) -> Sequence[Pending]:
    """Write what becomes of a wave; those for which something was claimed meanwhile remain."""
    last = await _last(db, [one for one in pending if one.new_event.sibling is not None])
    decided = [(one, decide(one, last.get((one.event, one.sink)))) for one in pending]
    wanted = [what for _, what in decided if isinstance(what, Replacement)]
    replaced = await _replace(db, wanted)
    rows, missed = list[DeliveryRow](), list[Pending]()
    for one, what in decided:
        if isinstance(what, DeliveryRow):
            rows.append(what)
        elif what is not None and what.id in replaced:
            rows.append(what.merged)
        elif what is not None:
            missed.append(one)
    if rows:
        columns = zip(*(_values(row) for row in rows), strict=True)
        await db.execute(statements.ADD_DELIVERIES, *columns)
    return missed


async def _last(
    db: Connection, pending: Sequence[Pending]
) -> Mapping[tuple[int, str], Mapping[str, Any]]:
    """What each was told last of the same, by event and sink."""
    wanted = [
        (one.sink, storable(sibling.subject), one.new_event.since, one.is_withdrawn)
        for one in pending
        if (sibling := one.new_event.sibling) is not None
    ]
    if not wanted:
        return {}
    rows = await db.fetch(statements.LAST, *zip(*wanted, strict=True))
    return {(pending[row["place"] - 1].event, pending[row["place"] - 1].sink): row for row in rows}


async def _replace(db: Connection, wanted: Sequence[Replacement]) -> Collection[int]:
    """The ids of those that still waited, and tell another event now."""
    if not wanted:
        return ()
    columns = zip(
        *(
            (one.id, by.event, by.route, by.version, by.rank, by.key, by.withdrawn)
            for one, by in ((one, one.by) for one in wanted)
        ),
        strict=True,
    )
    return {row["id"] for row in await db.fetch(statements.REPLACE, *columns)}


def _values(row: DeliveryRow) -> tuple[object, ...]:
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        _subject(row.subject), row.version, row.rank, row.merged, row.edits, row.key,
        row.withdrawn,
    )  # fmt: skip


def _subject(subject: str | None) -> str | None:
    return None if subject is None else storable(subject)
