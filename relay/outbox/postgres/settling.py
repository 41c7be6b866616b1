"""How the ends of claims are written: all rows of a request or none, and only under its lease."""

from collections.abc import Sequence

from relay.outbox.postgres import statement
from relay.outbox.postgres.acceptance import storable
from relay.outbox.postgres.connection import Connection, changed_rows
from relay.outcome import Attempt, Delivery

KEPT_ATTEMPTS = 50  # of one delivery


async def depart(db: Connection, claimed: Sequence[Delivery]) -> bool:
    """Mark deliveries whose request is about to be written; False if their lease is lost."""
    ids, leases = [one.id for one in claimed], [one.due_at for one in claimed]
    try:
        async with db.transaction():
            if changed_rows(await db.execute(statement.DEPART, ids, leases)) != len(ids):
                raise _LeaseLostError
    except _LeaseLostError:
        return False
    return True


async def save(
    db: Connection,
    settled: Sequence[Delivery],
    *,
    claimed: Sequence[Delivery],
    attempt: Attempt | None,
) -> bool:
    """Write what became of claimed deliveries; False if their lease is lost."""
    rows = [
        _row(after, lease=before.due_at) for after, before in zip(settled, claimed, strict=True)
    ]
    values = (*zip(*rows, strict=True), *_told(attempt), KEPT_ATTEMPTS)
    try:
        async with db.transaction():
            if await db.fetchval(statement.SAVE, *values) != len(claimed):
                raise _LeaseLostError
    except _LeaseLostError:
        return False
    return True


class _LeaseLostError(Exception):
    """Undoes what was written for a part of the deliveries."""


def _row(after: Delivery, *, lease: int) -> tuple[object, ...]:
    reason = None if after.reason is None else storable(after.reason)
    message = None if after.message is None else storable(after.message)
    return (
        after.id, lease, after.state, after.attempt, after.due_at,
        reason, after.batch, after.edits, message, after.crashes, after.in_doubt, after.counts_at,
    )  # fmt: skip


def _told(attempt: Attempt | None) -> tuple[object, ...]:
    if attempt is None:
        return (None, None, None, None)
    reason = None if attempt.reason is None else storable(attempt.reason)
    return (attempt.at, attempt.took, attempt.outcome, reason)
