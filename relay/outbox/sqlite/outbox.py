"""
SQLite, durable to the last commit, for one process.

https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import asyncio
import logging
import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path
from typing import TypeVar, cast

from relay.aio import first
from relay.errors import BrokenError, OutboxError
from relay.outbox import cursors, decisions, sql
from relay.outbox.base import Lanes
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.records import (
    Claim,
    ClaimRequest,
    ClosedSink,
    Cursor,
    Decide,
    JournalEntry,
    Pruned,
    Restrictions,
    RoutedBatch,
    RoutedEvent,
)
from relay.outbox.sqlite import claims, journal, statements
from relay.outbox.sqlite.file import FileLock, connect, connect_to_read, named_errors
from relay.outbox.sqlite.guard import FileGuard, abandon
from relay.outbox.sqlite.schema import is_current, migrate
from relay.outbox.sqlite.writer import SQLiteWriter
from relay.outcome import Attempt, Delivery

T = TypeVar("T")

logger = logging.getLogger(__name__)

GIVEN_BACK = 1000  # pages of 4 KiB, after each step of pruning
# Seconds; a command that cannot reach the control socket changes the outbox, but wakes no lane.
SWEEP = 30.0
SOON = 0.1  # seconds; a sink that came back waits until its last lane has ended


class SQLiteOutbox(sql.SQLOutbox):
    """Writes in one thread and reads in another. Made by ``open``."""

    def __init__(
        self,
        path: Path,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        *,
        guard: FileGuard | None,
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
        Open a file; ``lock`` is the lock of the process that serves it.

        Raises OutboxError, also if a newer relay has migrated the file.
        """
        with ExitStack() as stack, named_errors(path):
            writer = connect(path, stack)
            migrate(writer)
            reader = connect(path, stack)
            guard = FileGuard(path, lock=lock)
            return cls(path, writer, reader, guard=guard, held=stack.pop_all())

    @classmethod
    def view(cls, path: Path) -> "SQLiteOutbox":
        """Open a file for reading, also on a disk that cannot be written. Raises OutboxError."""
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

    async def run(self, lanes: Lanes, *, clock: Callable[[], int], stop: asyncio.Event) -> None:
        """The only process on a file owns all its sinks."""
        held: set[str] = set()
        while not stop.is_set():
            lanes.regrouped.clear()
            configured = {sink for group in lanes.groups for sink in group}
            for sink in held - configured:
                lanes.release(sink)
            new = {sink for sink in configured - held if lanes.release(sink)}
            lanes.acquire(dict.fromkeys(new, math.inf))
            held = held & configured | new
            try:
                lanes.wake([row["sink"] for row in await self._rows(statements.SINKS_WITH_BACKLOG)])
            except BrokenError:
                raise
            except OutboxError as error:
                logger.error("outbox fails", extra={"action": "sweep_failed", "reason": str(error)})
            await first(SWEEP if held == configured else SOON, stop, lanes.regrouped)
        for sink in held:
            lanes.release(sink)

    def owns(self, sink: str) -> bool:
        return True

    async def journal(self, entry: JournalEntry) -> bool:
        self._check_open()
        with named_errors(self.path):
            return await self._writer.journal(entry)

    async def journal_polled(
        self, entries: Sequence[JournalEntry], cursor: Cursor, *, before: Cursor | None
    ) -> int:
        def job(db: sqlite3.Connection) -> int:
            if self._guard is not None:
                self._guard.reserve.check(sum(len(entry.raw) for entry in entries))
            number = sum(journal.journal(db, entries))
            db.execute(cursors.MOVE, _numbered(*cursors.moved(cursor, before)))
            return number

        return await self._write(job)

    async def _route(self, decide: Decide, limit: int) -> RoutedBatch:
        ids, entries = await self._read(lambda db: journal.unrouted(db, limit=limit))
        if not ids:
            return RoutedBatch(events=0)
        decided = await decisions.decided(ids, entries, decide)
        sinks = await self._write(lambda db: journal.route(db, decided))
        return decisions.routed_batch(entries, sinks, limit=limit)

    async def replay(self, entry: JournalEntry, routed: RoutedEvent) -> Collection[str] | None:
        def job(db: sqlite3.Connection) -> Collection[str] | None:
            if self._guard is not None:
                self._guard.reserve.check(len(entry.raw))
            return journal.replay(db, entry, routed)

        return await self._write(job)

    async def claim(self, request: ClaimRequest) -> Claim | None:
        return await self._write(lambda db: claims.claim(db, request))

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        return await self._write(lambda db: claims.extend_claim(db, candidates, head=head))

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        return await self._unless_lost(lambda db: claims.mark_in_doubt(db, claimed))

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        return await self._unless_lost(
            lambda db: claims.save(db, settled, claimed=claimed, attempt=attempt)
        )

    async def _unless_lost(self, job: Callable[[sqlite3.Connection], None]) -> bool:
        try:
            await self._write(job)
        except sql.LeaseLostError:
            return False
        return True

    async def close_sink(self, closed: ClosedSink) -> None:
        await self._write(lambda db: db.execute(statements.CLOSE, astuple(closed)).rowcount)

    async def open_sink(self, sink: str, *, now: int) -> bool:
        def job(db: sqlite3.Connection) -> bool:
            db.execute(statements.EXPEDITE_SINK, {"sink": sink, "now": now})
            return db.execute(sql.OPEN, _numbered(sink)).rowcount == 1

        return await self._write(job)

    async def resume_sink(self, sink: str) -> bool:
        return await self._changed(sql.RESUME, sink) == 1

    async def restrictions(self, notes: Mapping[str, str]) -> Restrictions:
        return await self._read(lambda db: claims.restrictions(db, notes))

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        values = [{"now": now, "id": id} for id in ids]
        return await self._write(lambda db: db.executemany(statements.REVIVE, values).rowcount)

    async def drop(self, ids: Iterable[int]) -> int:
        values = [(id,) for id in ids]
        return await self._write(lambda db: db.executemany(statements.DROP, values).rowcount)

    async def touch(self, size: int = 0) -> None:
        def job(db: sqlite3.Connection) -> None:
            if self._guard is not None:
                self._guard.reserve.check(size)
            db.execute(statements.TOUCH, (size,))

        await self._write(job)
        await self._changed(statements.UNTOUCH)

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        def job(db: sqlite3.Connection) -> Pruned:
            oldest = db.execute(sql.OLDEST, _numbered(after, limit)).fetchone()
            last = oldest["last"] or after
            values = {"before": before, "after": after, "last": last}
            gone = db.execute(statements.PRUNE, values).rowcount
            is_last = oldest["number"] < limit or oldest["accepted_at"] >= before
            is_shrunk = _shrink(db)
            return Pruned(events=gone, next=None if is_last and is_shrunk else last)

        return await self._write(job)

    async def _queue(self, sink: str) -> Sequence[QueuedDelivery]:
        return await self._read(lambda db: claims.queue_of(db, sink))

    async def _last_edits(self, ids: Sequence[int]) -> Mapping[int, Delivery]:
        return await self._read(lambda db: claims.last_edits(db, ids))

    async def _newest_edits(self, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
        return await self._read(lambda db: claims.newest_edits(db, roots))

    async def _fetch(self, queries: Sequence[sql.Query]) -> Sequence[sql.Record]:
        def job(db: sqlite3.Connection) -> Sequence[sql.Record]:
            return [
                cast(sql.Record, row)
                for statement, values in queries
                for row in db.execute(statement, _numbered(*values)).fetchall()
            ]

        return await self._read(job)

    async def _changed(self, statement: str, *values: object) -> int:
        return await self._write(lambda db: db.execute(statement, _numbered(*values)).rowcount)

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


def _shrink(db: sqlite3.Connection) -> bool:
    """
    Give some free pages back to the file system: all at once would block the intake.

    Whether that were all that an incremental vacuum gives back.
    """
    free = _free_pages(db)
    for _ in range(min(free, GIVEN_BACK)):
        db.execute(statements.GIVE_BACK)
    return _free_pages(db) in {0, free}


def _free_pages(db: sqlite3.Connection) -> int:
    return int(db.execute(statements.FREE_PAGES).fetchone()[0])


def _numbered(*values: object) -> dict[str, object]:
    """Values for ``$1``, ``$2``, …; only a mapping may fill them, from Python 3.14 on."""
    return {str(number): value for number, value in enumerate(values, start=1)}
