"""
The statements that SQLite and PostgreSQL share, and the methods of an outbox that need only one.

``$1`` is a numbered parameter of PostgreSQL and a named one of SQLite. ``CASE`` is used in place
of SQLite's ``min`` and PostgreSQL's ``least``.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from relay.outbox import decisions, ordering
from relay.outbox.cursors import CursorReader
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.records import (
    Backlog,
    ClosedSink,
    DeadGroup,
    Decide,
    DeliverySearch,
    PostedMessage,
    PostedPart,
    RoutedBatch,
    StoredEvent,
)
from relay.outcome import Attempt, Delivery, State

KEPT_ATTEMPTS = 50  # of one delivery

Record = Mapping[str, Any]
"""A row, by column."""
Query = tuple[str, Sequence[object]]
"""A statement with its values."""


class LeaseLostError(Exception):
    """Rolls back what was written for a part of the claimed deliveries."""


COLUMNS = """
delivery.id, delivery.sink, route, hook, server, raw, accepted_at, delivery.event, event_id, kind,
state, attempt, delivery.due_at, reason, merged, batch, edits, message, delivery.key, crashes,
in_doubt, counts_at"""
DELIVERY = f"""
SELECT {COLUMNS}, claimed AS interrupted
FROM delivery JOIN event ON event.id = delivery.event
"""  # noqa: S608
ONE = f"{DELIVERY} WHERE delivery.id = $1"
FIND = f"{DELIVERY} WHERE {{conditions}} ORDER BY delivery.id DESC LIMIT $1"
CONDITIONS = {
    "sink": "sink = ${}",
    "state": "state = ${}",
    "kind": "kind = ${}",
    "event_id": "event_id = ${}",
    "reason": "reason = ${}",
    "since": "accepted_at >= ${}",
    "until": "accepted_at < ${}",
    "before": "delivery.id < ${}",
}
ATTEMPTS = "SELECT at, took, outcome, reason FROM attempt WHERE delivery = $1 ORDER BY id"
# Never later than it was: another clock may be ahead of that of the lane.
EXPEDITE = """
UPDATE delivery SET due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END
WHERE (id = $1 OR (batch = $1 AND batch <> id)) AND state = 'pending' AND NOT claimed
"""
# A restart often follows a fix: deliveries that wait for another attempt get it now. The due time
# of a claimed one changes in any case, because that was its lease.
RECOVER = """
UPDATE delivery SET due_at = CASE WHEN due_at < $1 AND NOT claimed THEN due_at ELSE $1 END
WHERE state = 'pending' AND batch IS NOT NULL
"""

ROOT = "SELECT batch, message, shares FROM delivery WHERE id = $1 AND message IS NOT NULL"
PARTS = f"""
SELECT {COLUMNS}, claimed AS interrupted, created_at
FROM delivery JOIN event ON event.id = delivery.event
WHERE (delivery.id = $1 OR (batch = $1 AND batch <> delivery.id)) AND message = $2
  AND edits IS NULL
ORDER BY delivery.id
"""  # noqa: S608

# Not a sink that was opened meanwhile.
POSTPONE_PROBE = """
UPDATE closed_sink SET reason = $3, probe_at = $4 WHERE name = $1 AND closed_at = $2
"""
# Only a sink that has a backlog and that nobody has paused is probed.
TO_PROBE = """
SELECT name, reason, fingerprint, closed_at, probe_at FROM closed_sink
WHERE name = $1 AND probe_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM paused_sink WHERE name = $1)
  AND EXISTS (SELECT 1 FROM delivery WHERE sink = $1 AND state = 'pending')
"""
OPEN = "DELETE FROM closed_sink WHERE name = $1"
CLOSED = "SELECT name, reason, fingerprint, closed_at, probe_at FROM closed_sink ORDER BY name"
PAUSE = "INSERT INTO paused_sink (name, paused_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
RESUME = "DELETE FROM paused_sink WHERE name = $1"
PAUSED = "SELECT name, paused_at FROM paused_sink ORDER BY name"
# Not of all attempts: pages ask every few seconds, and a chat can fail a million times in a week.
LAST_FAILURES = """
WITH recent AS (
    SELECT id, delivery FROM attempt WHERE reason IS NOT NULL ORDER BY id DESC LIMIT 10000)
SELECT sink, at, took, outcome, attempt.reason
FROM attempt JOIN delivery ON delivery.id = attempt.delivery
WHERE attempt.id IN (
    SELECT max(recent.id) FROM recent JOIN delivery ON delivery.id = recent.delivery GROUP BY sink)
