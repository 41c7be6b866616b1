"""Claims, extends, reads and saves deliveries in SQLite, each within a transaction."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from itertools import takewhile

from relay.outbox import decisions, ordering, sql
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.records import Claim, ClaimRequest, Restrictions
from relay.outbox.sqlite import statements
from relay.outbox.sqlite.rows import fetched
from relay.outcome import Attempt, Delivery, State

Queued = QueuedDelivery | Delivery


def claim(db: sqlite3.Connection, request: ClaimRequest) -> Claim | None:
    """See ``Outbox.claim``."""
    heads, candidates = ordering.claimable(queue_of(db, request.sink), request)
    if not heads:
        return None
    _claim(db, heads, batch=heads[0].id, due_at=request.now + request.lease)
    deliveries = _several(db, {queued.id: queued.claimed for queued in (*heads, *candidates)})
    return Claim(
        deliveries=tuple(deliveries[: len(heads)]),
        before=tuple((head.due_at, head.batch) for head in heads),
        candidates=tuple(deliveries[len(heads) :]),
        later_edits=newest_edits(db, ordering.attempted_roots(heads)),
    )


def extend_claim(
    db: sqlite3.Connection, candidates: Sequence[Delivery], *, head: Delivery
) -> Sequence[Delivery]:
    """See ``Outbox.extend_claim``."""
    claimable = {tuple(row) for row in db.execute(statements.CLAIMABLE, (_ids(candidates),))}
    # Up to the first that cannot be claimed: later ones must not overtake it.
    extended = list(takewhile(lambda queued: (queued.id, queued.event) in claimable, candidates))
    if extended:
        _claim(db, extended, batch=head.batch, due_at=head.due_at)
    return _several(db, dict.fromkeys((delivery.id for delivery in extended), False))


def _claim(
    db: sqlite3.Connection, unclaimed: Collection[Queued], *, batch: int | None, due_at: int
) -> None:
    db.execute(statements.CLAIM, {"ids": _ids(unclaimed), "batch": batch, "due_at": due_at})


def _several(db: sqlite3.Connection, interrupted: Mapping[int, bool]) -> Sequence[Delivery]:
    """Deliveries by id, of each whether it had been claimed before."""
    rows = {row["id"]: row for row in db.execute(statements.SEVERAL, (str([*interrupted]),))}
    return [sql.delivery_of(rows[id], interrupted=was) for id, was in interrupted.items()]


def mark_in_doubt(db: sqlite3.Connection, claimed: Sequence[Delivery]) -> None:
    """See ``Outbox.mark_in_doubt``. Raises LeaseLostError."""
    values = [(delivery.id, delivery.due_at) for delivery in claimed]
    if db.executemany(statements.MARK_IN_DOUBT, values).rowcount != len(claimed):
        raise sql.LeaseLostError


def save(
    db: sqlite3.Connection,
    settled: Sequence[Delivery],
    *,
    claimed: Sequence[Delivery],
    attempt: Attempt | None,
) -> None:
    """See ``Outbox.save``. Raises LeaseLostError."""
    rows = [
        sql.saved_row(after, lease=before.due_at)
        for after, before in zip(settled, claimed, strict=True)
    ]
    marks = f"({', '.join('?' * len(rows[0]))})"
    statement = statements.SAVE.format(rows=", ".join([marks] * len(rows)))
    values = (len(claimed), *(value for row in rows for value in row))
    if db.execute(statement, values).rowcount != len(claimed):
        raise sql.LeaseLostError
    if attempt is not None:
        db.execute(statements.ADD_ATTEMPTS, (*astuple(attempt), _ids(settled)))
        # A delivered one is attempted no more.
        waiting = [delivery.id for delivery in settled if delivery.state is State.PENDING]
        db.executemany(statements.FORGET_ATTEMPTS, [(id, id, sql.KEPT_ATTEMPTS) for id in waiting])


def _ids(queued: Iterable[Queued]) -> str:
    """As JSON, so that a statement is the same for any number of them."""
    return str([delivery.id for delivery in queued])


def queue_of(db: sqlite3.Connection, sink: str) -> Sequence[QueuedDelivery]:
    """The first deliveries that wait for a sink, in the order of their ids."""
    values = {"sink": sink, "lookahead": ordering.LOOKAHEAD}
    return [QueuedDelivery._make(row) for row in db.execute(statements.QUEUE, values).fetchall()]


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


def restrictions(db: sqlite3.Connection, notes: Mapping[str, str]) -> Restrictions:
    """
    See ``Outbox.restrictions``.

    The journal is read first: an event that is routed in between is then seen twice, not missed.
    """
    has_unrouted = any(fetched(db, statements.ARE_UNROUTED, [(id,) for id in notes.values()]))
    rows = fetched(db, statements.RESTRICTED, [(subject,) for subject in notes])
    events = decisions.restricting(map(dict, rows))
    return Restrictions(events=events, has_unrouted=has_unrouted)
