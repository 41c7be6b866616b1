"""What only the PostgreSQL outbox has: several processes on it, any of which may die."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from relay.errors import OutboxError
from relay.model import SubjectVersion
from relay.outbox import ClaimRequest, ClosedSink, Decide, DeliverySearch, JournalEntry, RoutedEvent
from relay.outbox.postgres import PostgresOutbox
from relay.outbox.postgres.connection import SETTINGS, check_sessions, public
from relay.outbox.postgres.membership import ClusterTiming
from relay.outbox.postgres.schema import MIGRATIONS, Migration, migrate
from relay.outcome import Attempt, Delivery, State
from tests.e2e.waiting import until
from tests.factories import accept, an_entry, an_event
from tests.lossy import Line, line_to
from tests.postgres import empty

pytestmark = pytest.mark.postgres

TEAM = {"team": "to the team"}
LEASE = 60_000
QUICK = ClusterTiming(heartbeat=0.05, lease=1.0, margin=0.5, sweep=30.0)


@pytest.fixture
async def address(postgres_database: str) -> str:
    await empty(postgres_database)
    return postgres_database


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[PostgresOutbox]:
    outbox = await PostgresOutbox.open(address, timing=QUICK)
    try:
        yield outbox
    finally:
        await outbox.close()


@pytest.fixture
async def pair(address: str) -> AsyncIterator[tuple[PostgresOutbox, PostgresOutbox]]:
    """The outboxes of two processes."""
    async with opened(address) as one, opened(address) as other:
        yield one, other


@dataclass
class Lanes:
    """Remembers what it was told; what is in ``busy`` it cannot leave yet."""

    mine: dict[str, float] = field(default_factory=dict)
    woken: list[str] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    groups: Sequence[Collection[str]] = ()
    regrouped: asyncio.Event = field(default_factory=asyncio.Event)

    def acquire(self, sinks: Mapping[str, float]) -> None:
        self.mine |= sinks

    def release(self, sink: str) -> bool:
        self.mine.pop(sink, None)
        return sink not in self.busy

    def wake(self, sinks: Collection[str]) -> None:
        self.woken += (sink for sink in sinks if sink in self.mine)


class Node:
    """A process that shares an outbox, without its lanes."""

    def __init__(self, outbox: PostgresOutbox, *groups: Collection[str]) -> None:
        self.outbox = outbox
        self.lanes = Lanes(groups=groups)
        self.stop = asyncio.Event()
        self.now = 1_000
        self.running = asyncio.create_task(
            outbox.run(self.lanes, clock=lambda: self.now, stop=self.stop)
        )

    @property
    def mine(self) -> set[str]:
        return {sink for sink in self.lanes.mine if self.outbox.owns(sink)}

    async def die(self) -> None:
        """As by ``kill -9``: nothing more is told to anybody."""
        self.running.cancel()
        await asyncio.wait([self.running])

    async def end(self) -> None:
        self.stop.set()
        await self.running


Start = Callable[..., "asyncio.Future[Node]"]


@pytest.fixture
async def start(address: str) -> AsyncIterator[Start]:
    """Starts a process; at the end all are gone."""
    async with AsyncExitStack() as stack:

        async def started(*groups: Collection[str]) -> Node:
            node = Node(await stack.enter_async_context(opened(address)), *groups)
            stack.push_async_callback(node.die)
            return node

        yield started  # type: ignore[misc]


SINKS = [{f"sink-{n}"} for n in range(6)]
NAMES = {f"sink-{n}" for n in range(6)}


async def are_shared(*nodes: Node, names: Collection[str] = NAMES) -> None:
    """Wait until all are carried, each by one, and by each its share."""
    share = len(names) // len(nodes)
    await until(lambda: sorted(len(node.mine) for node in nodes) == [share] * len(nodes))
    assert sorted(sink for node in nodes for sink in node.mine) == sorted(names)


# --- nodes


async def test_a_single_node_owns_everything(start: Start) -> None:
    node = await start(*SINKS)
    await are_shared(node)


async def test_each_sink_is_carried_by_one_and_each_node_has_its_share(start: Start) -> None:
    nodes = [await start(*SINKS) for _ in range(3)]
    await are_shared(*nodes)


async def test_sinks_that_share_a_limit_stay_together(start: Start) -> None:
    groups = [{"a", "b"}, {"c", "d"}, {"e", "f"}, {"g", "h"}]
    nodes = [await start(*groups) for _ in range(2)]
    await are_shared(*nodes, names="abcdefgh")
    assert all(group <= node.mine or not group & node.mine for group in groups for node in nodes)


async def test_a_node_that_ends_hands_over_with_the_time_since_its_last_request(
    start: Start,
) -> None:
    first = await start(*SINKS)
    await are_shared(first)
    assert set(first.lanes.mine.values()) == {float("inf")}
    second = await start(*SINKS)
    await are_shared(first, second)
    await first.end()
    await are_shared(second)
    assert all(0 <= seconds < float("inf") for seconds in second.lanes.mine.values())


async def test_no_node_acquires_a_sink_for_which_another_is_still_sending(start: Start) -> None:
    first = await start({"team"})
    await until(lambda: first.mine == {"team"})
    first.lanes.busy.add("team")
    second = await start({"team"})
    first.stop.set()
    await until(lambda: not first.lanes.mine)
    assert first.outbox.owns("team")  # for the request that is under way
    assert not second.lanes.mine
    first.lanes.busy.clear()
    await until(lambda: second.mine == {"team"})


async def test_a_node_keeps_a_sink_that_is_reassigned_to_it_during_release(start: Start) -> None:
    first = await start(*SINKS)
    await are_shared(first)
    first.lanes.busy |= NAMES
    second = await start(*SINKS)
    await until(lambda: len(first.lanes.mine) == len(NAMES) // 2)
    await second.end()
    first.lanes.busy.clear()
    await are_shared(first)


async def test_a_part_of_a_group_is_not_taken_while_another_sends_for_the_rest(
    start: Start,
) -> None:
    first = await start({"a"}, {"b"})
    await are_shared(first, names="ab")
    first.lanes.busy.add("b")
    second = await start({"a", "b"})  # by its configuration they share a limit
    first.stop.set()
    await until(lambda: not first.outbox.owns("a"))
    assert not second.lanes.mine
    first.lanes.busy.clear()
    await are_shared(second, names="ab")


async def test_the_sinks_of_a_dead_node_go_to_the_others(start: Start) -> None:
    nodes = [await start(*SINKS) for _ in range(2)]
    await are_shared(*nodes)
    await nodes[0].die()
    await until(lambda: nodes[1].mine == NAMES)


async def test_nodes_with_different_configurations_own_sinks_that_they_know(start: Start) -> None:
    old, new = await start({"a"}, {"b"}), await start({"b"}, {"c"}, {"d"})
    await until(lambda: old.mine | new.mine == {"a", "b", "c", "d"})
    assert not old.mine & new.mine


async def claimed(outbox: PostgresOutbox, sink: str = "team", *, now: int = 2_000):
    claim = await outbox.claim(ClaimRequest(sink, now=now, lease=LEASE, limit=3))
    assert claim is not None
    return claim


async def test_the_claims_of_a_dead_node_are_due_at_once(start: Start) -> None:
    first = await start({"team"})
    await until(lambda: first.mine == {"team"})
    assert await accept(first.outbox, an_event(), b"{}", TEAM, now=1_000)
    (ghost,) = (await claimed(first.outbox)).deliveries
    second = await start({"team"})
    second.now = 3_000
    await first.die()
    await until(lambda: second.mine == {"team"})
    (heir,) = (await claimed(second.outbox, now=3_000)).deliveries
    assert (heir.id, heir.interrupted) == (ghost.id, True)
    late = replace(ghost, state=State.DELIVERED)
    assert not await first.outbox.save([late], claimed=[ghost])
    assert await second.outbox.save([replace(heir, state=State.DELIVERED)], claimed=[heir])


SKEWS = [(95_000, 0), (0, -2_400_000), (-2_400_000, 95_000), (95_000, -2_400_000)]


@pytest.mark.parametrize(("of_first", "of_second"), SKEWS)
@pytest.mark.parametrize("how", ["claimed", "failed", "accepted"])
async def test_the_claims_of_a_dead_node_are_due_at_once_whatever_its_clock(
    start: Start, of_first: int, of_second: int, how: str
) -> None:
    first = await start({"team"})
    first.now = 10**9 + of_first
    await until(lambda: first.mine == {"team"})
    assert await accept(first.outbox, an_event(), b"{}", TEAM, now=first.now, hold=300)
    if how != "accepted":
        (ghost,) = (await claimed(first.outbox, now=first.now + 300)).deliveries
    if how == "failed":
        again = replace(ghost, due_at=first.now + 5_000, reason="502")
        ended = Attempt(at=first.now + 300, took=1, outcome="Failed", reason="502")
        assert await first.outbox.save([again], claimed=[ghost], attempt=ended)
    second = await start({"team"})
    second.now = 10**9 + of_second
    await first.die()
    await until(lambda: second.mine == {"team"})
    due_at = await second.outbox.due_at("team", now=second.now, hold=300)
    assert due_at is not None
    assert due_at <= second.now + 5_000
    claim = await second.outbox.claim(ClaimRequest("team", now=due_at, lease=LEASE, hold=300))
    assert claim is not None


async def test_a_node_that_was_suspended_for_too_long_changes_nothing_afterwards(
    start: Start,
) -> None:
    first = await start({"team"})
    await until(lambda: first.mine == {"team"})
    for n in range(3):
        assert await accept(first.outbox, an_event(n), b"{}", TEAM, now=1_000)
    claim = await claimed(first.outbox)
    second = await start({"team"})
    await first.die()
    await until(lambda: second.mine == {"team"})
    assert not first.outbox.owns("team")
    assert await first.outbox.extend_claim(claim.candidates, head=claim.deliveries[0]) == []
    assert await first.outbox.claim(ClaimRequest("team", now=10**12, lease=LEASE)) is None
    await first.outbox.close_sink(
        ClosedSink(name="team", reason="410", fingerprint="f", closed_at=0)
    )
    assert await second.outbox.closed_sinks() == []
    assert await second.outbox.counts() == {("team", "pending"): 3}


async def test_an_evicted_node_enters_the_cluster_again(start: Start, address: str) -> None:
    node = await start(*SINKS)
    await are_shared(node)
    db = await asyncpg.connect(address, server_settings=SETTINGS)
    await db.execute("DELETE FROM node")
    await db.execute("UPDATE lane SET node = NULL, left_at = clock_timestamp()")
    node.lanes.mine.clear()
    await until(lambda: node.mine == NAMES)
    await db.close()


async def test_a_node_without_a_connection_sends_nothing_until_it_has_another(
    start: Start, address: str
) -> None:
    node = await start(*SINKS)
    await are_shared(node)
    await end_connections(address)
    await until(lambda: not node.mine)
    await until(lambda: node.mine == NAMES)


async def end_connections(address: str) -> None:
    """As a server does that is restarted."""
    db = await asyncpg.connect(address)
    await db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await db.close()


# --- news


async def test_accepting_an_event_wakes_the_node_that_owns_the_sink(start: Start) -> None:
    nodes = [await start(*SINKS) for _ in range(2)]
    await are_shared(*nodes)
    for node in nodes:
        node.lanes.woken.clear()
    await accept(nodes[0].outbox, an_event(), b"{}", dict.fromkeys(NAMES, "all"), now=0)
    await until(lambda: set(nodes[1].lanes.woken) == nodes[1].mine)
    assert nodes[0].lanes.woken == []  # whoever accepts wakes its own lanes


async def test_a_backlog_wakes_the_node_that_acquires_the_lane(start: Start, address: str) -> None:
    async with opened(address) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
    node = await start({"team"}, {"ops"})
    await until(lambda: node.lanes.woken == ["team"])


async def test_news_for_very_many_sinks_are_found_by_everybody(start: Start) -> None:
    names = [f"sink-with-a-long-name-{n}" for n in range(500)]
    one, other = [await start(*([name] for name in names)) for _ in range(2)]
    await are_shared(one, other, names=names)
    other.lanes.woken.clear()
    await accept(one.outbox, an_event(), b"{}", dict.fromkeys(names, "all"), now=0)
    await until(lambda: set(other.lanes.woken) == other.mine)


@pytest.mark.parametrize("change", ["revive", "open"])
async def test_a_change_by_a_command_wakes_lanes(start: Start, address: str, change: str) -> None:
    node = await start({"team"})
    await until(lambda: node.mine == {"team"})
    async with opened(address) as command:
        await accept(command, an_event(), b"{}", TEAM, now=0)
        (one,) = (await claimed(node.outbox)).deliveries
        await node.outbox.save([replace(one, state=State.DEAD)], claimed=[one])
        await command.close_sink(
            ClosedSink(name="team", reason="410", fingerprint="f", closed_at=0)
        )
        await until(lambda: "team" in node.lanes.woken)
        node.lanes.woken.clear()
        await (
            command.revive([one.id], now=0)
            if change == "revive"
            else command.open_sink("team", now=0)
        )
    await until(lambda: node.lanes.woken == ["team"])


# --- two at once


async def test_siblings_that_two_processes_take_at_once_become_one(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    async def arrives(outbox: PostgresOutbox, n: int, rank: int) -> bool:
        same = SubjectVersion(subject=f"note {n}", rank=rank)
        event = an_event(n * 10 + rank, created_at=n)
        return await accept(outbox, event, b"{}", TEAM, now=0, hold=300, subject_version=same)

    ranked = [(outbox, n, rank) for n in range(100) for rank, outbox in enumerate(pair)]
    assert all(await asyncio.gather(*(arrives(*one) for one in ranked)))
    assert await pair[0].counts() == {("team", "pending"): 100, ("team", "delivered"): 100}


async def test_many_events_for_many_sinks_are_stored_in_time(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    sinks = {f"sink-{n}": "all" for n in range(300)}
    events = [an_event(n) for n in range(30)]
    assert all(
        await asyncio.gather(*(accept(pair[0], event, b"{}", sinks, now=0) for event in events))
    )
    assert await pair[0].pending_count() == 9000


async def test_an_event_that_comes_to_two_processes_at_once_is_accepted_once(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    numbers = [(outbox, n) for n in range(100) for outbox in pair]
    backwards = [*numbers[::2], *reversed(numbers[1::2])]
    answers = await asyncio.gather(
        *(accept(outbox, an_event(n), b"{}", TEAM, now=0) for outbox, n in backwards)
    )
    assert sum(answers) == 100
    assert await pair[0].counts() == {("team", "pending"): 100}


def router(decided: Counter[int]) -> Decide:
    """Routes all to the team; counts how often an event is decided on."""

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        decided.update(int(entry.raw) for entry in entries)
        await asyncio.sleep(0)  # another process tries meanwhile
        return [RoutedEvent(sinks=TEAM)] * len(entries)

    return decide


async def routed(outbox: PostgresOutbox) -> list[tuple[str, int]]:
    """The hook and the number of each event that was routed, in the order of the queue."""
    found = await outbox.deliveries(DeliverySearch(), limit=10_000)
    return [(delivery.hook, int(delivery.raw)) for delivery in reversed(found)]


async def test_processes_that_route_at_once_double_nothing_and_keep_the_order_of_each_hook(
    address: str,
) -> None:
    hooks, decided = ("alice", "bob", "carol"), Counter[int]()

    async def works(outbox: PostgresOutbox, hook: str) -> None:
        """Journals the events of a hook, one after the other, and routes whatever waits."""
        for n in range(40):
            number = 100 * hooks.index(hook) + n
            assert await outbox.journal(an_entry(number, hook=hook))
            await outbox.route(router(decided), limit=3)

    async with opened(address) as one, opened(address) as two, opened(address) as three:
        await asyncio.gather(*map(works, (one, two, three), hooks))
        while (await two.route(router(decided), limit=64)).events:
            pass
        queue = await routed(one)
    assert len(queue) == 120
    assert set(decided.values()) == {1}
    for hook in hooks:
        numbers = [number for by, number in queue if by == hook]
        assert numbers == sorted(numbers)


async def test_what_a_dead_node_had_journaled_is_routed_by_another(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    one, other = pair
    await asyncio.gather(*(one.journal(an_entry(n)) for n in range(5)))
    await one.close()
    assert (await other.route(router(Counter()), limit=64)).events == 5
    assert len(await routed(other)) == 5


async def test_a_router_that_loses_its_transaction_leaves_its_events_to_another(
    pair: tuple[PostgresOutbox, PostgresOutbox], address: str
) -> None:
    one, other = pair
    await asyncio.gather(*(one.journal(an_entry(n)) for n in range(5)))

    async def dies(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        await end_routing(address)
        return [RoutedEvent(sinks=TEAM)] * len(entries)

    with pytest.raises(OutboxError):
        await one.route(dies, limit=64)
    assert await routed(other) == []
    assert (await other.route(router(Counter()), limit=64)).events == 5
    assert (await one.route(router(Counter()), limit=64)).events == 0
    assert len(await routed(other)) == 5


async def end_routing(address: str) -> None:
    """End the session that holds the lock of the journal, as if its process were killed."""
    db = await asyncpg.connect(address)
    try:
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
    finally:
        await db.close()


async def test_of_siblings_that_two_processes_journal_one_is_sent(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    sibling = RoutedEvent(sinks=TEAM, subject_version=SubjectVersion(subject="n", version="a"))

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        return [sibling] * len(entries)

    for n, outbox in enumerate(pair * 4):
        await outbox.journal(an_entry(n, hook=f"hook {n}"))
    await asyncio.gather(*(outbox.route(decide, limit=1) for outbox in pair * 4))
    assert await pair[0].counts() == {("team", "pending"): 1, ("team", "delivered"): 7}


async def test_an_event_of_a_relay_of_the_schema_before_is_never_routed_again(
    pair: tuple[PostgresOutbox, PostgresOutbox], address: str
) -> None:
    db = await asyncpg.connect(address, server_settings={"search_path": "relay"})
    await db.execute(
        "INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw) "
        "VALUES ('alice', 'event-1', 'note', '', 0, 0, '1')"
    )
    await db.close()
    assert (await pair[0].route(router(Counter()), limit=64)).events == 0
    assert not await pair[0].journal(an_entry(1))


async def test_of_two_processes_one_claims(pair: tuple[PostgresOutbox, PostgresOutbox]) -> None:
    for n in range(20):
        assert await accept(pair[0], an_event(n), b"{}", TEAM, now=0)
    for _ in range(20):
        claims = await asyncio.gather(
            *(
                outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
                for outbox in pair
                for _ in range(3)
            )
        )
        (claim,) = (claim for claim in claims if claim is not None)
        done = [replace(one, state=State.DELIVERED) for one in claim.deliveries]
        assert await pair[1].save(done, claimed=claim.deliveries)


async def test_a_letter_that_is_revived_while_it_is_pruned_is_not_lost(
    pair: tuple[PostgresOutbox, PostgresOutbox],
) -> None:
    for n in range(30):
        assert await accept(pair[0], an_event(n), b"{}", {f"s{n}": "all"}, now=0)
        (one,) = (await claimed(pair[0], f"s{n}", now=0)).deliveries
        assert await pair[0].save([replace(one, state=State.DEAD, due_at=0)], claimed=[one])
        revived, _ = await asyncio.gather(
            pair[0].revive([one.id], now=9), pair[1].prune(before=5, limit=100)
        )
        found = await pair[0].delivery(one.id)
        assert (found is not None and found.state is State.PENDING) == bool(revived)


# --- the schema


async def test_many_processes_may_start_at_once_on_an_empty_database(address: str) -> None:
    outboxes = await asyncio.gather(*(PostgresOutbox.open(address) for _ in range(8)))
    assert len({outbox.id for outbox in outboxes}) == 1
    await asyncio.gather(*(outbox.close() for outbox in outboxes))


async def newer(address: str, *, serves: int) -> None:
    """What a later relay does to the schema."""
    db = await asyncpg.connect(address, server_settings=SETTINGS)
    later = Migration(statements="ALTER TABLE event ADD COLUMN later text", serves=serves)
    await migrate(db, [*MIGRATIONS, later])
    await db.close()


async def test_an_old_process_works_beside_a_newer_one_that_allows_it(address: str) -> None:
    async with opened(address) as old:
        await newer(address, serves=1)
        assert await accept(old, an_event(1), b"{}", TEAM, now=0)
        async with opened(address) as again:
            assert again.id == old.id
            assert await accept(again, an_event(2), b"{}", TEAM, now=0)


async def test_an_old_process_does_not_start_on_a_schema_that_it_could_damage(address: str) -> None:
    async with opened(address):
        await newer(address, serves=len(MIGRATIONS) + 1)
    with pytest.raises(OutboxError, match=r"newer relay \(schema \d+\): update relay"):
        await PostgresOutbox.open(address)


async def test_a_delivery_sent_under_the_first_schema_is_sent_again_under_the_same_key(
    address: str,
) -> None:
    async with opened(address) as outbox:
        for n in (1, 2):
            assert await accept(outbox, an_event(n), b"{}", TEAM, now=0)
        db = await asyncpg.connect(address, server_settings=SETTINGS)
        await db.execute("UPDATE delivery SET key = NULL")
        await db.execute("UPDATE delivery SET batch = 1 WHERE id = 1")
        await db.close()
        keys = [one.key for one in [await carried(outbox), await carried(outbox)]]
    assert keys[0] == f"{outbox.id}-1"
    assert keys[1] not in {None, f"{outbox.id}-2"}


async def carried(outbox: PostgresOutbox) -> Delivery:
    claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
    assert claim is not None
    (one,) = claim.deliveries
    assert await outbox.save([replace(one, state=State.DELIVERED)], claimed=[one])
    return one


async def test_a_database_of_the_first_schema_is_brought_to_this_one(address: str) -> None:
    db = await asyncpg.connect(address, server_settings=SETTINGS)
    id = await migrate(db, MIGRATIONS[:1])
    await db.close()
    async with opened(address) as outbox:
        assert outbox.id == id
        assert await accept(outbox, an_event(1), b"{}", TEAM, now=0)
        assert (await carried(outbox)).key


async def test_other_tables_of_the_database_are_left_alone(address: str) -> None:
    db = await asyncpg.connect(address)
    await db.execute("CREATE TABLE IF NOT EXISTS public.event (mine int)")
    async with opened(address) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
    assert await db.fetchval("SELECT count(*) FROM public.event") == 0
    await db.execute("DROP TABLE public.event")
    await db.close()


# --- what goes wrong


async def test_an_unreachable_server_is_reported_without_its_password() -> None:
    with pytest.raises(OutboxError) as caught:
        await PostgresOutbox.open("postgresql://relay:s3cret@127.0.0.1:1/db?password=s3cret")
    assert "postgresql://relay@127.0.0.1:1/db: cannot be reached" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("port", ["99999", "abc"])
async def test_an_invalid_address_is_reported_as_such(port: str) -> None:
    with pytest.raises(OutboxError, match="is not an address like postgresql://user@host:5432/"):
        await PostgresOutbox.open(f"postgresql://relay@127.0.0.1:{port}/relay")


async def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match=f"host={tmp_path}: there is no such socket"):
        await PostgresOutbox.open(f"postgresql://relay@/relay?host={tmp_path}")


async def test_a_database_that_is_not_there_is_to_be_created(address: str) -> None:
    missing = urlunsplit(urlsplit(address)._replace(path="/missing"))
    with pytest.raises(OutboxError, match=r'"missing" does not exist .create it'):
        await PostgresOutbox.open(missing)


async def test_a_standby_is_recognized_by_its_refusal(address: str) -> None:
    db = await asyncpg.connect(address)
    name = await db.fetchval("SELECT current_database()")
    async with opened(address) as outbox:
        await db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        try:
            with pytest.raises(OutboxError, match=r"read-only transaction .is it a standby\?"):
                await accept(outbox, an_event(), b"{}", TEAM, now=0)
        finally:
            await db.execute("SET default_transaction_read_only = off")
            await db.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            await db.close()


async def test_a_session_that_two_connections_share_is_noticed(address: str) -> None:
    """As a pgbouncer that pools transactions lends it to both."""
    db = await asyncpg.connect(address)
    name = await db.fetchval("SELECT current_database()")
    await check_sessions(db, address)
    await db.execute(f"ALTER DATABASE \"{name}\" SET relay.mark = 'the same'")
    try:
        with pytest.raises(OutboxError, match="must pool sessions"):
            await check_sessions(db, address, mark="the same")
    finally:
        await db.execute(f'ALTER DATABASE "{name}" RESET relay.mark')
        await db.close()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://a:b@c:5/d?password=e", "postgresql://a@c:5/d"),
        ("postgresql://a@c:5,d:6/e?target_session_attrs=any", "postgresql://a@c:5,d:6/e"),
        (
            "postgresql:///relay?host=/run/postgresql&password=a",
            "postgresql:///relay?host=/run/postgresql",
        ),
        ("postgresql://[b", "postgresql://…"),
        ("postgresql://a:b/c@d/e", "postgresql://…"),
        ("postgresql://a:1?c@d/e", "postgresql://…"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert public(address) == shown


async def test_an_error_does_not_show_the_values_to_be_stored(address: str) -> None:
    async with opened(address) as outbox:
        broken = RoutedEvent(sinks={"team": None})  # type: ignore[dict-item]
        with pytest.raises(OutboxError) as caught:
            await outbox.replay(an_entry(raw=b"private"), broken)
    assert "violates not-null" in str(caught.value)
    assert "event-1" not in str(caught.value)


async def test_a_nul_in_a_text_keeps_nothing_from_being_stored(address: str) -> None:
    async with opened(address) as outbox:
        event = an_event(kind="a\0b", server="c\0d")
        assert await accept(outbox, event, b"\0", TEAM, now=0)
        assert not await accept(outbox, event, b"\0", TEAM, now=0)
        (one,) = (await claimed(outbox)).deliveries
        dead = replace(one, state=State.DEAD, reason="400 \0", message="\0")
        assert await outbox.save([dead], claimed=[one])
        (letter,) = await outbox.dead()
        assert (letter.kind, letter.reason) == ("a\ufffdb", "400 \ufffd")


async def test_after_the_server_has_ended_all_connections_everything_goes_on(
    address: str,
) -> None:
    async with opened(address) as outbox:
        assert await accept(outbox, an_event(1), b"{}", TEAM, now=0)
        await end_connections(address)
        answers = [await taken(outbox, 2) for _ in range(2)]
        assert answers[-1]
        assert await outbox.counts() == {("team", "pending"): 2}


async def taken(outbox: PostgresOutbox, n: int) -> bool:
    try:
        return await accept(outbox, an_event(n), b"{}", TEAM, now=0) or True
    except OutboxError:
        return False


# --- what was done without an answer


@pytest.fixture
async def line(address: str) -> AsyncIterator[Line]:
    async with line_to(address) as line:
        yield line


async def test_a_claim_without_an_answer_is_undone(line: Line) -> None:
    async with opened(line.address) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=1_000)
        line.lose_commit()
        with pytest.raises(OutboxError):
            await outbox.claim(ClaimRequest("team", now=2_000, lease=LEASE))
        assert line.has_lost
        (one,) = (await claimed(outbox)).deliveries
        assert (one.attempt, one.interrupted) == (1, False)
        assert await outbox.save([replace(one, state=State.DELIVERED)], claimed=[one])


async def test_undoing_a_claim_keeps_the_crash_of_a_dead_node(
    line: Line,
) -> None:
    async with opened(line.address) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=1_000)
        await claimed(outbox)
        line.lose_commit()
        with pytest.raises(OutboxError):
            await outbox.claim(ClaimRequest("team", now=2_000 + LEASE, lease=LEASE))
        (one,) = (await claimed(outbox, now=2_000 + LEASE)).deliveries
        assert (one.attempt, one.crashes, one.interrupted) == (1, 1, True)


async def test_a_claim_that_fails_leaves_no_transaction_open(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(address) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=1_000)
        db = await asyncpg.connect(address, server_settings=SETTINGS)
        await db.execute("ALTER TABLE delivery ADD CONSTRAINT full_disk CHECK (attempt = 0)")
        with pytest.raises(OutboxError, match="full_disk"):
            await outbox.claim(ClaimRequest("team", now=2_000, lease=LEASE))
        await db.execute("ALTER TABLE delivery DROP CONSTRAINT full_disk")
        await db.close()
        (one,) = (await claimed(outbox)).deliveries
        assert (one.attempt, one.interrupted) == (1, False)
    assert caplog.messages == []


async def test_an_extended_claim_without_an_answer_is_undone(line: Line) -> None:
    async with opened(line.address) as outbox:
        for n in range(3):
            assert await accept(outbox, an_event(n), b"{}", TEAM, now=1_000)
        claim = await claimed(outbox)
        (head,) = claim.deliveries
        line.lose_commit()
        with pytest.raises(OutboxError):
            await outbox.extend_claim(claim.candidates, head=head)
        assert await outbox.save([replace(head, state=State.DELIVERED)], claimed=[head])
        again = await claimed(outbox)
        assert [one.id for one in (*again.deliveries, *again.candidates)] == [
            one.id for one in claim.candidates
        ]
        assert [(one.attempt, one.interrupted) for one in again.deliveries] == [(1, False)]
        assert len(await outbox.extend_claim(again.candidates, head=again.deliveries[0])) == 1


async def test_a_claim_of_another_node_is_not_undone(line: Line, address: str) -> None:
    async with opened(line.address) as late, opened(address) as heir:
        assert await accept(late, an_event(), b"{}", TEAM, now=1_000)
        line.lose_commit()
        with pytest.raises(OutboxError):
            await late.claim(ClaimRequest("team", now=2_000, lease=LEASE))
        (one,) = (await claimed(heir, now=3_000 + LEASE)).deliveries
        assert await late.claim(ClaimRequest("team", now=2_000, lease=LEASE)) is None
        assert await heir.save([replace(one, state=State.DELIVERED)], claimed=[one])


async def test_a_claim_without_an_answer_goes_to_the_next_owner_in_order(
    line: Line, start: Start
) -> None:
    async with opened(line.address) as outbox:
        first = Node(outbox, {"team"})
        await until(lambda: first.mine == {"team"})
        assert await accept(outbox, an_event(), b"{}", TEAM, now=1_000)
        line.lose_commit()
        with pytest.raises(OutboxError):
            await outbox.claim(ClaimRequest("team", now=2_000, lease=LEASE))
        second = await start({"team"})
        await first.end()
        await until(lambda: second.mine == {"team"})
        assert (await claimed(second.outbox)).deliveries


async def test_a_server_that_is_less_durable_by_default_is_asked_for_more(address: str) -> None:
    db = await asyncpg.connect(address)
    name = await db.fetchval("SELECT current_database()")
    await db.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        async with opened(address) as outbox, outbox._connection() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
    finally:
        await db.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit')
        await db.close()