"""
STORED_EVENTS = """
SELECT event.id, hook, server, raw, no_route, unrouted.event IS NULL AS is_routed, sink, reason
FROM event LEFT JOIN unrouted ON unrouted.event = event.id
LEFT JOIN withheld ON withheld.event = event.id
WHERE event_id = $1 ORDER BY event.id, sink
"""

DEAD_GROUPS = """
SELECT sink, reason, count(*) AS number, max(id) AS newest FROM delivery
WHERE state = 'dead' GROUP BY sink, reason ORDER BY newest DESC LIMIT 300
"""
# A claimed delivery is in flight until its lease ends. The conditions are repeated because
# PostgreSQL may see a claim that was committed after the inner query.
GIVE_UP = """
UPDATE delivery SET state = 'dead', reason = $2, due_at = $3, claimed = false
WHERE state = 'pending' AND (NOT claimed OR due_at <= $3)
  AND id IN (SELECT id FROM delivery WHERE sink = $1 AND state = 'pending'
             AND (NOT claimed OR due_at <= $3) ORDER BY id LIMIT $4)
"""
COUNTS = "SELECT sink, state, count(*) AS number FROM delivery GROUP BY sink, state"
BACKLOG = """
SELECT line.sink, number, accepted_at AS since
FROM (SELECT sink, count(*) AS number, min(id) AS first FROM delivery
      WHERE state = 'pending' GROUP BY sink) AS line
JOIN delivery ON delivery.id = first JOIN event ON event.id = delivery.event
"""
PENDING_COUNT = """
SELECT (SELECT count(*) FROM delivery WHERE state = 'pending')
     + (SELECT count(*) FROM unrouted) AS number
"""
# The events that one step of pruning looks at: those that wait for weeks are not read each time.
OLDEST = """
SELECT count(*) AS number, max(id) AS last, max(accepted_at) AS accepted_at FROM (
    SELECT id, accepted_at FROM event WHERE id > $1 ORDER BY id LIMIT $2) AS looked_at
