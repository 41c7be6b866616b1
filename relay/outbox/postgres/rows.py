"""Reads what a claim, an edit and a gate need from PostgreSQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from relay.outbox import ordering
from relay.outbox.ordering import Waiting
from relay.outbox.postgres import statements
from relay.outbox.postgres.connection import Connection, storable
from relay.outbox.records import StoredEvent
from relay.outbox.sql import Record, delivery_of
from relay.outcome import Delivery


async def queue_of(db: Connection, sink: str) -> tuple[Sequence[Waiting], Mapping[int, bool]]:
    """The first deliveries that wait for a sink, and of each whether it is claimed."""
    rows = [dict(row) for row in await db.fetch(statements.LINE, sink, ordering.REACH)]
    claimed = {row["id"]: row.pop("claimed") for row in rows}
    return [Waiting(**row) for row in rows], claimed


async def several(db: Connection, ids: Sequence[int]) -> Sequence[Delivery]:
    """Deliveries in the order of ``ids``, without those that are gone."""
    if not ids:
        return ()
    return in_order(ids, await db.fetch(statements.SEVERAL, ids))


def in_order(ids: Sequence[int], rows: Sequence[Record]) -> Sequence[Delivery]:
    """RETURNING and ANY have no order."""
    by_id = {row["id"]: delivery_of(row) for row in rows}
    return [by_id[id] for id in ids if id in by_id]


async def last_edits(db: Connection, ids: Sequence[int]) -> Mapping[int, Delivery]:
    """By the id of a delivery, the last edit of it that was delivered."""
    return {row["edits"]: delivery_of(row) for row in await db.fetch(statements.LAST_EDITS, ids)}


async def newest_edits(db: Connection, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
    """By id, the newest edit of its root that came after it, whatever its state."""
    if not roots:
        return {}
    rows = await db.fetch(statements.NEWEST_EDITS, [*roots], [*roots.values()])
    return {row.pop("head"): delivery_of(row) for row in map(dict, rows)}


async def restricted(
    db: Connection, subjects: Collection[str]
) -> Mapping[str, Sequence[StoredEvent]]:
    """See ``Outbox.restricted``."""
    stored = {storable(subject): subject for subject in subjects}
    events: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for row in map(dict, await db.fetch(statements.RESTRICTED, list(stored))):
        events[stored[row.pop("subject")]].append(StoredEvent(**row))
    return events
