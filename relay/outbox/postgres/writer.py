"""
Writes the journal on one connection, and commits together those that wait together.

A commit costs a flush to the disk, whatever its size. There is no timer: while one batch is being
committed the next one gathers.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from relay.outbox.postgres.connection import Connection, connect, named_errors
from relay.outbox.postgres.journal import UNSTORABLE, journal
from relay.outbox.records import JournalEntry

BATCH = 128  # events
COMMIT_TIMEOUT = 3.0  # seconds; Misskey waits for five altogether

QueuedEntry = tuple[JournalEntry, asyncio.Future[bool]]


class PostgresWriter:
    """Connects when there is something to write, and again after every failure."""

    def __init__(self, address: str, *, place: str) -> None:
        self._address = address
        self._place = place
        self._db: asyncpg.Connection | None = None
        self._waiting: asyncio.Queue[QueuedEntry | None] = asyncio.Queue()
        self._running = asyncio.create_task(self._run(), name="outbox writer")

    async def journal(self, entry: JournalEntry) -> bool:
        """See ``Outbox.journal``; returns or raises OutboxError in bounded time."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((entry, future))
        with named_errors(self._place):
            async with asyncio.timeout(COMMIT_TIMEOUT):
                return await future

    async def close(self) -> None:
        """Commit what waits, then end."""
        self._waiting.put_nowait(None)
        await self._running
        if self._db is not None:
            self._db.terminate()

    async def _run(self) -> None:
        is_open = True
        while is_open:
            batch = [await self._waiting.get()]
            with suppress(asyncio.QueueEmpty):
                while len(batch) < BATCH:
                    batch.append(self._waiting.get_nowait())
            is_open = None not in batch
            entries = [entry for entry in batch if entry is not None and not entry[1].done()]
            if entries:
                _answer(entries, await self._committed([entry for entry, _ in entries]))

    async def _committed(self, entries: Sequence[JournalEntry]) -> Sequence[bool | Exception]:
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                return await commit(await self._connection(), entries)
        except Exception as error:
            if self._db is not None:
                self._db.terminate()
            self._db = None
            return [error] * len(entries)  # not stored: Misskey sends them again

    async def _connection(self) -> asyncpg.Connection:
        if self._db is None or self._db.is_closed():
            self._db = await connect(self._address)
        return self._db


def _answer(batch: Sequence[QueuedEntry], answers: Sequence[bool | Exception]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


async def commit(db: Connection, entries: Sequence[JournalEntry]) -> Sequence[bool | Exception]:
    """
    Store events in one transaction; returns one answer each, an exception if it cannot be stored.

    If one cannot be stored, each half is tried by itself, so that its neighbours are. Savepoints
    would cost two round trips for each event, also in the usual case.
    """
    try:
        return await journal(db, entries)
    except UNSTORABLE as error:
        if len(entries) == 1:
            return [error]
        middle = len(entries) // 2
        return [*await commit(db, entries[:middle]), *await commit(db, entries[middle:])]
