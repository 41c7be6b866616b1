"""Claims, extends, reads and saves deliveries in SQLite, each within a transaction."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from relay.outbox import ordering, sql
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.records import Claim, ClaimRequest, StoredEvent
from relay.outbox.siblings import new_key
from relay.outbox.sqlite import statements
from relay.outcome import Attempt, Delivery, State

FIELDS = tuple(field.name for field in fields(Delivery))


def claim(db: sqlite3.Connection, request: ClaimRequest) -> Claim | None:
    """See ``Outbox.claim``."""
    heads, candidates = ordering.claimable(queue_of(db, request.sink), request)
    if not heads:
        return None
    due_at = request.now + request.lease
    return Claim(
        deliveries=tuple(_claimed(db, head.id, due_at=due_at) for head in heads),
        candidates=tuple(_delivery(db, candidate.id) for candidate in candidates),
        later_edits=newest_edits(db, ordering.attempted_roots(heads)),
    )


def _claimed(db: sqlite3.Connection, delivery_id: int, *, due_at: int) -> Delivery:
    """Claim one; it is ``interrupted`` if it was claimed and not saved before."""
    before = _delivery(db, delivery_id)
    claimed = replace(
        before,
        attempt=before.attempt + (not before.interrupted),
        crashes=before.crashes + before.interrupted,
        due_at=due_at,
        batch=delivery_id if before.batch is None else before.batch,
        key=before.key or new_key(),
    )
    db.execute(statements.CLAIM, _values(claimed))
    return claimed


def extend_claim(
    db: sqlite3.Connection, candidates: Sequence[Delivery], *, head: Delivery
) -> Sequence[Delivery]:
    """See ``Outbox.extend_claim``."""
    extended: list[Delivery] = []
    for candidate in candidates:
        delivery = replace(
            candidate,
            attempt=candidate.attempt + 1,
            due_at=head.due_at,
            batch=head.batch,
            key=candidate.key or new_key(),
        )
        if not db.execute(statements.EXTEND_CLAIM, _values(delivery)).rowcount:
            break  # later ones must not overtake it
        extended.append(delivery)
    return extended


def mark_in_doubt(db: sqlite3.Connection, claimed: Sequence[Delivery]) -> None:
    """See ``Outbox.mark_in_doubt``. Raises LeaseLostError."""
    for delivery in claimed:
        if not db.execute(statements.MARK_IN_DOUBT, _values(delivery)).rowcount:
            raise sql.LeaseLostError


def save(
    db: sqlite3.Connection,
    settled: Sequence[Delivery],
    *,
    claimed: Sequence[Delivery],
    attempt: Attempt | None,
) -> None:
    """See ``Outbox.save``. Raises LeaseLostError."""
    for after, before in zip(settled, claimed, strict=True):
        values = _values(after) | {"lease": before.due_at, "shares": len(claimed)}
        if not db.execute(statements.SAVE, values).rowcount:
            raise sql.LeaseLostError
    if attempt is not None:
        _record(db, settled, attempt)


def _record(db: sqlite3.Connection, settled: Sequence[Delivery], attempt: Attempt) -> None:
    ended = (attempt.at, attempt.took, attempt.outcome, attempt.reason)
    db.executemany(statements.ADD_ATTEMPT, [(delivery.id, *ended) for delivery in settled])
    for delivery in settled:
        if delivery.state is State.PENDING:  # a delivered one is attempted no more
            db.execute(
                statements.FORGET_ATTEMPTS, {"delivery": delivery.id, "kept": sql.KEPT_ATTEMPTS}
            )


def _values(delivery: Delivery) -> dict[str, Any]:
    """The same as ``asdict`` in a tenth of its time: nothing has to be copied."""
    return {name: getattr(delivery, name) for name in FIELDS}


def queue_of(db: sqlite3.Connection, sink: str) -> Sequence[QueuedDelivery]:
    """The first deliveries that wait for a sink, in the order of their ids."""
    values = {"sink": sink, "lookahead": ordering.LOOKAHEAD}
    return [QueuedDelivery(**row) for row in db.execute(statements.QUEUE, values).fetchall()]


def last_edits(db: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, Delivery]:
    """By the id of a delivery, the last edit of it that was delivered."""
    rows = {id: db.execute(statements.LAST_EDIT, (id,)).fetchone() for id in ids}
    return {id: sql.delivery_of(row) for id, row in rows.items() if row is not None}


def newest_edits(db: sqlite3.Connection, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
    """By id, the newest edit of its root that came after it, whatever its state."""
    rows = {
        id: db.execute(statements.NEWEST_EDIT, (root, id)).fetchone() for id, root in roots.items()
    }
    return {id: sql.delivery_of(row) for id, row in rows.items() if row is not None}


def restricted(
    db: sqlite3.Connection, subjects: Collection[str]
) -> Mapping[str, Sequence[StoredEvent]]:
    """See ``Outbox.restricted``."""
    rows = {
        subject: db.execute(statements.RESTRICTED, (subject,)).fetchall() for subject in subjects
    }
    return {
        subject: [StoredEvent(**row) for row in events]
        for subject, events in rows.items()
        if events
    }


def numbered(*values: object) -> dict[str, object]:
    """Values for ``$1``, ``$2``, …; only a mapping may fill them, from Python 3.14 on."""
    return {str(number): value for number, value in enumerate(values, start=1)}


def _delivery(db: sqlite3.Connection, delivery_id: int) -> Delivery:
    return sql.delivery_of(db.execute(sql.ONE, numbered(delivery_id)).fetchone())
