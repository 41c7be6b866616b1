"""
Copies an outbox from a file into a database on a server.

Everything keeps its id and key: what was sent without an answer must be sent again under the same
key.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
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
from relay.outbox.sqlite.file import FileLock, is_foreign
from relay.outbox.sqlite.file import connect as connect_file
from relay.outbox.sqlite.file import named_errors as named_file_errors
from relay.outbox.sqlite.schema import migrate as migrate_file

COPIED: Mapping[str, Sequence[str]] = {
    "event": (
        "id", "hook", "event_id", "kind", "server", "created_at", "accepted_at", "raw",
        "updated_at", "restricts", "no_route",
    ),
    "unrouted": ("event", "note_id"),
    "withheld": ("event", "sink", "reason"),
    "delivery": (
        "id", "event", "sink", "route", "state", "attempt", "due_at", "claimed", "reason",
        "subject", "version", "rank", "merged", "batch", "shares", "edits", "message", "key",
        "crashes", "in_doubt", "counts_at", "withdrawn",
    ),
    "attempt": ("delivery", "at", "took", "outcome", "reason"),
    "closed_sink": ("name", "reason", "fingerprint", "closed_at", "probe_at"),
    "paused_sink": ("name", "paused_at"),
    "poll_cursor": ("hook", "server", "list", "position", "since"),
}  # fmt: skip
FLAGS = frozenset({"claimed", "in_doubt", "withdrawn"})
"""Columns that SQLite stores as numbers, and PostgreSQL as booleans."""
LONG = 600.0  # seconds for one step

# A node gets its number from a sequence, which keeps its state when the node leaves.
WAS_SERVED = "SELECT is_called FROM node_id_seq"
HAS_CONTENT = "SELECT EXISTS (SELECT 1 FROM event)"
LAST_EVENT = "SELECT EXISTS (SELECT 1 FROM event WHERE id = $1 AND hook = $2 AND event_id = $3)"
EMPTY = (
    "TRUNCATE event, unrouted, withheld, delivery, attempt, closed_sink, paused_sink, poll_cursor"
)
NAME = "UPDATE outbox SET id = $1"
FOLLOW = "SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2, 1), $2 > 0)"


CHUNK = 1000  # rows in memory at a time; an event can have megabytes


class FileContents:
    """The rows of a file that no process serves. Created by ``contents_of``."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self.id: str = db.execute("SELECT id FROM outbox").fetchone()[0]

    @property
    def last_delivery(self) -> int:
        """The greatest id that a delivery ever had: vendors may know it."""
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'delivery'"
        row = self._db.execute(query).fetchone()
        return 0 if row is None else int(row[0])

    @property
    def last_event(self) -> tuple[int, str, str] | None:
        """The id, the hook and Misskey's id of the last event; None if there is none."""
        query = "SELECT id, hook, event_id FROM event ORDER BY id DESC LIMIT 1"
        row = self._db.execute(query).fetchone()
        return None if row is None else tuple(row)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows of a table in their order, in chunks."""
        with named_file_errors(self._path):
            query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"  # noqa: S608
            rows = self._db.execute(query)
            while chunk := rows.fetchmany(CHUNK):
                yield [tuple(row) for row in chunk]


@contextmanager
def contents_of(path: Path) -> Iterator[FileContents]:
    """Raises OutboxError if there is no outbox in the file, or if a process serves it."""
    if not path.exists() or is_foreign(path):
        raise OutboxError(f"{path}: there is no outbox in this file")
    lock = FileLock(path)
    try:
        with ExitStack() as stack, named_file_errors(path):
            db = connect_file(path, stack)
            migrate_file(db)
            yield FileContents(path, db)
    finally:
        lock.release()


async def fill(address: str, contents: FileContents) -> Mapping[str, int] | None:
    """
    Copy contents into a database, all or nothing; returns the number of rows by table.

    None if they were copied before and the database has been served since. Raises OutboxError, also
    if the database has events of its own.
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
    db: asyncpg.Connection, contents: FileContents, *, has_its_name: bool, place: str
) -> bool:
    """Whether a copy was made before. Until the database is served, it can be copied again."""
    if not await db.fetchval(WAS_SERVED) and (has_its_name or not await db.fetchval(HAS_CONTENT)):
        return False
    if not has_its_name:
        raise OutboxError(f"{public(place)}: has already been served: copy into a new database")
    last = contents.last_event
    if last is not None and not await db.fetchval(LAST_EVENT, *map(_fitting, last)):
        raise OutboxError(
            f"{public(place)}: was copied from this outbox before, and both have changed since"
        )
    return True


async def _copied(db: asyncpg.Connection, contents: FileContents) -> Mapping[str, int]:
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
