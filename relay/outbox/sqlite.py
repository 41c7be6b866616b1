"""
The outbox in a file: SQLite, durable to the last commit, for one process.

https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from relay import line
from relay.errors import OutboxError
from relay.model import Event, Sibling
from relay.outbox.base import Backlog, ClosedSink
from relay.outbox.file import connect, named_errors
from relay.outbox.schema import migrate
from relay.outbox.writer import Writer
from relay.outcome import Delivery, State

T = TypeVar("T")

ADD_EVENT = """
INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hook, event_id) DO NOTHING
"""
ADD_DELIVERY = """
INSERT INTO delivery (event, sink, route, state, due_at, sibling, rank)
VALUES (?, ?, ?, 'pending', ?, ?, ?)
"""
ADD_MERGED = """
INSERT INTO delivery (event, sink, route, state, due_at, sibling, merged)
VALUES (?, ?, ?, 'delivered', ?, ?, ?)
"""
EARLIER = """
SELECT delivery.id, event, route, rank, state = 'pending' AND attempt = 0 AS waits
FROM delivery JOIN event ON event.id = delivery.event
WHERE sink = ? AND sibling = ? AND merged IS NULL AND state <> 'dead' AND accepted_at >= ?
ORDER BY delivery.id DESC LIMIT 1
"""
TELL = "UPDATE delivery SET event = ?, route = ?, rank = ? WHERE id = ?"

DELIVERY = """
SELECT delivery.id, sink, route, hook, server, raw, accepted_at, state, attempt, due_at, claimed,
       reason, merged
FROM delivery JOIN event ON event.id = delivery.event
"""
# The first in line, due or not: who comes later never overtakes a failed one.
LINE = """
SELECT delivery.id, accepted_at, created_at, due_at, attempt
FROM delivery JOIN event ON event.id = delivery.event
WHERE sink = :sink AND state = 'pending'
  AND NOT EXISTS (SELECT 1 FROM closed_sink WHERE name = :sink)
ORDER BY delivery.id LIMIT :reach
"""
CLAIM = "UPDATE delivery SET due_at = ?, attempt = attempt + 1, claimed = 1 WHERE id = ?"
# The lease is the fencing token: who lost it changes nothing.
SAVE = """
UPDATE delivery SET state = ?, attempt = ?, due_at = ?, reason = ?, claimed = 0
WHERE id = ? AND state = 'pending' AND claimed = 1 AND due_at = ?
"""
EXPEDITE = "UPDATE delivery SET due_at = ? WHERE id = ? AND state = 'pending' AND claimed = 0"
# Whoever starts relay anew has mended something: what waits for another attempt gets it now.
RECOVER = "UPDATE delivery SET due_at = ? WHERE state = 'pending' AND attempt > 0"
CLOSE = (
    "INSERT OR REPLACE INTO closed_sink (name, reason, fingerprint, closed_at) VALUES (?, ?, ?, ?)"
)
REVIVE = """
UPDATE delivery SET state = 'pending', attempt = 0, due_at = ?, claimed = 0
WHERE id = ? AND state = 'dead'
"""
BACKLOG = """
SELECT line.sink, number, accepted_at AS since
FROM (SELECT sink, count(*) AS number, min(id) AS first FROM delivery
      WHERE state = 'pending' GROUP BY sink) AS line
JOIN delivery ON delivery.id = first JOIN event ON event.id = delivery.event
"""
TOUCH = "UPDATE outbox SET id = id"
PRUNE = """
DELETE FROM event WHERE id IN (
    SELECT id FROM event WHERE accepted_at < ?
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = event.id
                    AND (state = 'pending' OR due_at >= ?))
    LIMIT ?)
