"""
An outbox is filled with what another one holds.

All of it, and under the same names and keys: what was sent without an answer must be sent again
under the same key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from relay.errors import OutboxError
from relay.outbox.postgres.connection import (
    check_sessions,
    connect,
    named_errors,
    public,
    storable,
)
from relay.outbox.postgres.schema import LOCK, migrate
from relay.outbox.sqlite.copy import Contents

COPIED: Mapping[str, Sequence[str]] = {
    "event": (
        "id", "hook", "event_id", "kind", "server", "created_at", "accepted_at", "raw",
        "updated_at", "restricts",
    ),
    "delivery": (
        "id", "event", "sink", "route", "state", "attempt", "due_at", "claimed", "reason",
        "subject", "version", "rank", "merged", "batch", "shares", "edits", "message", "key",
        "crashes", "in_doubt", "counts_at", "withdrawn",
    ),
    "attempt": ("delivery", "at", "took", "outcome", "reason"),
    "closed_sink": ("name", "reason", "fingerprint", "closed_at", "probe_at"),
    "paused_sink": ("name", "paused_at"),
}  # fmt: skip
FLAGS = frozenset({"claimed", "in_doubt", "withdrawn"})
"""SQLite has numbers for them."""
LONG = 600.0  # seconds for one step

# A node has its number from a sequence, which does not forget when the node goes.
WAS_SERVED = "SELECT is_called FROM node_id_seq"
HAS_CONTENT = "SELECT EXISTS (SELECT 1 FROM event)"
LAST_EVENT = "SELECT EXISTS (SELECT 1 FROM event WHERE id = $1 AND hook = $2 AND event_id = $3)"
EMPTY = "TRUNCATE event, delivery, attempt, closed_sink, paused_sink"
NAME = "UPDATE outbox SET id = $1"
FOLLOW = "SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2, 1), $2 > 0)"


async def fill(address: str, contents: Contents) -> Mapping[str, int] | None:
    """
    The number of rows copied, by table; None if that was done before, and it was served since.

    All or nothing. Raises OutboxError, also if the database has events of its own.
    """
    with named_errors(public(address)):
        db = await connect(address)
        try:
            await check_sessions(db, address)
            id = await migrate(db)
            async with db.transaction():
                await db.execute("SET LOCAL statement_timeout = 0")
                await db.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                if await _is_done(db, contents, has_its_name=id == contents.id, place=address):
                    return None
                return await _copied(db, contents)
        finally:
            db.terminate()


async def _is_done(
    db: asyncpg.Connection, contents: Contents, *, has_its_name: bool, place: str
) -> bool:
    """Until it is served, a copy can be made anew; afterwards it goes its own way."""
    if not await db.fetchval(WAS_SERVED) and (has_its_name or not await db.fetchval(HAS_CONTENT)):
        return False
    if not has_its_name:
        raise OutboxError(f"{public(place)}: has been served already: copy into a new database")
    last = contents.last_event
    if last is not None and not await db.fetchval(LAST_EVENT, *map(_fitting, last)):
        raise OutboxError(
            f"{public(place)}: was copied from this outbox before, and both have gone on since"
        )
    return True


async def _copied(db: asyncpg.Connection, contents: Contents) -> Mapping[str, int]:
    await db.execute(EMPTY)
    numbers = dict.fromkeys(COPIED, 0)
    for table, columns in COPIED.items():
        for rows in contents.rows(table, columns):
            records = [_record(columns, row) for row in rows]
            await db.copy_records_to_table(table, records=records, columns=columns, timeout=LONG)
            numbers[table] += len(rows)
    await db.execute(NAME, contents.id)
    last_event = await db.fetchval("SELECT coalesce(max(id), 0) FROM event")
    await db.execute(FOLLOW, "relay.event", last_event)
    await db.execute(FOLLOW, "relay.delivery", contents.last_delivery)
    return numbers


def _record(columns: Sequence[str], row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        bool(value) if column in FLAGS else _fitting(value)
        for column, value in zip(columns, row, strict=True)
    )


def _fitting(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value
