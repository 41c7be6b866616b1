"""What is read from PostgreSQL, as nouns."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from relay.outbox import ordering as line
from relay.outbox.postgres import statements as statement
from relay.outbox.postgres.accept import storable
from relay.outbox.postgres.connection import Connection
from relay.outbox.records import DeliverySearch, PostedMessage, PostedPart, StoredEvent
from relay.outcome import Delivery, State


async def line_of(db: Connection, sink: str) -> tuple[Sequence[line.Waiting], Mapping[int, bool]]:
    """Who waits for a sink, and of each whether it is claimed."""
    rows = [dict(row) for row in await db.fetch(statement.LINE, sink, line.REACH)]
    claimed = {row["id"]: row.pop("claimed") for row in rows}
    return [line.Waiting(**row) for row in rows], claimed


async def found(db: Connection, delivery_id: int) -> Delivery | None:
    row = await db.fetchrow(statement.ONE, delivery_id)
    return None if row is None else delivery(row)


async def several(db: Connection, ids: Sequence[int]) -> Sequence[Delivery]:
    """Deliveries in the order of their ids here; without those that are gone."""
    rows = await db.fetch(f"{statement.DELIVERY} WHERE delivery.id = ANY($1::bigint[])", ids)
    return in_order(ids, rows)


def in_order(ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> Sequence[Delivery]:
    """RETURNING and ANY have no order."""
    by_id = {row["id"]: delivery(row) for row in rows}
    return [by_id[one] for one in ids if one in by_id]


async def search(db: Connection, wanted: DeliverySearch, *, limit: int) -> Sequence[Delivery]:
    """
    What a search finds, the newest first.

    The index of a sink's deliveries is by state first: without a state, each is asked for.
    """
    given = {name: value for name, value in asdict(wanted).items() if value is not None}
    states = tuple(State) if "sink" in given and "state" not in given else ()
    several = [given | {"state": state} for state in states] or [given]
    rows = [row for values in several for row in await _matching(db, values, limit=limit)]
    newest = sorted(rows, key=lambda row: int(row["id"]), reverse=True)
    return [delivery(row) for row in newest[:limit]]


async def _matching(
    db: Connection, given: Mapping[str, object], *, limit: int
) -> Sequence[Mapping[str, Any]]:
    conditions = " AND ".join(
        statement.CONDITIONS[name].format(number) for number, name in enumerate(given, start=2)
    )
    wanted = statement.FIND.format(conditions=conditions or "TRUE")
    rows: Sequence[Mapping[str, Any]] = await db.fetch(wanted, limit, *given.values())
    return rows


async def posted_message(db: Connection, delivery_id: int, *, hold: int) -> PostedMessage | None:
    root = await db.fetchrow(statement.ROOT, delivery_id)
    if root is None:
        return None
    rows = await db.fetch(statement.PARTS, root["batch"], root["message"])
    if len(rows) != root["shares"]:  # some have been pruned
        return None
    edits = await db.fetch(statement.LAST_EDITS, [row["id"] for row in rows])
    last = {row["edits"]: delivery(row) for row in edits}
    came = await _later(db, [(row["id"], row["id"]) for row in rows])
    places = await db.fetch(statement.PLACES, root["batch"], root["message"])
    order = line.in_order([line.Waiting(**row) for row in places], hold=hold)
    parts = (
        PostedPart(delivery=one, edit=last.get(one.id), newest_edit=came.get(one.id))
        for one in in_order([it.id for it in order], rows)
    )
    return PostedMessage(message=root["message"], parts=tuple(parts))


async def later_edits(db: Connection, heads: Sequence[line.Waiting]) -> Mapping[int, Delivery]:
    """The last edits that came since ``heads`` were tried; one that was not is replaced by them."""
    tried = [(one.id, one.edits or one.id) for one in heads if one.batch is not None]
    return await _later(db, tried)


async def _later(db: Connection, wanted: Sequence[tuple[int, int]]) -> Mapping[int, Delivery]:
    """Of each id the last edit of a root that came after it."""
    if not wanted:
        return {}
    rows = [dict(row) for row in await db.fetch(statement.LATER, *zip(*wanted, strict=True))]
    return {row.pop("head"): delivery(row) for row in rows}


async def restricted(
    db: Connection, subjects: Collection[str]
) -> Mapping[str, Sequence[StoredEvent]]:
    wanted = {storable(one): one for one in subjects}
    found: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for row in [dict(row) for row in await db.fetch(statement.RESTRICTED, list(wanted))]:
        found[wanted[row.pop("subject")]].append(StoredEvent(**row))
    return found


def delivery(row: Mapping[str, Any]) -> Delivery:
    values = dict(row)
    return Delivery(**values | {"state": State(values["state"])})