"""


class SQLiteOutbox:
    """Writes through one thread, reads through another. ``open`` makes one."""

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self.path = path
        self.id: str = reader.execute("SELECT id FROM outbox").fetchone()[0]
        self._writer = Writer(writer)
        self._reader = reader
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="outbox reader")
        self._is_open = True

    @classmethod
    def open(cls, path: Path) -> "SQLiteOutbox":
        """Raises OutboxError, also when a newer relay has written the file."""
        with ExitStack() as stack, named_errors(path):
            writer = connect(path, stack)
            migrate(writer)
            outbox = cls(path, writer, connect(path, stack))
            stack.pop_all()
            return outbox

    async def close(self) -> None:
        self._is_open = False
        await self._writer.close()
        self._reading.shutdown()
        self._reader.close()

    async def accept(
        self,
        event: Event,
        raw: bytes,
        sinks: Mapping[str, str],
        *,
        now: int,
        hold: int = 0,
        sibling: Sibling | None = None,
    ) -> bool:
        def job(db: sqlite3.Connection) -> bool:
            row = (event.hook, event.id, event.kind, event.server, event.created_at, now, raw)
            added = db.execute(ADD_EVENT, row)
            if not added.rowcount:
                return False
            for sink, route in sinks.items():
                _add_delivery(db, added.lastrowid, sink, route, now=now, hold=hold, sibling=sibling)
            return True

        return await self._write(job)

    async def claim(
        self, sink: str, *, now: int, lease: int, hold: int = 0, behind: int | None = None
    ) -> Delivery | None:
        def job(db: sqlite3.Connection) -> Delivery | None:
            waiting = [one for one in _line(db, sink) if one.id != behind]
            first, due_at = line.head(waiting, hold=hold), line.due_at(waiting, hold=hold)
            if first is None or due_at is None:
                return None
            # Where the clock was set back, nobody waits until it is as late again.
            if due_at > now > waiting[0].accepted_at - line.SKEW:
                return None
            row = db.execute(f"{DELIVERY} WHERE delivery.id = ?", (first.id,)).fetchone()
            db.execute(CLAIM, (now + lease, first.id))
            return _delivery(row, attempt=row["attempt"] + 1, due_at=now + lease)

        return await self._write(job)

    async def expedite(self, delivery_id: int, *, now: int) -> None:
        await self._write(lambda db: db.execute(EXPEDITE, (now, delivery_id)).rowcount)

    async def save(self, settled: Delivery, *, claimed: Delivery) -> bool:
        values = (
            settled.state,
            settled.attempt,
            settled.due_at,
            settled.reason,
            claimed.id,
            claimed.due_at,
        )
        return await self._write(lambda db: db.execute(SAVE, values).rowcount == 1)

    async def due_at(self, sink: str, *, hold: int = 0) -> int | None:
        return await self._read(lambda db: line.due_at(_line(db, sink), hold=hold))

    async def recover(self, *, now: int) -> int:
        return await self._write(lambda db: db.execute(RECOVER, (now,)).rowcount)

    async def close_sink(self, sink: str, *, reason: str, fingerprint: str, now: int) -> None:
        await self._write(lambda db: db.execute(CLOSE, (sink, reason, fingerprint, now)).rowcount)

    async def open_sink(self, sink: str) -> bool:
        statement = "DELETE FROM closed_sink WHERE name = ?"
        return await self._write(lambda db: db.execute(statement, (sink,)).rowcount == 1)

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        statement = "SELECT name, reason, fingerprint, closed_at FROM closed_sink ORDER BY name"
        rows = await self._read(lambda db: db.execute(statement).fetchall())
        return [ClosedSink(**row) for row in rows]

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        statement = f"{DELIVERY} WHERE state = 'dead' AND sink = ifnull(?, sink)"
        ordered = f"{statement} ORDER BY delivery.id DESC LIMIT ?"
        rows = await self._read(lambda db: db.execute(ordered, (sink, limit)).fetchall())
        return [_delivery(row) for row in rows]

    async def delivery(self, delivery_id: int) -> Delivery | None:
        statement = f"{DELIVERY} WHERE delivery.id = ?"
        row = await self._read(lambda db: db.execute(statement, (delivery_id,)).fetchone())
        return None if row is None else _delivery(row)

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        rows = [(now, number) for number in ids]
        return await self._write(lambda db: db.executemany(REVIVE, rows).rowcount)

    async def drop(self, ids: Iterable[int]) -> int:
        rows = [(number,) for number in ids]
        statement = "DELETE FROM delivery WHERE id = ? AND state = 'dead'"
        return await self._write(lambda db: db.executemany(statement, rows).rowcount)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        statement = "SELECT sink, state, count(*) FROM delivery GROUP BY sink, state"
        rows = await self._read(lambda db: db.execute(statement).fetchall())
        return {(sink, state): number for sink, state, number in map(tuple, rows)}

    async def backlog(self) -> Mapping[str, Backlog]:
        rows = await self._read(lambda db: db.execute(BACKLOG).fetchall())
        return {sink: Backlog(number=number, since=since) for sink, number, since in rows}

    async def touch(self) -> None:
        await self._write(lambda db: db.execute(TOUCH).rowcount)

    async def prune(self, *, before: int, limit: int) -> int:
        return await self._write(lambda db: db.execute(PRUNE, (before, before, limit)).rowcount)

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        with named_errors(self.path):
            return await self._writer.write(job)

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        with named_errors(self.path):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reading, job, self._reader)

    def _check_open(self) -> None:
        if not self._is_open:
            raise OutboxError(f"{self.path}: was closed")


def _add_delivery(
    db: sqlite3.Connection,
    event: int | None,
    sink: str,
    route: str,
    *,
    now: int,
    hold: int,
    sibling: Sibling | None,
) -> None:
    """One line in a sink's queue, or a note that a sibling tells it already."""
    if sibling is None:
        db.execute(ADD_DELIVERY, (event, sink, route, now + hold, None, 0))
        return
    key, rank = sibling.key, sibling.rank
    earlier = db.execute(EARLIER, (sink, key, now - sibling.within)).fetchone()
    if earlier is None:
        db.execute(ADD_DELIVERY, (event, sink, route, now + hold, key, rank))
    elif earlier["waits"] and rank > earlier["rank"]:
        db.execute(TELL, (event, route, rank, earlier["id"]))
        told = (earlier["event"], sink, earlier["route"], now, key, earlier["id"])
        db.execute(ADD_MERGED, told)
    else:
        db.execute(ADD_MERGED, (event, sink, route, now, key, earlier["id"]))


def _line(db: sqlite3.Connection, sink: str) -> list[line.Waiting]:
    rows = db.execute(LINE, {"sink": sink, "reach": line.REACH}).fetchall()
    return [line.Waiting(**row) for row in rows]


def _delivery(row: sqlite3.Row, **changed: int) -> Delivery:
    found = dict(row) | changed
    interrupted = found.pop("claimed") == 1
    return Delivery(**found | {"state": State(found["state"]), "interrupted": interrupted})
