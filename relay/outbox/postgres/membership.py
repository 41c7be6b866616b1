"""
Which sinks this process carries, of all that several processes share.

Each process is a node: a row that it renews every few seconds. To whom a sink belongs stands in
the row of its lane. A node whose row is out of date is taken for dead, and the others take its
lanes. It may only have been stopped: what it claims and saves afterwards changes nothing, and it
sends nothing, for it looks at its own clock before.
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
    """How often a node gives a sign of life, in seconds, and what becomes of one that does not."""

    heartbeat: float = 2.0
    lease: float = 9.0
    """Without a beat for so long it is taken for dead."""
    margin: float = 2.0
    """So long before that, it sends nothing any more by itself."""
    sweep: float = 30.0
    """News come before that, but for those that were lost with a connection."""


DEFAULT_TIMING = ClusterTiming()


class Membership:
    """The part of one process; ``run`` keeps it up to date."""

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
        self._wanted: frozenset[str] = frozenset()
        """The groups that should be ours."""
        self._held: set[str] = set()
        """The sinks that are."""
        self._leaving: set[str] = set()
        """Those of them for which nothing new begins, since another was to have them."""
        self._is_settled = False
        self._safe_until = float("-inf")
        self._watched_since = float("-inf")
        self._swept_at = float("-inf")
        self._alarm = asyncio.Event()

    def owns(self, sink: str) -> bool:
        return sink in self._held and time.monotonic() < self._safe_until

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and after it until nothing is under way."""
        while not (stop.is_set() and self._is_at_rest()):
            try:
                with named_errors(self._place):
                    return await self._watch(stop)
            except OutboxError as error:
                self._on_connection_lost()
                logger.error("outbox fails", extra={"action": "watch", "reason": str(error)})
                await first(1.0, stop)

    async def _watch(self, stop: asyncio.Event) -> None:
        """Beat on one connection that hears the news, until all is left or an error comes."""
        db = await connect(self._address)
        try:
            db.add_termination_listener(self._on_connection_lost)
            await db.add_listener(cluster.NEWS, self._on_notification)
            await db.add_listener(cluster.NODES, self._on_nodes_changed)
            self._watched_since, self._swept_at = time.monotonic(), float("-inf")
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
        # After the database was away all nodes are late: each gets the time to come back.
        if result.has_dead and time.monotonic() - self._watched_since > self._timing.lease:
            await cluster.reap(db, self.node)
        if list(result.nodes) != self._nodes:
            self._nodes = list(result.nodes)
            self._wanted = self._share_of(await cluster.advertised_groups(db))
            self._is_settled = False
        if is_over or not self._is_settled:
            await self._exchange(db, self.node, frozenset() if is_over else self._wanted)
        if time.monotonic() - self._swept_at > self._timing.sweep:
            self._lanes.wake(await cluster.waiting(db))
            self._swept_at = time.monotonic()

    async def _regroup(self, db: asyncpg.Connection) -> Sequence[str]:
        """Tell the others what this process can carry now; the names of its groups."""
        groups = {min(group): frozenset(group) for group in self._lanes.groups}
        if groups != self._groups:
            self._groups, self._nodes = groups, ()
            if self.node is not None:
                await cluster.advertise(db, self.node, sorted(groups))
        return sorted(groups)

    def _share_of(self, advertised_groups: Mapping[int, Collection[str]]) -> frozenset[str]:
        ours = {group for group, owner in assign(advertised_groups).items() if owner == self.node}
        return frozenset(ours & self._groups.keys())

    async def _exchange(self, db: asyncpg.Connection, mine: int, wanted: Collection[str]) -> None:
        """Leave what is another's now, and take what is ours and free."""
        kept = {sink for group in wanted for sink in self._groups[group]}
        # Who has begun to leave leaves, and is taken anew if it is ours again by then.
        self._leaving |= self._held - kept
        left = {sink for sink in self._leaving if self._lanes.release(sink)}
        if left:
            self._held -= left
            self._leaving -= left
            await cluster.release(db, mine, left)
        missing = (self._groups[group] - self._held for group in wanted)
        free = [sinks for sinks in missing if sinks and self._may_take(sinks)]
        if free:
            taken = await cluster.take(db, mine, free, now=self._clock())
            self._held |= taken.keys()
            self._lanes.acquire(taken)
            self._swept_at = float("-inf")
        self._is_settled = self._held == kept and not self._leaving

    def _may_take(self, sinks: Collection[str]) -> bool:
        """Not what we lost before its last request came to an end."""
        return all(self._lanes.release(sink) for sink in sinks)

    def _rejoin(self) -> None:
        """The others took this process for dead, for it was stopped, or cut off."""
        logger.error("taken for dead by the other nodes", extra={"action": "buried"})
        for sink in self._held:
            self._lanes.release(sink)
        self._held, self._leaving, self.node, self._nodes = set(), set(), None, ()
        self._alarm.set()

    def _is_at_rest(self) -> bool:
        return not [sink for sink in self._held if not self._lanes.release(sink)]

    def _on_connection_lost(self, *_: object) -> None:
        """The connection is gone: nothing more is sent until it is known who owns what."""
        self._safe_until = float("-inf")
        self._alarm.set()

    def _on_notification(self, db: object, pid: int, channel: str, payload: object) -> None:
        sender_id, _, sinks = str(payload).partition(" ")
        if sender_id == self._sender_id:
            return  # our own lanes were woken when it was accepted
        if sinks:
            self._lanes.wake(sinks.split(","))
        else:
            self._swept_at = float("-inf")
            self._alarm.set()

    def _on_nodes_changed(self, db: object, pid: int, channel: str, payload: object) -> None:
        self._nodes = ()
        self._alarm.set()


def assign(advertised_groups: Mapping[int, Collection[str]]) -> Mapping[str, int]:
    """
    The node of each group of sinks, where ``wishes`` are the groups that each node knows.

    Nodes know different groups while a new configuration is rolled out. Each gets its share, and a
    node that comes or goes moves few others: every group ranks the nodes in an order of its own
    (https://en.wikipedia.org/wiki/Rendezvous_hashing), and takes the first that is not full.
    """
    groups = sorted({group for advertised in advertised_groups.values() for group in advertised})
    share = -(-len(groups) // max(1, len(advertised_groups)))
    known = {node: frozenset(advertised) for node, advertised in advertised_groups.items()}
    number: Counter[int] = Counter()
    found = {}
    for group in groups:
        ranked = sorted((node for node in known if group in known[node]), key=_rank(group))
        free = (node for node in ranked if number[node] < share)
        node = next(free, min(ranked, key=lambda one: number[one]))
        number[node] += 1
        found[group] = node
    return found


def _rank(group: str) -> Callable[[int], bytes]:
    """The order of the nodes for one group."""

    def rank(node: int) -> bytes:
        return hashlib.blake2b(f"{node} {group}".encode(), digest_size=8).digest()

    return rank
