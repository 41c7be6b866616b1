"""
Accepts events on one connection, and commits together those that wait together.

A commit costs a flush to the disk, whatever its size. There is no timer: while one batch is being
committed the next one gathers.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

import asyncpg

from relay.errors import OutboxError
from relay.outbox.postgres import cluster
from relay.outbox.postgres.accept import accepted
from relay.outbox.postgres.connection import Connection, connect, named_errors
from relay.outbox.records import NewEvent

BATCH = 128  # events
DELIVERIES = 2000  # of a batch, except for an event with more: bounds the time of a commit
COMMIT_TIMEOUT = 3.0  # seconds; Misskey waits for five altogether
DEADLOCKS = 3

AcceptedSinks = Collection[str] | None
"""See ``Outbox.accept``."""
Answer = AcceptedSinks | Exception
QueuedEvent = tuple[NewEvent, asyncio.Future[AcceptedSinks]]


class PostgresWriter:
    """Connects when there is something to write, and again after every failure."""

    def __init__(self, address: str, *, place: str, sender_id: str) -> None:
        self._address = address
        self._place = place
        self._sender_id = sender_id
        self._db: asyncpg.Connection | None = None
        self._waiting: asyncio.Queue[QueuedEvent | None] = asyncio.Queue()
        self._running = asyncio.create_task(self._run(), name="outbox writer")

    async def accept(self, new_event: NewEvent) -> AcceptedSinks:
        """See ``Outbox.accept``; returns or raises OutboxError in bounded time."""
        future: asyncio.Future[AcceptedSinks] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((new_event, future))
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
                while len(batch) < BATCH and _deliveries(batch) < DELIVERIES:
                    batch.append(self._waiting.get_nowait())
            is_open = None not in batch
            entries = [entry for entry in batch if entry is not None and not entry[1].done()]
            if entries:
                answers = await self._committed([new_event for new_event, _ in entries])
                _answer(entries, answers)

    async def _committed(self, new_events: Sequence[NewEvent]) -> Sequence[Answer]:
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                return await commit(await self._connection(), new_events, sender_id=self._sender_id)
        except Exception as error:
            if self._db is not None:
                self._db.terminate()
            self._db = None
            return [error] * len(new_events)  # not stored: Misskey sends them again

    async def _connection(self) -> asyncpg.Connection:
        if self._db is None or self._db.is_closed():
            self._db = await connect(self._address)
        return self._db


def _deliveries(batch: Sequence[QueuedEvent | None]) -> int:
    return sum(len(entry[0].sinks) for entry in batch if entry is not None)


def _answer(batch: Sequence[QueuedEvent], answers: Sequence[Answer]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


async def commit(
    db: Connection, new_events: Sequence[NewEvent], *, sender_id: str
) -> Sequence[Answer]:
    """
    Store events in one transaction; returns one answer each, an exception if it cannot be stored.

    If one cannot be stored, each half is tried by itself, so that its neighbours are. Savepoints
    would cost two round trips for each event, also in the usual case.
    """
    try:
        return await _together(db, new_events, sender_id)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        if len(new_events) == 1:
            return [error]
        middle = len(new_events) // 2
        return [
            *await commit(db, new_events[:middle], sender_id=sender_id),
            *await commit(db, new_events[middle:], sender_id=sender_id),
        ]


async def _together(
    db: Connection, new_events: Sequence[NewEvent], sender_id: str
) -> Sequence[AcceptedSinks]:
    for _ in range(DEADLOCKS):
        with suppress(asyncpg.DeadlockDetectedError):
            async with db.transaction():
                stored = await accepted(db, new_events)
                if sinks := {sink for taken in stored for sink in taken or ()}:
                    await cluster.notify(db, sender_id, sinks)
                return stored
    raise OutboxError("the database keeps reporting deadlocks")
