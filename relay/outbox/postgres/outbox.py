"""PostgreSQL, for any number of processes: https://www.postgresql.org/docs/current/mvcc.html"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, replace

from relay.errors import OutboxError
from relay.outbox import ordering as line
from relay.outbox.base import Lanes
from relay.outbox.postgres import claims as settling
from relay.outbox.postgres import membership as node
from relay.outbox.postgres import rows as query
from relay.outbox.postgres import statements as statement
from relay.outbox.postgres.accept import storable
from relay.outbox.postgres.claims import Claims
from relay.outbox.postgres.cluster import DEFAULT_TIMING, ClusterTiming, Membership
from relay.outbox.postgres.connection import (
    Connection,
    Pool,
    changed_rows,
    check_sessions,
    connect,
    named_errors,
    open_pool,
    public,
)
from relay.outbox.postgres.schema import migrate
from relay.outbox.postgres.writer import PostgresWriter
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
from relay.outcome import Attempt, Delivery, State

WAIT = 2.0  # seconds for a connection of the pool
COUNT = 1.0  # seconds


class PostgresOutbox:
    """Events come in through one connection, all else takes turns on a few. ``open`` makes one."""

    def __init__(
        self, address: str, pool: Pool, *, id: str, timing: ClusterTiming = DEFAULT_TIMING
    ) -> None:
        self.id = id
        self.place = public(address)
        self._address = address
        self._timing = timing
        self._pool = pool
        self._sender_id = secrets.token_hex(8)
        self._writer = PostgresWriter(address, place=self.place, sender_id=self._sender_id)
        self._claims = Claims()
        self._share: Membership | None = None
        self._is_open = True

    @classmethod
    async def open(
        cls, address: str, *, timing: ClusterTiming = DEFAULT_TIMING
    ) -> "PostgresOutbox":
        """Raises OutboxError, also when the tables are of a newer relay."""
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
        self._share = Membership(
            self._address,
            lanes,
            place=self.place,
            sender_id=self._sender_id,
            clock=clock,
            timing=self._timing,
        )
        await self._share.run(stop)

    def owns(self, sink: str) -> bool:
        return self._share is None or self._share.owns(sink)

    @property
    def _node(self) -> int | None:
        """Whose lanes may be claimed; None: this process shares them with nobody."""
        return None if self._share is None else self._share.node or 0

    async def accept(self, new_event: NewEvent) -> Collection[str] | None:
        self._check_open()
        return await self._writer.accept(new_event)

    async def claim(self, request: ClaimRequest) -> Claim | None:
        async with self._connection() as db:
            await self._claims.undo(db, request.sink)
            waiting, claimed = await query.line_of(db, request.sink)
            heads, candidates = line.claimable(waiting, request)
            if not heads:
                return None
            deliveries = await self._claims.take(db, heads, claimed, request, node=self._node)
            if not deliveries:
                return None
            others = await query.several(db, [one.id for one in candidates]) if candidates else ()
            later = await query.later_edits(db, heads)
            return Claim(deliveries=tuple(deliveries), candidates=tuple(others), later_edits=later)

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        async with self._connection() as db:
            return await self._claims.extend_claim(db, candidates, head=head, node=self._node)

    async def expedite(self, batch: int, *, now: int) -> None:
        async with self._connection() as db:
            await db.execute(statement.EXPEDITE, batch, now)

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        async with self._connection() as db:
            return await settling.mark_in_doubt(db, claimed)

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        async with self._connection() as db:
            return await settling.save(db, settled, claimed=claimed, attempt=attempt)

    async def posted_message(self, delivery_id: int, *, hold: int = 0) -> PostedMessage | None:
        async with self._connection() as db:
            return await query.posted_message(db, delivery_id, hold=hold)

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        async with self._connection() as db:
            rows = await db.fetch(statement.ATTEMPTS, delivery_id)
        return [Attempt(**row) for row in rows]

    async def due_at(
        self,
        sink: str,
        *,
        now: int | None = None,
        hold: int = 0,
        skip_batches: Collection[int] = (),
    ) -> int | None:
        async with self._connection() as db:
            found, _ = await query.line_of(db, sink)
        waiting = [one for one in found if one.batch not in skip_batches]
        return line.due_at(waiting, hold=hold, now=now)

    async def recover(self, *, now: int) -> int:
        return await self._changed(statement.RECOVER, now)

    async def close_sink(self, closed: ClosedSink) -> None:
        values = astuple(replace(closed, reason=storable(closed.reason)))
        await self._changed(statement.CLOSE, *values, self._node)

    async def postpone_probe(self, closed: ClosedSink) -> None:
        values = (closed.name, closed.closed_at, storable(closed.reason), closed.probe_at)
        await self._changed(statement.PUT_OFF, *values)

    async def sink_to_probe(self, sink: str) -> ClosedSink | None:
        async with self._connection() as db:
            row = await db.fetchrow(statement.PROBED, sink)
        return None if row is None else ClosedSink(**row)

    async def open_sink(self, sink: str, *, now: int) -> bool:
        async with self._connection() as db, db.transaction():
            await db.execute(statement.HASTEN, sink, now)
            was_closed = changed_rows(await db.execute(statement.OPEN, sink)) == 1
            await node.tell(db, "", [sink])
            return was_closed

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        async with self._connection() as db:
            rows = await db.fetch(statement.CLOSED)
        return [ClosedSink(**row) for row in rows]

    async def pause_sink(self, sink: str, *, now: int) -> bool:
        return await self._changed(statement.PAUSE, sink, now) == 1

    async def resume_sink(self, sink: str) -> bool:
        async with self._connection() as db, db.transaction():
            was_paused = changed_rows(await db.execute(statement.RESUME, sink)) == 1
            await node.tell(db, "", [sink])
            return was_paused

    async def paused_sinks(self) -> Mapping[str, int]:
        async with self._connection() as db:
            rows = await db.fetch(statement.PAUSED)
        return {row["name"]: row["paused_at"] for row in rows}

    async def last_failures(self) -> Mapping[str, Attempt]:
        async with self._connection() as db:
            found = [dict(row) for row in await db.fetch(statement.TROUBLES)]
        return {row.pop("sink"): Attempt(**row) for row in found}

    async def stored_events(self, event_id: str) -> Sequence[StoredEvent]:
        async with self._connection() as db:
            rows = await db.fetch(statement.RECEIVED, storable(event_id))
        return [StoredEvent(**row) for row in rows]

    async def restricted(self, subjects: Collection[str]) -> Mapping[str, Sequence[StoredEvent]]:
        async with self._connection() as db:
            return await query.restricted(db, subjects)

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        return await self.deliveries(DeliverySearch(sink=sink, state=State.DEAD), limit=limit)

    async def dead_groups(self) -> Sequence[DeadGroup]:
        async with self._connection() as db:
            return [DeadGroup(**row) for row in await db.fetch(statement.DEAD_GROUPS)]

    async def delivery(self, delivery_id: int) -> Delivery | None:
        async with self._connection() as db:
            return await query.found(db, delivery_id)

    async def deliveries(self, wanted: DeliverySearch, *, limit: int = 50) -> Sequence[Delivery]:
        async with self._connection() as db:
            return await query.search(db, wanted, limit=limit)

    async def give_up(self, sink: str, *, reason: str, now: int, limit: int) -> int:
        return await self._changed(statement.GIVE_UP, sink, storable(reason), now, limit)

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        wanted = list(ids)
        async with self._connection() as db, db.transaction():
            await db.execute(statement.KEEP_EVENTS, wanted)
            rows = await db.fetch(statement.REVIVE, wanted, now)
            await node.tell(db, "", {row["sink"] for row in rows})
            return len(rows)

    async def drop(self, ids: Iterable[int]) -> int:
        return await self._changed(statement.DROP, list(ids))

    async def counts(self) -> Mapping[tuple[str, str], int]:
        async with self._connection() as db:
            rows = await db.fetch(statement.COUNTS)
        return {(row["sink"], row["state"]): row["number"] for row in rows}

    async def backlog(self) -> Mapping[str, Backlog]:
        async with self._connection() as db:
            rows = await db.fetch(statement.BACKLOG)
        return {row["sink"]: Backlog(number=row["number"], since=row["since"]) for row in rows}

    async def touch(self, size: int = 0) -> None:
        async with self._connection() as db, db.transaction():
            await db.execute(statement.TOUCH, self._sender_id, size)
            await db.execute(statement.UNTOUCH, self._sender_id)

    async def pending_count(self) -> int:
        # Asked before events are taken: Misskey waits for five seconds altogether.
        with named_errors(self.place):
            async with asyncio.timeout(COUNT), self._connection() as db:
                return int(await db.fetchval(statement.WAITING))

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        async with self._connection() as db, db.transaction():
            oldest = await db.fetchrow(statement.OLDEST, after, limit)
            if not oldest["number"]:
                return Pruned(events=0, next=None)
            rows = await db.fetch(statement.OLD_EVENTS, after, oldest["last"], before)
            ids = [row["id"] for row in rows]
            gone = changed_rows(await db.execute(statement.PRUNE, ids, before))
            is_last = oldest["number"] < limit or oldest["accepted_at"] >= before
            return Pruned(events=gone, next=None if is_last else oldest["last"])

    async def _changed(self, wanted: str, *values: object) -> int:
        async with self._connection() as db:
            return changed_rows(await db.execute(wanted, *values))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        self._check_open()
        with named_errors(self.place):
            async with self._pool.acquire(timeout=WAIT) as db:
                yield db

    def _check_open(self) -> None:
        if not self._is_open:
            raise OutboxError(f"{self.place}: was closed")