"""


def delivery_of(row: Record, **changes: object) -> Delivery:
    """A delivery from its row; SQLite stores flags as numbers."""
    values = dict(row) | changes
    values["state"] = State(values["state"])
    for flag in ("interrupted", "in_doubt"):
        values[flag] = bool(values[flag])
    return Delivery(**values)


def saved_row(after: Delivery, *, lease: int) -> tuple[object, ...]:
    """The values of a delivery that was claimed until ``lease``, as ``Outbox.save`` stores them."""
    return (
        after.id, lease, after.state, after.attempt, after.due_at, after.reason,
        after.batch, after.edits, after.message, after.crashes, after.in_doubt, after.counts_at,
    )  # fmt: skip


class SQLOutbox(CursorReader, ABC):
    """
    The methods of ``Outbox`` that are one statement on both databases.

    A database brings two: to read rows, and to change them.
    """

    @abstractmethod
    async def _fetch(self, queries: Sequence[Query]) -> Sequence[Record]:
        """The rows of several queries, one after the other."""

    @abstractmethod
    async def _changed(self, statement: str, *values: object) -> int:
        """The number of rows that a statement has changed, once that is committed."""

    @abstractmethod
    async def _queue(self, sink: str) -> Sequence[QueuedDelivery]:
        """The first deliveries that wait for a sink, in the order of their ids."""

    @abstractmethod
    async def _route(self, decide: Decide, limit: int) -> RoutedBatch:
        """See ``Outbox.route``. Raises UnstorableError."""

    @abstractmethod
    async def _last_edits(self, ids: Sequence[int]) -> Mapping[int, Delivery]:
        """By the id of a delivery, the last edit of it that was delivered."""

    @abstractmethod
    async def _newest_edits(self, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
        """By id, the newest edit of its root that came after it, whatever its state."""

    async def _rows(self, statement: str, *values: object) -> Sequence[Record]:
        return await self._fetch([(statement, values)])

    async def _row(self, statement: str, *values: object) -> Record | None:
        return next(iter(await self._rows(statement, *values)), None)

    async def route(self, decide: Decide, *, limit: int) -> RoutedBatch:
        return await decisions.route(self._route, decide, limit=limit)

    async def due_at(
        self,
        sink: str,
        *,
        now: int | None = None,
        hold: int = 0,
        skip_batches: Collection[int] = (),
    ) -> int | None:
        queue = [queued for queued in await self._queue(sink) if queued.batch not in skip_batches]
        return ordering.due_at(queue, hold=hold, now=now)

    async def expedite(self, batch: int, *, now: int) -> None:
        await self._changed(EXPEDITE, batch, now)

    async def recover(self, *, now: int) -> int:
        return await self._changed(RECOVER, now)

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        return [Attempt(**row) for row in await self._rows(ATTEMPTS, delivery_id)]

    async def posted_message(self, delivery_id: int, *, hold: int = 0) -> PostedMessage | None:
        root = await self._row(ROOT, delivery_id)
        if root is None:
            return None
        rows = [dict(row) for row in await self._rows(PARTS, root["batch"], root["message"])]
        if len(rows) != root["shares"]:  # some have been pruned
            return None
        created_at = {row["id"]: row.pop("created_at") for row in rows}
        parts = {row["id"]: delivery_of(row) for row in rows}
        last = await self._last_edits([*created_at])
        newest = await self._newest_edits({id: id for id in created_at})
        places = [
            QueuedDelivery(
                id=part.id,
                accepted_at=part.accepted_at,
                created_at=created_at[part.id],
                due_at=part.due_at,
                batch=part.batch,
            )
            for part in parts.values()
        ]
        return PostedMessage(
            message=root["message"],
            parts=tuple(
                PostedPart(
                    delivery=parts[place.id],
                    edit=last.get(place.id),
                    newest_edit=newest.get(place.id),
                )
                for place in ordering.in_order(places, hold=hold)
            ),
        )

    async def postpone_probe(self, closed: ClosedSink) -> None:
        values = (closed.name, closed.closed_at, closed.reason, closed.probe_at)
        await self._changed(POSTPONE_PROBE, *values)

    async def sink_to_probe(self, sink: str) -> ClosedSink | None:
        row = await self._row(TO_PROBE, sink)
        return None if row is None else ClosedSink(**row)

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        return [ClosedSink(**row) for row in await self._rows(CLOSED)]

    async def pause_sink(self, sink: str, *, now: int) -> bool:
        return await self._changed(PAUSE, sink, now) == 1

    async def paused_sinks(self) -> Mapping[str, int]:
        return {row["name"]: row["paused_at"] for row in await self._rows(PAUSED)}

    async def last_failures(self) -> Mapping[str, Attempt]:
        rows = [dict(row) for row in await self._rows(LAST_FAILURES)]
        return {row.pop("sink"): Attempt(**row) for row in rows}

    async def stored_events(self, event_id: str) -> Sequence[StoredEvent]:
        return decisions.stored_events(await self._rows(STORED_EVENTS, event_id))

    async def delivery(self, delivery_id: int) -> Delivery | None:
        row = await self._row(ONE, delivery_id)
        return None if row is None else delivery_of(row)

    async def deliveries(self, search: DeliverySearch, *, limit: int = 50) -> Sequence[Delivery]:
        # The index of a sink's deliveries is by state first: without a state, each is asked for.
        terms = {name: value for name, value in asdict(search).items() if value is not None}
        states = tuple(State) if "sink" in terms and "state" not in terms else ()
        searches = [terms | {"state": state} for state in states] or [terms]
        rows = await self._fetch([_find(terms, limit=limit) for terms in searches])
        newest = sorted(rows, key=lambda row: int(row["id"]), reverse=True)
        return [delivery_of(row) for row in newest[:limit]]

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        return await self.deliveries(DeliverySearch(sink=sink, state=State.DEAD), limit=limit)

    async def dead_groups(self) -> Sequence[DeadGroup]:
        return [DeadGroup(**row) for row in await self._rows(DEAD_GROUPS)]

    async def give_up(self, sink: str, *, reason: str, now: int, limit: int) -> int:
        return await self._changed(GIVE_UP, sink, reason, now, limit)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        return {(row["sink"], row["state"]): row["number"] for row in await self._rows(COUNTS)}

    async def backlog(self) -> Mapping[str, Backlog]:
        return {
            row["sink"]: Backlog(number=row["number"], since=row["since"])
            for row in await self._rows(BACKLOG)
        }

    async def pending_count(self) -> int:
        (row,) = await self._rows(PENDING_COUNT)
        return int(row["number"])


def _find(terms: Mapping[str, object], *, limit: int) -> Query:
    conditions = " AND ".join(
        CONDITIONS[name].format(number) for number, name in enumerate(terms, start=2)
    )
    return FIND.format(conditions=conditions or "TRUE"), (limit, *terms.values())
