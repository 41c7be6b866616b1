"""What is asked of PostgreSQL about the processes that share an outbox, and about their lanes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from relay.outbox.postgres.connection import Connection

NEWS = "relay_news"
"""Tells who accepted, and for which sinks something waits; none named: look for yourself."""
NODES = "relay_nodes"
"""A node has come or gone, or a lane has become free."""
PAYLOAD = 7_000  # bytes; https://www.postgresql.org/docs/current/sql-notify.html

ENTER = """
INSERT INTO node (until, groups) VALUES (clock_timestamp() + make_interval(secs => $1), $2)
RETURNING id
"""
# Whoever starts relay anew has mended something: what waits for another attempt gets it now.
# What is claimed may still be under way in a node that is only late.
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
# The time of its last sign of life is when it can have sent for the last time.
REAP = """
WITH dead AS (
    DELETE FROM node WHERE id <> $1 AND until < clock_timestamp() RETURNING id, until)
UPDATE lane SET node = NULL, left_at = dead.until FROM dead WHERE lane.node = dead.id
"""
TAKE = """
INSERT INTO lane (sink, node) SELECT sink, $1 FROM unnest($2::text[]) AS wanted (sink)
ON CONFLICT (sink) DO UPDATE SET node = excluded.node WHERE lane.node IS NULL
RETURNING sink, extract(epoch FROM clock_timestamp() - left_at)::float8 AS seconds
"""
# What is claimed for a lane that was free is in nobody's hands. Whoever was only stopped finds
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
# From one sink with waiting deliveries to the next, by the index: however many wait.
WAITING = """
WITH RECURSIVE found (sink) AS (
    (SELECT sink FROM delivery WHERE state = 'pending' ORDER BY sink LIMIT 1)
    UNION ALL
    SELECT (SELECT sink FROM delivery WHERE state = 'pending' AND sink > found.sink
            ORDER BY sink LIMIT 1)
    FROM found WHERE found.sink IS NOT NULL)
SELECT sink FROM found WHERE sink IS NOT NULL
"""
NOTIFY = "SELECT pg_notify($1, $2)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatResult:
    """What a node learns when it renews its row."""

    nodes: Sequence[int]
    has_dead: bool


async def enter(db: Connection, groups: Sequence[str], *, lease: float, now: int) -> int:
    async with db.transaction():
        node = int(await db.fetchval(ENTER, lease, groups))
        await db.execute(RECOVER, node, now)
        await db.execute(NOTIFY, NODES, "")
    return node


async def heartbeat(db: Connection, node: int, *, lease: float) -> HeartbeatResult | None:
    """None if the others have taken this node for dead."""
    row = await db.fetchrow(HEARTBEAT, node, lease)
    return (
        HeartbeatResult(nodes=row["nodes"], has_dead=row["has_dead"]) if row["is_alive"] else None
    )


async def advertised_groups(db: Connection) -> Mapping[int, Collection[str]]:
    """The groups that each node knows."""
    return {row["id"]: row["groups"] for row in await db.fetch(ADVERTISED_GROUPS)}


async def advertise(db: Connection, node: int, groups: Sequence[str]) -> None:
    """A node has other groups than before."""
    async with db.transaction():
        await db.execute(ADVERTISE, node, groups)
        await db.execute(NOTIFY, NODES, "")


async def reap(db: Connection, node: int) -> None:
    """Free the lanes of those that gave no sign of life."""
    async with db.transaction():
        await db.execute(REAP, node)
        await db.execute(NOTIFY, NODES, "")


async def take(
    db: Connection, node: int, groups: Collection[Collection[str]], *, now: int
) -> Mapping[str, float]:
    """
    The sinks of those groups that are wholly free; of each the seconds since it was left.

    What was claimed for them is due again.
    """
    wanted = sorted(sink for group in groups for sink in group)  # in one order everywhere
    async with db.transaction():
        rows = await db.fetch(TAKE, node, wanted)
        taken = {row["sink"]: row["seconds"] for row in rows}
        whole = {sink for group in groups if taken.keys() >= set(group) for sink in group}
        if len(whole) < len(taken):
            await db.execute(GIVE_BACK, node, sorted(taken.keys() - whole))
        await db.execute(REQUEUE, sorted(whole), now)
    return {sink: float("inf") if taken[sink] is None else taken[sink] for sink in whole}


async def release(db: Connection, node: int, sinks: Collection[str]) -> None:
    async with db.transaction():
        await db.execute(RELEASE, node, sorted(sinks))
        await db.execute(NOTIFY, NODES, "")


async def leave(db: Connection, node: int) -> None:
    """A node goes, in order: it has released all its lanes."""
    async with db.transaction():
        await db.execute(EXIT, node)
        await db.execute(NOTIFY, NODES, "")


async def waiting(db: Connection) -> Collection[str]:
    """The sinks for which something waits."""
    return [row["sink"] for row in await db.fetch(WAITING)]


async def tell(db: Connection, sender_id: str, sinks: Collection[str]) -> None:
    """Tell all processes that something waits for these sinks."""
    told = ",".join(sorted(sinks))
    payload = f"{sender_id} {told}" if len(told) <= PAYLOAD else f"{sender_id} "
    await db.execute(NOTIFY, NEWS, payload)
