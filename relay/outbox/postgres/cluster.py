"""The nodes that share an outbox and the lanes they own, as rows of PostgreSQL."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from relay.outbox.postgres.connection import Connection

NEW_DELIVERIES = "relay_news"
"""Channel: the sender's id, and the sinks with new deliveries; without sinks: look for them."""
NODES_CHANGED = "relay_nodes"
"""Channel: a node has come or gone, or a lane has become free."""
PAYLOAD = 7_000  # bytes; https://www.postgresql.org/docs/current/sql-notify.html

ENTER = """
INSERT INTO node (until, groups) VALUES (clock_timestamp() + make_interval(secs => $1), $2)
RETURNING id
"""
# A restart often follows a fix: deliveries that wait for another attempt get it now. Claimed
# deliveries may still be in flight on a node that is only late.
RECOVER = """
UPDATE delivery SET due_at = least(due_at, $2)
WHERE state = 'pending' AND batch IS NOT NULL AND NOT claimed
  AND NOT EXISTS (SELECT 1 FROM node WHERE id <> $1 AND until >= clock_timestamp())
"""
HEARTBEAT = """
WITH renewed AS (
    UPDATE node SET until = clock_timestamp() + make_interval(secs => $2) WHERE id = $1
    RETURNING id)
SELECT array_agg(id ORDER BY id) AS nodes,
       bool_or(id <> $1 AND until < clock_timestamp()) AS has_dead,
       EXISTS (SELECT 1 FROM renewed) AS is_alive
FROM node
"""
ADVERTISED_GROUPS = "SELECT id, groups FROM node"
# The end of a node's lease is when it can have sent for the last time.
REAP = """
WITH dead AS (
    DELETE FROM node WHERE id <> $1 AND until < clock_timestamp() RETURNING id, until)
UPDATE lane SET node = NULL, left_at = dead.until FROM dead WHERE lane.node = dead.id
"""
ACQUIRE = """
INSERT INTO lane (sink, node) SELECT sink, $1 FROM unnest($2::text[]) AS requested (sink)
ON CONFLICT (sink) DO UPDATE SET node = excluded.node WHERE lane.node IS NULL
RETURNING sink, extract(epoch FROM clock_timestamp() - left_at)::float8 AS seconds
"""
# No node is sending what was claimed for a lane that was free. A node that was only suspended finds
# another due_at, and saves nothing.
REQUEUE = """
UPDATE delivery SET due_at = $2 WHERE sink = ANY($1::text[]) AND state = 'pending' AND claimed
"""
GIVE_BACK = "UPDATE lane SET node = NULL WHERE node = $1 AND sink = ANY($2::text[])"
RELEASE = """
UPDATE lane SET node = NULL, left_at = clock_timestamp()
WHERE node = $1 AND sink = ANY($2::text[])
"""
ADVERTISE = "UPDATE node SET groups = $2 WHERE id = $1"
EXIT = "DELETE FROM node WHERE id = $1"
# From one sink with a backlog to the next by the index, however many deliveries wait.
SINKS_WITH_BACKLOG = """
WITH RECURSIVE sinks (sink) AS (
    (SELECT sink FROM delivery WHERE state = 'pending' ORDER BY sink LIMIT 1)
    UNION ALL
    SELECT (SELECT sink FROM delivery WHERE state = 'pending' AND sink > sinks.sink
            ORDER BY sink LIMIT 1)
    FROM sinks WHERE sinks.sink IS NOT NULL)
SELECT sink FROM sinks WHERE sink IS NOT NULL
"""
NOTIFY = "SELECT pg_notify($1, $2)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatResult:
    """The state of the cluster that a node reads when it renews its lease."""

    nodes: Sequence[int]
    has_dead: bool


async def enter(db: Connection, groups: Sequence[str], *, lease: float, now: int) -> int:
    async with db.transaction():
        node = int(await db.fetchval(ENTER, lease, groups))
        await db.execute(RECOVER, node, now)
        await db.execute(NOTIFY, NODES_CHANGED, "")
    return node


async def heartbeat(db: Connection, node: int, *, lease: float) -> HeartbeatResult | None:
    """Renew the lease of a node; None if the others have evicted it."""
    row = await db.fetchrow(HEARTBEAT, node, lease)
    return (
        HeartbeatResult(nodes=row["nodes"], has_dead=row["has_dead"]) if row["is_alive"] else None
    )


async def advertised_groups(db: Connection) -> Mapping[int, Collection[str]]:
    """The groups that each node knows."""
    return {row["id"]: row["groups"] for row in await db.fetch(ADVERTISED_GROUPS)}


async def advertise(db: Connection, node: int, groups: Sequence[str]) -> None:
    """Store the groups that a node has in its configuration now."""
    async with db.transaction():
        await db.execute(ADVERTISE, node, groups)
        await db.execute(NOTIFY, NODES_CHANGED, "")


async def reap(db: Connection, node: int) -> None:
    """Evict nodes whose lease has ended, and free their lanes."""
    async with db.transaction():
        await db.execute(REAP, node)
        await db.execute(NOTIFY, NODES_CHANGED, "")


async def acquire(
    db: Connection, node: int, groups: Collection[Collection[str]], *, now: int
) -> Mapping[str, float]:
    """
    Acquire the groups whose lanes are all free; returns the seconds since each sink was released.

    Deliveries that were claimed for them become due again.
    """
    sinks = sorted(sink for group in groups for sink in group)  # in the same order everywhere
    async with db.transaction():
        rows = await db.fetch(ACQUIRE, node, sinks)
        acquired = {row["sink"]: row["seconds"] for row in rows}
        whole = {sink for group in groups if acquired.keys() >= set(group) for sink in group}
        if len(whole) < len(acquired):
            await db.execute(GIVE_BACK, node, sorted(acquired.keys() - whole))
        await db.execute(REQUEUE, sorted(whole), now)
    return {sink: math.inf if acquired[sink] is None else acquired[sink] for sink in whole}


async def release(db: Connection, node: int, sinks: Collection[str]) -> None:
    async with db.transaction():
        await db.execute(RELEASE, node, sorted(sinks))
        await db.execute(NOTIFY, NODES_CHANGED, "")


async def leave(db: Connection, node: int) -> None:
    """Remove a node that has released all its lanes."""
    async with db.transaction():
        await db.execute(EXIT, node)
        await db.execute(NOTIFY, NODES_CHANGED, "")


async def sinks_with_backlog(db: Connection) -> Collection[str]:
    """The sinks that have a backlog."""
    return [row["sink"] for row in await db.fetch(SINKS_WITH_BACKLOG)]


async def notify(db: Connection, sender_id: str, sinks: Collection[str]) -> None:
    """Notify all processes that these sinks have new deliveries."""
    names = ",".join(sorted(sinks))
    payload = f"{sender_id} {names}" if len(names) <= PAYLOAD else f"{sender_id} "
    await db.execute(NOTIFY, NEW_DELIVERIES, payload)
