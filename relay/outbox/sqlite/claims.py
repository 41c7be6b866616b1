"""How deliveries are claimed in SQLite, and what became of them is written, in a transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from relay.outbox import ordering as line
from relay.outbox.records import Claim, ClaimRequest
from relay.outbox.siblings import new_key
from relay.outbox.sqlite import rows as query
from relay.outbox.sqlite import statements as statement
from relay.outcome import Attempt, Delivery, State

FIELDS = tuple(field.name for field in fields(Delivery))
KEPT_ATTEMPTS = 50  # of one delivery


class LeaseLostError(Exception):
    """Undoes what was written: all of it or nothing."""


def claim(db: sqlite3.Connection, request: ClaimRequest) -> Claim | None:
    """See ``Outbox.claim``."""
    heads, candidates = line.claimable(query.line_of(db, request.sink), request)
    if not heads:
        return None
    due_at = request.now + request.lease
    return Claim(
        deliveries=tuple(_claimed(db, one.id, due_at=due_at) for one in heads),
        candidates=tuple(query.one(db, one.id) for one in candidates),
        later_edits=query.later_edits(db, heads),
    )


def _claimed(db: sqlite3.Connection, delivery_id: int, *, due_at: int) -> Delivery:
    """Claim one; whether its last attempt was interrupted is told by how it was before."""
    before = query.one(db, delivery_id)
    claimed = replace(
        before,
        attempt=before.attempt + (not before.interrupted),
        crashes=before.crashes + before.interrupted,
        due_at=due_at,
        batch=delivery_id if before.batch is None else before.batch,
        key=before.key or new_key(),
    )
    db.execute(statement.CLAIM, _values(claimed))
    return claimed


def extend_claim(
    db: sqlite3.Connection, candidates: Sequence[Delivery], *, head: Delivery
) -> Sequence[Delivery]:
    """See ``Outbox.join``."""
    joined: list[Delivery] = []
    for one in candidates:
        found = replace(
            one,
            attempt=one.attempt + 1,
            due_at=head.due_at,
            batch=head.batch,
            key=one.key or new_key(),
        )
        if not db.execute(statement.JOIN, _values(found)).rowcount:
            break  # whoever comes behind must not overtake it
        joined.append(found)
    return joined


def mark_in_doubt(db: sqlite3.Connection, claimed: Sequence[Delivery]) -> None:
    """See ``Outbox.depart``. Raises LeaseLostError."""
    for one in claimed:
        if not db.execute(statement.DEPART, _values(one)).rowcount:
            raise LeaseLostError


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
        if not db.execute(statement.SAVE, values).rowcount:
            raise LeaseLostError
    if attempt is not None:
        _record(db, settled, attempt)


def _record(db: sqlite3.Connection, settled: Sequence[Delivery], attempt: Attempt) -> None:
    told = (attempt.at, attempt.took, attempt.outcome, attempt.reason)
    db.executemany(statement.ADD_ATTEMPT, [(one.id, *told) for one in settled])
    for one in settled:
        if one.state is State.PENDING:  # who has arrived will not be tried a thousand times more
            db.execute(statement.FORGET_ATTEMPTS, {"delivery": one.id, "kept": KEPT_ATTEMPTS})


def _values(delivery: Delivery) -> dict[str, Any]:
    """What ``asdict`` gives, in a tenth of its time: nothing in it has to be copied."""
    return {name: getattr(delivery, name) for name in FIELDS}
