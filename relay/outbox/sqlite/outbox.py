"""
SQLite, durable to the last commit, for one process.

https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TypeVar

from relay.errors import OutboxError
from relay.outbox import ordering as line
from relay.outbox.base import Lanes
from relay.outbox.records import (
    Backlog,
    Claim,
    ClaimRequest,
    ClosedSink,
    DeadGroup,
    DeliverySearch,
    NewEvent,
    PostedMessage,
    Pruned,
    StoredEvent,
)
from relay.outbox.sqlite import claims as claiming
from relay.outbox.sqlite import rows as query
from relay.outbox.sqlite import statements as statement
from relay.outbox.sqlite.file import FileLock, connect, connect_to_read, named_errors
from relay.outbox.sqlite.guard import Guard, abandon
from relay.outbox.sqlite.schema import is_current, migrate
from relay.outbox.sqlite.tending import tend
from relay.outbox.sqlite.writer import SQLiteWriter
from relay.outcome import Attempt, Delivery, State

T = TypeVar("T")

logger = logging.getLogger(__name__)

GIVEN_BACK = 1000  # pages of 4 KiB, after each step of pruning
SWEEP = 30.0  # seconds; whoever accepts wakes the lanes, but for what another process changes


class SQLiteOutbox:
    """Writes through one thread, reads through another. ``open`` makes one."""

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        *,
        guard: Guard | None,
        held: ExitStack,
    ) -> None:
        self.path = path
        self.id: str = reader.execute("SELECT id FROM outbox").fetchone()[0]
        self._guard = guard
        self._connections = (writer, reader)
        self._held = held
        self._writer = SQLiteWriter(writer, guard=guard)
        self._reader = reader
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="outbox reader")
        self._is_open = True

    @classmethod
    def open(cls, path: Path, *, lock: FileLock | None = None) -> "SQLiteOutbox":
        """
        ``lock``: that of who serves it.

        Raises OutboxError, also when a newer relay has written the file.
        """
        with ExitStack() as stack, named_errors(path):
            writer = connect(path, stack)
            migrate(writer)
            reader = connect(path, stack)
            guard = Guard(path, lock=lock)
            return cls(path, writer, reader, guard=guard, held=stack.pop_all())

    @classmethod
    def view(cls, path: Path) -> "SQLiteOutbox":
        """To be read only, also on a disk that takes nothing. Raises OutboxError."""
        with ExitStack() as stack, named_errors(path):
            db = connect_to_read(path, stack)
            if is_current(db):
                return cls(path, db, db, guard=None, held=stack.pop_all())
        return cls.open(path)

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        await self._writer.close()
        self._reading.shutdown()
        if self._guard is not None and self._guard.is_lost:
            self._held.pop_all()
            for db in self._connections:
                abandon(db)
        self._held.close()
        if self._guard is not None:
            self._guard.close()

    async def run(
        self,
        lanes: Lanes,
        *,
        clock: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        await tend(lanes, self._sinks_waiting, stop=stop)

    def owns(self, sink: str) -> bool:
        return True

    async def accept(self, new_event: NewEvent) -> Collection[str] | None:
        self._check_open()
        with named_errors(self.path):
            return await self._writer.accept(new_event)

    async def claim(self, request: ClaimRequest) -> Claim | None:
        return await self._write(lambda db: claiming.claim(db, request))

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        return await self._write(lambda db: claiming.extend_claim(db, candidates, head=head))

    async def expedite(self, batch: int, *, now: int) -> None:
        values = {"batch": batch, "now": now}
        await self._write(lambda db: db.execute(statement.EXPEDITE, values).rowcount)

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        return await self._unless_lost(lambda db: claiming.mark_in_doubt(db, claimed))

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        return await self._unless_lost(
            lambda db: claiming.save(db, settled, claimed=claimed, attempt=attempt)
        )

    async def _unless_lost(self, job: Callable[[sqlite3.Connection], None]) -> bool:
        try:
            await self._write(job)
        except claiming.LeaseLostError:
            return False
        return True

    async def posted_message(self, delivery_id: int, *, hold: int = 0) -> PostedMessage | None:
        return await self._read(lambda db: query.posted_message(db, delivery_id, hold=hold))

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        values = (delivery_id,)
        rows = await self._read(lambda db: db.execute(statement.ATTEMPTS, values).fetchall())
        return [Attempt(**row) for row in rows]

    async def due_at(
        self,
        sink: str,
        *,
        now: int | None = None,
        hold: int = 0,
        skip_batches: Collection[int] = (),
    ) -> int | None:
        def job(db: sqlite3.Connection) -> int | None:
            waiting = [one for one in query.line_of(db, sink) if one.batch not in skip_batches]
            return line.due_at(waiting, hold=hold, now=now)

        return await self._read(job)

    async def recover(self, *, now: int) -> int:
        return await self._write(lambda db: db.execute(statement.RECOVER, {"now": now}).rowcount)

    async def close_sink(self, closed: ClosedSink) -> None:
        values = astuple(closed)
        await self._write(lambda db: db.execute(statement.CLOSE, values).rowcount)

    async def postpone_probe(self, closed: ClosedSink) -> None:
        values = asdict(closed)
        await self._write(lambda db: db.execute(statement.PUT_OFF, values).rowcount)

    async def sink_to_probe(self, sink: str) -> ClosedSink | None:
        values = {"sink": sink}
        row = await self._read(lambda db: db.execute(statement.PROBED, values).fetchone())
        return None if row is None else ClosedSink(**row)

    async def open_sink(self, sink: str, *, now: int) -> bool:
        def job(db: sqlite3.Connection) -> bool:
            db.execute(statement.HASTEN, {"sink": sink, "now": now})
            return db.execute(statement.OPEN, (sink,)).rowcount == 1

        return await self._write(job)

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        rows = await self._read(lambda db: db.execute(statement.CLOSED).fetchall())
        return [ClosedSink(**row) for row in rows]

    async def pause_sink(self, sink: str, *, now: int) -> bool:
        return await self._write(lambda db: db.execute(statement.PAUSE, (sink, now)).rowcount == 1)

    async def resume_sink(self, sink: str) -> bool:
        return await self._write(lambda db: db.execute(statement.RESUME, (sink,)).rowcount == 1)

    async def paused_sinks(self) -> Mapping[str, int]:
        rows = await self._read(lambda db: db.execute(statement.PAUSED).fetchall())
        return {row["name"]: row["paused_at"] for row in rows}

    async def last_failures(self) -> Mapping[str, Attempt]:
        return await self._read(query.last_failures)

    async def stored_events(self, event_id: str) -> Sequence[StoredEvent]:
        rows = await self._read(lambda db: db.execute(statement.RECEIVED, (event_id,)).fetchall())
        return [StoredEvent(**row) for row in rows]

    async def restricted(self, subjects: Collection[str]) -> Mapping[str, Sequence[StoredEvent]]:
        return await self._read(lambda db: query.restricted(db, subjects))

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        return await self.deliveries(DeliverySearch(sink=sink, state=State.DEAD), limit=limit)

    async def dead_groups(self) -> Sequence[DeadGroup]:
        rows = await self._read(lambda db: db.execute(statement.DEAD_GROUPS).fetchall())
        return [DeadGroup(**row) for row in rows]

    async def delivery(self, delivery_id: int) -> Delivery | None:
        return await self._read(lambda db: query.found(db, delivery_id))

    async def deliveries(self, wanted: DeliverySearch, *, limit: int = 50) -> Sequence[Delivery]:
        return await self._read(lambda db: query.search(db, wanted, limit=limit))

    async def give_up(self, sink: str, *, reason: str, now: int, limit: int) -> int:
        values = {"sink": sink, "reason": reason, "now": now, "limit": limit}
        return await self._write(lambda db: db.execute(statement.GIVE_UP, values).rowcount)

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        rows = [{"now": now, "id": number} for number in ids]
        return await self._write(lambda db: db.executemany(statement.REVIVE, rows).rowcount)

    async def drop(self, ids: Iterable[int]) -> int:
        rows = [(number,) for number in ids]
        return await self._write(lambda db: db.executemany(statement.DROP, rows).rowcount)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        rows = await self._read(lambda db: db.execute(statement.COUNTS).fetchall())
        return {(sink, state): number for sink, state, number in map(tuple, rows)}

    async def backlog(self) -> Mapping[str, Backlog]:
        rows = await self._read(lambda db: db.execute(statement.BACKLOG).fetchall())
        return {sink: Backlog(number=number, since=since) for sink, number, since in rows}

    async def touch(self, size: int = 0) -> None:
        def job(db: sqlite3.Connection) -> None:
            if self._guard is not None:
                self._guard.reserve.check(size)
            db.execute(statement.TOUCH, (size,))

        await self._write(job)
        await self._write(lambda db: db.execute(statement.UNTOUCH).rowcount)

    async def pending_count(self) -> int:
        return await self._read(lambda db: int(db.execute(statement.WAITING).fetchone()[0]))

    async def _sinks_waiting(self) -> Collection[str]:
        rows = await self._read(lambda db: db.execute(statement.SINKS_WAITING).fetchall())
        return [sink for (sink,) in rows]

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        def job(db: sqlite3.Connection) -> Pruned:
            values = {"before": before, "limit": limit, "after": after}
            oldest = db.execute(statement.OLDEST, values).fetchone()
            if not oldest["number"]:
                return Pruned(events=0, next=None)
            gone = db.execute(statement.PRUNE, values | dict(oldest)).rowcount
            _shrink(db)
            is_last = oldest["number"] < limit or oldest["accepted_at"] >= before
            return Pruned(events=gone, next=None if is_last else oldest["last"])

        return await self._write(job)

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


def _shrink(db: sqlite3.Connection) -> None:
    """Give back a little of what is free: all at once would hold up the intake."""
    free = int(db.execute(statement.FREE_PAGES).fetchone()[0])
    for _ in range(min(free, GIVEN_BACK)):
        db.execute(statement.GIVE_BACK)
