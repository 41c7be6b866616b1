"""PostgreSQL, for any number of processes: https://www.postgresql.org/docs/current/mvcc.html"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple

from relay.errors import OutboxError
from relay.outbox import cursors, ordering, sql
from relay.outbox.base import Lanes
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.postgres import claims, cluster, journal, statements
from relay.outbox.postgres.claims import Claims
from relay.outbox.postgres.connection import (
    Connection,
    Pool,
    changed_rows,
    check_sessions,
    connect,
    named_errors,
    open_pool,
    public,
    storable_values,
)
from relay.outbox.postgres.membership import DEFAULT_TIMING, ClusterTiming, Membership
from relay.outbox.postgres.schema import migrate
from relay.outbox.postgres.writer import PostgresWriter
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
from relay.outcome import Attempt, Delivery

WAIT = 2.0  # seconds for a connection of the pool
COUNT = 1.0  # seconds for the number of pending deliveries


class PostgresOutbox(sql.SQLOutbox):
    """Writes the journal on one connection and does all else on a small pool. Made by ``open``."""

    def __init__(
        self, address: str, pool: Pool, *, id: str, timing: ClusterTiming = DEFAULT_TIMING
    ) -> None:
        self.id = id
        self.place = public(address)
        self._address = address
        self._timing = timing
        self._pool = pool
        self._sender_id = secrets.token_hex(8)
        self._writer = PostgresWriter(address, place=self.place)
        self._claims = Claims()
        self._membership: Membership | None = None
        self._is_open = True

    @classmethod
    async def open(
        cls, address: str, *, timing: ClusterTiming = DEFAULT_TIMING
    ) -> "PostgresOutbox":
        """Raises OutboxError, also if a newer relay has migrated the tables."""
        with named_errors(public(address)):
            db = await connect(address)
            try:
                await check_sessions(db, address)
                id = await migrate(db)
            finally:
                db.terminate()
            return cls(address, await open_pool(address), id=id, timing=timing)

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        await self._writer.close()
        self._pool.terminate()

    async def run(
        self,
        lanes: Lanes,
        *,
        clock: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        self._membership = Membership(
            self._address,
            lanes,
            place=self.place,
            sender_id=self._sender_id,
            clock=clock,
            timing=self._timing,
        )
        await self._membership.run(stop)

    def owns(self, sink: str) -> bool:
        return self._membership is None or self._membership.owns(sink)

    @property
    def _node(self) -> int | None:
        """The node whose lanes may be claimed; None: this process assigns itself no lanes."""
        return None if self._membership is None else self._membership.node or 0

    async def journal(self, entry: JournalEntry) -> bool:
        self._check_open()
        return await self._writer.journal(entry)

    async def journal_polled(
        self, entries: Sequence[JournalEntry], cursor: Cursor, *, before: Cursor | None
    ) -> int:
        async with self._connection() as db, db.transaction():
            number = sum(await journal.journal(db, entries)) if entries else 0
            await db.execute(cursors.MOVE, *storable_values(cursors.moved(cursor, before)))
        return number

    async def _route(self, decide: Decide, limit: int) -> RoutedBatch:
        async with self._connection() as db, db.transaction():
            batch = await journal.route(db, decide, limit=limit)
            await self._notify(db, batch.sinks)
        return batch

    async def replay(self, entry: JournalEntry, routed: RoutedEvent) -> Collection[str] | None:
        async with self._connection() as db, db.transaction():
            sinks = await journal.replay(db, entry, routed)
            await self._notify(db, sinks or ())
        return sinks

    async def _notify(self, db: Connection, sinks: Collection[str]) -> None:
        if sinks:
            await cluster.notify(db, self._sender_id, sinks)

    async def claim(self, request: ClaimRequest) -> Claim | None:
        async with self._connection() as db:
            await self._claims.undo(db, request.sink)
            queue = await claims.queue_of(db, request.sink)
            heads, candidates = ordering.claimable(queue, request)
            if not heads:
                return None
            deliveries = await self._claims.claim(db, heads, request, node=self._node)
            if not deliveries:
                return None
            return Claim(
                deliveries=tuple(deliveries),
                before=tuple((head.due_at, head.batch) for head in heads),
                candidates=tuple(
                    await claims.several(db, [candidate.id for candidate in candidates])
                ),
                later_edits=await claims.newest_edits(db, ordering.attempted_roots(heads)),
            )

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        async with self._connection() as db:
            return await self._claims.extend_claim(db, candidates, head=head, node=self._node)

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        async with self._connection() as db:
            return await claims.mark_in_doubt(db, claimed)

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        async with self._connection() as db:
            return await claims.save(db, settled, claimed=claimed, attempt=attempt)

    async def close_sink(self, closed: ClosedSink) -> None:
        await self._changed(statements.CLOSE, *astuple(closed), self._node)

    async def open_sink(self, sink: str, *, now: int) -> bool:
        async with self._connection() as db, db.transaction():
            await db.execute(statements.EXPEDITE_SINK, sink, now)
            was_closed = changed_rows(await db.execute(sql.OPEN, sink)) == 1
            await cluster.notify(db, "", [sink])
            return was_closed

    async def resume_sink(self, sink: str) -> bool:
        async with self._connection() as db, db.transaction():
            was_paused = changed_rows(await db.execute(sql.RESUME, sink)) == 1
            await cluster.notify(db, "", [sink])
            return was_paused

    async def restrictions(self, notes: Mapping[str, str]) -> Restrictions:
        async with self._connection() as db:
            return await claims.restrictions(db, notes)

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        ids = list(ids)
        async with self._connection() as db, db.transaction():
            await db.execute(statements.KEEP_EVENTS, ids)
            revived = await db.fetch(statements.REVIVE, ids, now)
            await cluster.notify(db, "", {row["sink"] for row in revived})
            return len(revived)

    async def drop(self, ids: Iterable[int]) -> int:
        return await self._changed(statements.DROP, list(ids))

    async def touch(self, size: int = 0) -> None:
        async with self._connection() as db, db.transaction():
            await db.execute(statements.TOUCH, self._sender_id, size)
            await db.execute(statements.UNTOUCH, self._sender_id)

    async def pending_count(self) -> int:
        # Asked before an event is accepted, and Misskey waits for five seconds altogether.
        with named_errors(self.place):
            async with asyncio.timeout(COUNT):
                return await super().pending_count()

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        async with self._connection() as db, db.transaction():
            oldest = await db.fetchrow(sql.OLDEST, after, limit)
            if not oldest["number"]:
                return Pruned(events=0, next=None)
            old = await db.fetch(statements.OLD_EVENTS, after, oldest["last"], before)
            ids = [row["id"] for row in old]
            gone = changed_rows(await db.execute(statements.PRUNE, ids, before))
            is_last = oldest["number"] < limit or oldest["accepted_at"] >= before
            return Pruned(events=gone, next=None if is_last else oldest["last"])

    async def _queue(self, sink: str) -> Sequence[QueuedDelivery]:
        async with self._connection() as db:
            return await claims.queue_of(db, sink)

    async def _last_edits(self, ids: Sequence[int]) -> Mapping[int, Delivery]:
        async with self._connection() as db:
            return await claims.last_edits(db, ids)

    async def _newest_edits(self, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
        async with self._connection() as db:
            return await claims.newest_edits(db, roots)

    async def _fetch(self, queries: Sequence[sql.Query]) -> Sequence[sql.Record]:
        async with self._connection() as db:
            return [
                row
                for statement, values in queries
                for row in await db.fetch(statement, *storable_values(values))
            ]

    async def _changed(self, statement: str, *values: object) -> int:
        async with self._connection() as db:
            return changed_rows(await db.execute(statement, *storable_values(values)))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        self._check_open()
        with named_errors(self.place):
            async with self._pool.acquire(timeout=WAIT) as db:
                yield db

    def _check_open(self) -> None:
        if not self._is_open:
            raise OutboxError(f"{self.place}: was closed")
