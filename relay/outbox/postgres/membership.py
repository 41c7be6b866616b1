"""
Decides which sinks this process owns, of those that several processes share.

Each process is a node: a row with a lease that it renews every few seconds. The row of a sink's
lane names the node that owns it. A node whose lease has ended is evicted, and the others acquire
its lanes. It may only have been suspended: what it claims and saves afterwards changes nothing, and
it sends nothing, because it checks its own clock before each request.
"""

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from relay.aio import first
from relay.errors import OutboxError
from relay.outbox.base import Lanes
from relay.outbox.postgres import cluster
from relay.outbox.postgres.connection import connect, named_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTiming:
    """How often a node renews its lease, and when it is evicted; in seconds."""

    heartbeat: float = 2.0
    lease: float = 9.0
    """A node without a heartbeat for so long is evicted."""
    margin: float = 2.0
    """A node stops sending so long before its lease ends."""
    sweep: float = 30.0
    """How often to look for backlogs whose notification was lost with a connection."""


DEFAULT_TIMING = ClusterTiming()


class Membership:
    """The sinks that one process owns; kept up to date by ``run``."""

    def __init__(
        self,
        address: str,
        lanes: Lanes,
        *,
        place: str,
        sender_id: str,
        clock: Callable[[], int],
        timing: ClusterTiming = DEFAULT_TIMING,
    ) -> None:
        self._address = address
        self._timing = timing
        self._groups: Mapping[str, frozenset[str]] = {}
        self._lanes = lanes
        self._place = place
        self._sender_id = sender_id
        self._clock = clock
        self.node: int | None = None
        self._nodes: Sequence[int] = ()
        self._assigned: frozenset[str] = frozenset()
        """The groups assigned to this node."""
        self._held: set[str] = set()
        """The sinks that this node owns."""
        self._releasing: set[str] = set()
        """Those of them that are assigned to another node, and for which nothing new starts."""
        self._is_balanced = False
        self._safe_until = float("-inf")
        self._connected_at = float("-inf")
        self._backlog_read_at = float("-inf")
        self._alarm = asyncio.Event()

    def owns(self, sink: str) -> bool:
        return sink in self._held and time.monotonic() < self._safe_until

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop``, and then until nothing is in flight."""
        while not (stop.is_set() and self._is_idle()):
            try:
                with named_errors(self._place):
                    return await self._stay(stop)
            except OutboxError as error:
                self._on_connection_lost()
                logger.error("outbox fails", extra={"action": "watch", "reason": str(error)})
                await first(1.0, stop)

    async def _stay(self, stop: asyncio.Event) -> None:
        """Renew the lease on a connection that listens for notifications, until ``stop``."""
        db = await connect(self._address)
        try:
            db.add_termination_listener(self._on_connection_lost)
            await db.add_listener(cluster.NEW_DELIVERIES, self._on_notification)
            await db.add_listener(cluster.NODES_CHANGED, self._on_nodes_changed)
            self._connected_at, self._backlog_read_at = time.monotonic(), float("-inf")
            while True:
                self._alarm.clear()
                self._lanes.regrouped.clear()
                await self._heartbeat(db, is_over=stop.is_set())
                if stop.is_set() and not self._held:
                    break
                pause = 0.1 if stop.is_set() else self._timing.heartbeat
                await first(pause, self._alarm, self._lanes.regrouped, stop)
            if self.node is not None:
                await cluster.leave(db, self.node)
        finally:
            db.terminate()

    async def _heartbeat(self, db: asyncpg.Connection, *, is_over: bool) -> None:
        began = time.monotonic()
        groups = await self._regroup(db)
        if self.node is None:
            self.node = await cluster.enter(db, groups, lease=self._timing.lease, now=self._clock())
        result = await cluster.heartbeat(db, self.node, lease=self._timing.lease)
        if result is None:
            self._rejoin()
            return
        self._safe_until = began + self._timing.lease - self._timing.margin
        # After an outage of the database all leases have ended: each node gets time to renew its.
        if result.has_dead and time.monotonic() - self._connected_at > self._timing.lease:
            await cluster.reap(db, self.node)
        if list(result.nodes) != self._nodes:
            self._nodes = list(result.nodes)
            self._assigned = self._share_of(await cluster.advertised_groups(db))
            self._is_balanced = False
        if is_over or not self._is_balanced:
            await self._rebalance(db, self.node, frozenset() if is_over else self._assigned)
        if time.monotonic() - self._backlog_read_at > self._timing.sweep:
            self._lanes.wake(await cluster.sinks_with_backlog(db))
            self._backlog_read_at = time.monotonic()

    async def _regroup(self, db: asyncpg.Connection) -> Sequence[str]:
        """Advertise the configured groups of sinks if they changed; returns their names."""
        groups = {min(group): frozenset(group) for group in self._lanes.groups}
        if groups != self._groups:
            self._groups, self._nodes = groups, ()
            if self.node is not None:
                await cluster.advertise(db, self.node, sorted(groups))
        return sorted(groups)

    def _share_of(self, advertised_groups: Mapping[int, Collection[str]]) -> frozenset[str]:
        ours = {group for group, owner in assign(advertised_groups).items() if owner == self.node}
        return frozenset(ours & self._groups.keys())

    async def _rebalance(
        self, db: asyncpg.Connection, mine: int, assigned: Collection[str]
    ) -> None:
        """Release sinks that are assigned to others, and acquire assigned sinks that are free."""
        kept = {sink for group in assigned for sink in self._groups[group]}
        # A sink whose release has begun is released, and acquired again if it is assigned by then.
        self._releasing |= self._held - kept
        released = {sink for sink in self._releasing if self._lanes.release(sink)}
        if released:
            self._held -= released
            self._releasing -= released
            await cluster.release(db, mine, released)
        missing = (self._groups[group] - self._held for group in assigned)
        free = [sinks for sinks in missing if sinks and self._may_acquire(sinks)]
        if free:
            acquired = await cluster.acquire(db, mine, free, now=self._clock())
            self._held |= acquired.keys()
            self._lanes.acquire(acquired)
            self._backlog_read_at = float("-inf")
        self._is_balanced = self._held == kept and not self._releasing

    def _may_acquire(self, sinks: Collection[str]) -> bool:
        """Whether nothing is in flight for sinks that this node has lost before."""
        return all(self._lanes.release(sink) for sink in sinks)

    def _rejoin(self) -> None:
        """Enter the cluster again after the other nodes have evicted this one."""
        logger.error("evicted by the other nodes", extra={"action": "node_evicted"})
        for sink in self._held:
            self._lanes.release(sink)
        self._held, self._releasing, self.node, self._nodes = set(), set(), None, ()
        self._alarm.set()

    def _is_idle(self) -> bool:
        return not [sink for sink in self._held if not self._lanes.release(sink)]

    def _on_connection_lost(self, *_: object) -> None:
        """Send nothing more until the lease is renewed."""
        self._safe_until = float("-inf")
        self._alarm.set()

    def _on_notification(self, db: object, pid: int, channel: str, payload: object) -> None:
        sender_id, _, sinks = str(payload).partition(" ")
        if sender_id == self._sender_id:
            return  # this process woke its own lanes when it routed the event
        if sinks:
            self._lanes.wake(sinks.split(","))
        else:
            self._backlog_read_at = float("-inf")
            self._alarm.set()

    def _on_nodes_changed(self, db: object, pid: int, channel: str, payload: object) -> None:
        self._nodes = ()
        self._alarm.set()


def assign(advertised_groups: Mapping[int, Collection[str]]) -> Mapping[str, int]:
    """
    Assign each group of sinks to one of the nodes that advertise it.

    Nodes advertise different groups while a new configuration is rolled out. Each node gets its
    share, and a node that comes or goes moves few groups: every group ranks the nodes in an order
    of its own (https://en.wikipedia.org/wiki/Rendezvous_hashing), and takes the first that has
    room.
    """
    groups = sorted({group for advertised in advertised_groups.values() for group in advertised})
    limit = -(-len(groups) // max(1, len(advertised_groups)))
    known = {node: frozenset(advertised) for node, advertised in advertised_groups.items()}
    counts: Counter[int] = Counter()
    owners = {}
    for group in groups:
        ranked = sorted((node for node in known if group in known[node]), key=_rank(group))
        free = (node for node in ranked if counts[node] < limit)
        node = next(free, min(ranked, key=lambda node: counts[node]))
        counts[node] += 1
        owners[group] = node
    return owners


def _rank(group: str) -> Callable[[int], bytes]:
    """The order in which a group prefers nodes."""

    def rank(node: int) -> bytes:
        return hashlib.blake2b(f"{node} {group}".encode(), digest_size=8).digest()

    return rank
