"""What is read from SQLite, as nouns."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from relay.outbox import ordering as line
from relay.outbox.records import DeliverySearch, PostedMessage, PostedPart, StoredEvent
from relay.outbox.sqlite import statements as statement
from relay.outcome import Attempt, Delivery, State


def line_of(db: sqlite3.Connection, sink: str) -> Sequence[line.Waiting]:
    rows = db.execute(statement.LINE, {"sink": sink, "reach": line.REACH}).fetchall()
    return [line.Waiting(**row) for row in rows]


def found(db: sqlite3.Connection, delivery_id: int) -> Delivery | None:
    row = db.execute(statement.ONE, (delivery_id,)).fetchone()
    return None if row is None else _delivery(row)


def one(db: sqlite3.Connection, delivery_id: int) -> Delivery:
    """A delivery that is there."""
    return _delivery(db.execute(statement.ONE, (delivery_id,)).fetchone())


def search(db: sqlite3.Connection, wanted: DeliverySearch, *, limit: int) -> Sequence[Delivery]:
    """
    What a search finds, the newest first.

    The index of a sink's deliveries is by state first: without a state, each is asked for.
    """
    given = {name: value for name, value in asdict(wanted).items() if value is not None}
    states = tuple(State) if "sink" in given and "state" not in given else ()
    several = [given | {"state": state} for state in states] or [given]
    rows = [row for values in several for row in _matching(db, values, limit=limit)]
    newest = sorted(rows, key=lambda row: int(row["id"]), reverse=True)
    return [_delivery(row) for row in newest[:limit]]


def _matching(
    db: sqlite3.Connection, given: dict[str, object], *, limit: int
) -> Sequence[sqlite3.Row]:
    conditions = " AND ".join(statement.CONDITIONS[name] for name in given) or "TRUE"
    wanted = statement.FIND.format(conditions=conditions)
    return db.execute(wanted, given | {"limit": limit}).fetchall()


def posted_message(db: sqlite3.Connection, delivery_id: int, *, hold: int) -> PostedMessage | None:
    root = db.execute(statement.ROOT, (delivery_id,)).fetchone()
    if root is None:
        return None
    rows = {row["id"]: row for row in db.execute(statement.PARTS, dict(root))}
    if len(rows) != root["shares"]:  # some have been pruned
        return None
    places = [line.Waiting(**row) for row in db.execute(statement.PLACES, dict(root))]
    order = (one.id for one in line.in_order(places, hold=hold))
    came = _later(db, [(one, one) for one in rows])
    parts = (
        PostedPart(
            delivery=_delivery(rows[one]), edit=_last_edit(db, one), newest_edit=came.get(one)
        )
        for one in order
    )
    return PostedMessage(message=root["message"], parts=tuple(parts))


def later_edits(db: sqlite3.Connection, heads: Sequence[line.Waiting]) -> Mapping[int, Delivery]:
    """The last edits that came since ``heads`` were tried; one that was not is replaced by them."""
    return _later(db, [(one.id, one.edits or one.id) for one in heads if one.batch is not None])


def _later(db: sqlite3.Connection, wanted: Sequence[tuple[int, int]]) -> Mapping[int, Delivery]:
    """Of each id the last edit of a root that came after it."""
    rows = {id: db.execute(statement.LATER, (root, id)).fetchone() for id, root in wanted}
    return {id: _delivery(row) for id, row in rows.items() if row is not None}


def restricted(
    db: sqlite3.Connection, subjects: Collection[str]
) -> Mapping[str, Sequence[StoredEvent]]:
    found = {one: db.execute(statement.RESTRICTED, (one,)).fetchall() for one in subjects}
    return {one: [StoredEvent(**row) for row in rows] for one, rows in found.items() if rows}


def last_failures(db: sqlite3.Connection) -> Mapping[str, Attempt]:
    found = [dict(row) for row in db.execute(statement.TROUBLES)]
    return {row.pop("sink"): Attempt(**row) for row in found}


def _last_edit(db: sqlite3.Connection, delivery_id: int) -> Delivery | None:
    row = db.execute(statement.LAST_EDIT, (delivery_id,)).fetchone()
    return None if row is None else _delivery(row)


def _delivery(row: sqlite3.Row) -> Delivery:
    values = dict(row)
    flags = {"interrupted": values.pop("claimed") == 1, "in_doubt": values["in_doubt"] == 1}
    return Delivery(**values | flags | {"state": State(values["state"])})
