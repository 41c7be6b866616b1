"""Journal first, route afterwards: the contract of every outbox. No test may ask which it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from relay.errors import OutboxError
from relay.model import SubjectVersion
from relay.outbox import ClaimRequest, DeliverySearch, JournalEntry, Outbox, RoutedEvent
from tests.factories import an_entry

TEAM = {"team": "to the team"}
BOTH = {"team": "to the team", "ops": "to ops"}
HOLD = 300
Decide = Callable[[Sequence[JournalEntry]], Awaitable[Sequence[RoutedEvent]]]


def to(*answers: RoutedEvent) -> Decide:
    """Gives one answer after the other, the last one again and again."""
    left = list(answers)

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        return [left.pop(0) if len(left) > 1 else left[0] for _ in entries]

    return decide


ALL = to(RoutedEvent(sinks=TEAM))


async def journaled(outbox: Outbox, *numbers: int) -> None:
    assert all(await asyncio.gather(*(outbox.journal(an_entry(n)) for n in numbers)))


async def queue(outbox: Outbox, sink: str = "team") -> list[bytes]:
    """The bodies of the deliveries of a sink, in the order of their ids."""
    found = await outbox.deliveries(DeliverySearch(sink=sink), limit=10_000)
    return [delivery.raw for delivery in reversed(found)]


async def is_clear(outbox: Outbox) -> bool:
    return (await outbox.route(ALL, limit=10)).events == 0


async def test_a_journaled_event_has_no_delivery_until_it_is_routed(outbox):
    await journaled(outbox, 1)
    assert await outbox.counts() == {}
    assert await outbox.claim(ClaimRequest("team", now=10**12, lease=5)) is None
    batch = await outbox.route(to(RoutedEvent(sinks=BOTH, hold=HOLD)), limit=10)
    assert (batch.events, set(batch.sinks), batch.has_more) == (1, {"team", "ops"}, False)
    assert await outbox.counts() == {("team", "pending"): 1, ("ops", "pending"): 1}
    assert await outbox.due_at("team", hold=HOLD) == HOLD
    assert await is_clear(outbox)


async def test_the_router_gets_events_as_they_came(outbox):
    entry = an_entry(
        hook="bob",
        kind="ひみつ",
        server="https://みすきー.example",
        accepted_at=7,
        note_id="9abc",
        raw=bytes(range(256)),
    )
    asked = list[JournalEntry]()

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        asked.extend(entries)
        return [RoutedEvent()]

    assert await outbox.journal(entry)
    await outbox.route(decide, limit=10)
    assert asked == [entry]


async def test_an_event_is_journaled_once(outbox):
    await journaled(outbox, 1)
    assert not await outbox.journal(an_entry(1, raw=b"other"))
    assert await outbox.journal(an_entry(1, hook="bob", raw=b"bob's"))
    assert (await outbox.route(ALL, limit=10)).events == 2
    assert not await outbox.journal(an_entry(1))
    assert await is_clear(outbox)
    assert await queue(outbox) == [b"1", b"bob's"]


async def test_of_many_at_once_each_is_journaled_once_and_in_its_order(outbox):
    numbers = [n for n in range(300, 0, -1) for _ in range(2)]
    answers = await asyncio.gather(*(outbox.journal(an_entry(n)) for n in numbers))
    assert answers == [True, False] * 300
    while (batch := await outbox.route(ALL, limit=64)).events:
        assert batch.has_more or batch.events < 64
    assert await queue(outbox) == [b"%d" % n for n in range(300, 0, -1)]


async def test_an_event_that_cannot_be_journaled_leaves_its_neighbours_stored(outbox):
    broken = {n: an_entry(n, created_at=2**70) for n in range(30) if n % 3 == 1}
    answers = await asyncio.gather(
        *(outbox.journal(broken.get(n, an_entry(n))) for n in range(30)), return_exceptions=True
    )
    for n, answer in enumerate(answers):
        assert isinstance(answer, OutboxError) if n in broken else answer is True
    assert (await outbox.route(ALL, limit=100)).events == 20


async def test_events_are_routed_in_steps(outbox):
    for n in range(5):
        await journaled(outbox, n)
    sizes = [(await outbox.route(ALL, limit=2)) for _ in range(4)]
    assert [(batch.events, batch.has_more) for batch in sizes] == [
        (2, True), (2, True), (1, False), (0, False)
    ]  # fmt: skip
    assert await queue(outbox) == [b"0", b"1", b"2", b"3", b"4"]


async def test_large_events_are_routed_a_few_at_a_time(outbox):
    for n in range(5):
        assert await outbox.journal(an_entry(n, raw=b"x" * 3 * 2**20))
    batches = [await outbox.route(ALL, limit=100) for _ in range(3)]
    assert [(batch.events, batch.has_more) for batch in batches] == [
        (2, True), (2, True), (1, False)
    ]  # fmt: skip


async def test_siblings_in_one_batch_and_across_batches_become_one_message(outbox):
    about = SubjectVersion(subject="note 1", version="a", rank=1)
    more = replace(about, rank=2)
    await journaled(outbox, 1, 2)
    await outbox.route(
        to(
            RoutedEvent(sinks=TEAM, subject_version=about),
            RoutedEvent(sinks=TEAM, subject_version=about),
        ),
        limit=10,
    )
    await journaled(outbox, 3)
    await outbox.route(to(RoutedEvent(sinks=TEAM, subject_version=more)), limit=10)
    claim = await outbox.claim(ClaimRequest("team", now=10**12, lease=5))
    assert claim is not None
    assert [delivery.raw for delivery in claim.deliveries] == [b"3"]
    assert not claim.candidates
    assert await outbox.counts() == {("team", "pending"): 1, ("team", "delivered"): 2}


async def test_a_router_that_fails_leaves_its_events_in_the_journal(outbox):
    async def fail(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        raise RuntimeError("a bug")

    await journaled(outbox, 1, 2)
    with pytest.raises(RuntimeError):
        await outbox.route(fail, limit=10)
    assert await outbox.counts() == {}
    assert (await outbox.route(ALL, limit=10)).events == 2
    assert await queue(outbox) == [b"1", b"2"]


async def test_a_decision_that_cannot_be_stored_holds_up_no_other(outbox):
    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        broken = {"ops": "r", "team": None}  # no outbox takes a route of None
        return [RoutedEvent(sinks=broken if one.raw == b"3" else TEAM) for one in entries]

    for n in range(7):
        await journaled(outbox, n)
    while (await outbox.route(decide, limit=10)).events:
        pass
    assert await queue(outbox) == [b"0", b"1", b"2", b"4", b"5", b"6"]
    assert await queue(outbox, "ops") == []


async def test_events_that_wait_to_be_routed_are_counted(outbox):
    await journaled(outbox, 1, 2, 3)
    assert await outbox.pending_count() == 3
    await outbox.route(to(RoutedEvent(sinks=BOTH), RoutedEvent()), limit=2)
    assert await outbox.pending_count() == 3


async def test_an_event_that_waits_to_be_routed_is_not_pruned(outbox):
    await journaled(outbox, 1)
    assert (await outbox.prune(before=10**15, limit=10)).events == 0
    await outbox.route(to(RoutedEvent(withheld={"ops": "private"})), limit=10)
    assert (await outbox.prune(before=10**15, limit=10)).events == 1


async def test_a_replayed_event_is_stored_with_its_deliveries(outbox):
    assert await outbox.replay(an_entry(1), RoutedEvent(sinks=TEAM)) == {"team"}
    assert await outbox.replay(an_entry(1), RoutedEvent(sinks=BOTH)) is None
    assert await queue(outbox) == [b"1"]
    assert await is_clear(outbox)


# --- what binds a lane


async def test_an_event_binds_the_lanes_from_its_journaling_to_its_routing(outbox):
    assert await outbox.journal(an_entry(1, note_id="n1"))
    assert await outbox.journal(an_entry(2))
    assert (await outbox.restrictions({"note s n0": "n0", "note s n1": "n1"})).has_unrouted
    assert not (await outbox.restrictions({"note s n0": "n0"})).has_unrouted
    assert not (await outbox.restrictions({})).has_unrouted
    await outbox.route(to(RoutedEvent(restricts="note s n1")), limit=1)
    bound = await outbox.restrictions({"note s n0": "n0", "note s n1": "n1"})
    assert not bound.has_unrouted
    assert {subject: [one.raw for one in events] for subject, events in bound.events.items()} == {
        "note s n1": [b"1"]
    }


async def test_of_many_events_that_restrict_a_note_the_last_are_known(outbox):
    for n in range(60):
        entry, note = an_entry(n), f"note {n % 3 == 0}"
        await outbox.replay(entry, RoutedEvent(restricts=note))
    bound = await outbox.restrictions({"note True": "1", "note False": "2"})
    assert [int(one.raw) for one in bound.events["note True"]] == [*range(57, -1, -3)]
    assert len(bound.events["note False"]) == 40


# --- what became of an event


async def test_an_event_says_whether_it_is_routed_and_what_is_withheld_why(outbox):
    await outbox.journal(an_entry(1))
    (waits,) = await outbox.stored_events("event-1")
    assert (waits.raw, waits.is_routed, waits.no_route, waits.withheld) == (b"1", False, None, {})
    private = {"ops": "the note is for followers", "room": "local only"}
    await outbox.route(to(RoutedEvent(sinks=TEAM, withheld=private)), limit=1)
    (routed,) = await outbox.stored_events("event-1")
    assert (routed.is_routed, routed.no_route, routed.withheld) == (True, None, private)


async def test_an_event_that_no_route_matches_says_so_by_each_hook(outbox):
    for hook in ("alice", "bob"):
        await outbox.journal(an_entry(1, hook=hook))
    await outbox.route(
        to(RoutedEvent(no_route="no route matches"), RoutedEvent(sinks=TEAM)), limit=9
    )
    assert [(one.hook, one.no_route) for one in await outbox.stored_events("event-1")] == [
        ("alice", "no route matches"),
        ("bob", None),
    ]
