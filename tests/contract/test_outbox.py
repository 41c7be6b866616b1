"""The contract of every outbox. No test here may depend on the database."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from relay import misskey
from relay.errors import OutboxError
from relay.model import Note, SubjectVersion
from relay.outbox import (
    ClaimRequest,
    ClosedSink,
    DeadGroup,
    DeliverySearch,
    Pruned,
    RoutedEvent,
    StoredEvent,
)
from relay.outbox.siblings import subject_version
from relay.outcome import Attempt, State
from tests.factories import accept, an_entry, an_event
from tests.fakes.misskey import a_note, a_note_event

TEAM = {"team": "to the team"}
BOTH = {"team": "to the team", "ops": "to ops"}
LEASE = 60_000


async def accepted(outbox, n=1, sinks=TEAM, *, now=0, raw=b"{}"):
    assert await accept(outbox, an_event(n), raw, sinks, now=now)


async def claimed(outbox, sink="team", *, now=0, lease=LEASE):
    claim = await outbox.claim(ClaimRequest(sink, now=now, lease=lease))
    assert claim is not None
    (delivery,) = claim.deliveries
    return delivery


async def delivered(outbox, sink="team", *, now=0):
    delivery = await claimed(outbox, sink, now=now)
    settled = replace(delivery, state=State.DELIVERED, due_at=now, reason=None)
    assert await outbox.save([settled], claimed=[delivery])
    return settled


async def dead(outbox, sink="team", *, now=0, reason="400 no"):
    delivery = await claimed(outbox, sink, now=now)
    settled = replace(delivery, state=State.DEAD, due_at=now, reason=reason)
    assert await outbox.save([settled], claimed=[delivery])
    return settled


async def failed(outbox, sink="team", *, now=0, due_at):
    delivery = await claimed(outbox, sink, now=now)
    settled = replace(delivery, due_at=due_at, reason="502")
    assert await outbox.save([settled], claimed=[delivery])
    return settled


async def is_clear(outbox, sink="team", *, now=0):
    return await outbox.claim(ClaimRequest(sink, now=now, lease=LEASE)) is None


# --- accept


async def test_a_new_outbox_is_empty(outbox):
    assert await outbox.counts() == {}
    assert await outbox.claim(ClaimRequest("team", now=0, lease=LEASE)) is None
    assert await outbox.due_at("team") is None
    assert list(await outbox.dead()) == []
    assert list(await outbox.closed_sinks()) == []
    assert await outbox.recover(now=0) == 0
    assert await pruned_events(outbox, before=10**15, limit=100) == 0


async def test_an_accepted_event_is_claimed_as_it_came(outbox):
    raw = bytes(range(256)) + "ひみつ".encode()
    event = an_event(hook="bob", server="https://みすきー.example")
    assert await accept(outbox, event, raw, {"team": "to the team 👋"}, now=1_795_309_533_815)
    delivery = await claimed(outbox, now=1_795_309_533_820)
    assert (delivery.sink, delivery.route) == ("team", "to the team 👋")
    assert (delivery.hook, delivery.server) == ("bob", "https://みすきー.example")
    assert (delivery.raw, delivery.accepted_at) == (raw, 1_795_309_533_815)
    assert (delivery.state, delivery.attempt) == (State.PENDING, 1)
    assert delivery.due_at == 1_795_309_533_820 + LEASE
    assert (delivery.reason, delivery.interrupted) == (None, False)
    assert isinstance(delivery.raw, bytes)
    assert isinstance(delivery.state, State)
    assert await outbox.delivery(delivery.id) == replace(delivery, interrupted=True)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"x" * 4 * 2**20, id="4 MiB"),
    ],
)
async def test_any_bytes_are_kept(outbox, raw):
    await accepted(outbox, raw=raw)
    assert (await claimed(outbox)).raw == raw


async def test_each_sink_gets_a_delivery_of_its_own(outbox):
    await accepted(outbox, sinks=BOTH)
    team, ops = await claimed(outbox, "team"), await claimed(outbox, "ops")
    assert team.id != ops.id
    assert (team.route, ops.route) == ("to the team", "to ops")
    await delivered_again(outbox, team)
    assert await outbox.counts() == {("team", "delivered"): 1, ("ops", "pending"): 1}


async def delivered_again(outbox, delivery):
    assert await outbox.save([replace(delivery, state=State.DELIVERED)], claimed=[delivery])


async def test_an_event_is_accepted_once(outbox):
    await accepted(outbox)
    assert not await accept(outbox, an_event(), b"{}", TEAM, now=1)
    assert await outbox.counts() == {("team", "pending"): 1}


async def test_a_repeated_event_changes_nothing(outbox):
    await accepted(outbox, raw=b"first")
    again = an_event(kind="reply", server="https://other.example")
    assert not await accept(outbox, again, b"second", BOTH | {"room": "r"}, now=5)
    assert await outbox.counts() == {("team", "pending"): 1}
    delivery = await claimed(outbox)
    assert (delivery.raw, delivery.server) == (b"first", "https://misskey.example")


async def test_an_event_is_repeated_even_when_it_was_delivered_or_dropped(outbox):
    await accepted(outbox, sinks=BOTH)
    await delivered(outbox, "team")
    letter = await dead(outbox, "ops")
    assert await outbox.drop([letter.id]) == 1
    assert not await accept(outbox, an_event(), b"{}", BOTH, now=1)
    assert await is_clear(outbox, "team", now=10**12)
    assert await is_clear(outbox, "ops", now=10**12)


async def test_two_hooks_may_bring_the_same_event_id(outbox):
    await accepted(outbox)
    assert await accept(outbox, an_event(hook="bob"), b"{}", TEAM, now=0)
    assert await outbox.counts() == {("team", "pending"): 2}


async def test_an_event_without_sinks_is_stored_too(outbox):
    await accepted(outbox, sinks={})
    assert not await accept(outbox, an_event(), b"{}", TEAM, now=0)
    assert await outbox.counts() == {}


# A route of None is what no outbox takes: the event is stored first, its deliveries after that.
BROKEN: Any = {"ops": "to ops", "team": None}


async def test_an_event_is_accepted_with_all_its_deliveries_or_not_at_all(outbox):
    with pytest.raises(OutboxError):
        await outbox.replay(an_entry(), RoutedEvent(sinks=BROKEN))
    assert await outbox.counts() == {}
    await accepted(outbox, sinks=BOTH)
    assert await outbox.counts() == {("team", "pending"): 1, ("ops", "pending"): 1}


async def test_an_event_that_fails_leaves_its_neighbours_stored(outbox):
    answers = await asyncio.gather(
        *(
            outbox.replay(an_entry(n), RoutedEvent(sinks=BROKEN if n % 3 == 1 else TEAM))
            for n in range(30)
        ),
        return_exceptions=True,
    )
    for n, answer in enumerate(answers):
        assert isinstance(answer, OutboxError) if n % 3 == 1 else answer == {"team"}
    assert await outbox.counts() == {("team", "pending"): 20}


async def test_many_at_once_are_all_stored_and_each_once(outbox):
    numbers = [n for n in range(300) for _ in range(2)]
    answers = await asyncio.gather(
        *(accept(outbox, an_event(n), b"%d" % n, BOTH, now=0) for n in numbers)
    )
    assert sum(answers) == 300
    assert await outbox.counts() == {("team", "pending"): 300, ("ops", "pending"): 300}
    seen = [await delivered(outbox) for _ in range(300)]
    assert {delivery.raw for delivery in seen} == {b"%d" % n for n in range(300)}
    assert await is_clear(outbox)


async def test_one_event_that_comes_many_times_at_once_is_accepted_once(outbox):
    same = (accept(outbox, an_event(), b"{}", TEAM, now=0) for _ in range(50))
    assert sorted(await asyncio.gather(*same)) == [False] * 49 + [True]


# --- claim


async def test_deliveries_are_claimed_in_the_order_of_acceptance(outbox):
    for n in range(20):
        await accepted(outbox, n, BOTH, raw=b"%d" % n, now=20 - n)  # a clock may go back
    for sink in BOTH:
        seen = [(await delivered(outbox, sink, now=100)).raw for _ in range(20)]
        assert seen == [b"%d" % n for n in range(20)]


async def test_a_delivery_that_is_not_due_is_not_claimed(outbox):
    assert await accept(outbox, an_event(), b"{}", TEAM, now=1_000, hold=HOLD)
    assert await outbox.claim(ClaimRequest("team", now=1_299, lease=LEASE, hold=HOLD)) is None
    assert await outbox.due_at("team", now=1_299, hold=HOLD) == 1_300
    assert (await claimed(outbox, now=1_300)).attempt == 1


@pytest.mark.parametrize("skew", [95_000, -2_400_000, -50_000])
async def test_an_event_by_another_clock_is_due_after_a_hold_at_most(outbox, skew):
    assert await accept(outbox, an_event(), b"{}", TEAM, now=10**9 + skew, hold=HOLD)
    assert await outbox.due_at("team", now=10**9, hold=HOLD) <= 10**9 + HOLD
    assert (
        await outbox.claim(ClaimRequest("team", now=10**9 + HOLD, lease=LEASE, hold=HOLD))
        is not None
    )


@pytest.mark.parametrize("skew", [95_000, -2_400_000, -50_000])
async def test_a_failure_by_another_clock_waits_no_longer_than_it_had_to(outbox, skew):
    now = 10**9 + skew
    await accepted(outbox, now=now)
    one = await claimed(outbox, now=now)
    attempt = Attempt(at=now, took=5, outcome="Failed", reason="502")
    await outbox.save([replace(one, due_at=now + 5_000)], claimed=[one], attempt=attempt)
    assert await outbox.claim(ClaimRequest("team", now=10**9 + 5_000, lease=LEASE)) is not None


@pytest.mark.parametrize("act", ["open", "revive", "recover"])
async def test_no_other_clock_makes_anything_wait_longer(outbox, act):
    await accepted(outbox)
    waits = await failed(outbox, now=5, due_at=1_000)
    if act == "open":
        await outbox.open_sink("team", now=10**9)
    elif act == "recover":
        await outbox.recover(now=10**9)
    else:
        one = await claimed(outbox, now=1_000)
        await outbox.save([replace(one, state=State.DEAD, due_at=1_000)], claimed=[one])
        await outbox.revive([waits.id], now=10**9)
    assert await outbox.due_at("team") == 1_000


async def test_no_delivery_overtakes_a_waiting_head(outbox):
    await accepted(outbox, 1)
    await accepted(outbox, 2)
    head = await failed(outbox, due_at=5_000)
    assert await outbox.claim(ClaimRequest("team", now=4_999, lease=LEASE)) is None
    assert (await claimed(outbox, now=5_000)).id == head.id


async def test_no_delivery_overtakes_a_claimed_head(outbox):
    await accepted(outbox, 1)
    await accepted(outbox, 2)
    head = await claimed(outbox)
    assert await outbox.claim(ClaimRequest("team", now=LEASE - 1, lease=LEASE)) is None
    assert await outbox.save([replace(head, state=State.DELIVERED)], claimed=[head])
    assert (await claimed(outbox)).id > head.id


@pytest.mark.parametrize("end", [delivered, dead])
async def test_after_its_head_has_ended_the_line_goes_on(outbox, end):
    await accepted(outbox, 1)
    await accepted(outbox, 2, raw=b"next")
    await end(outbox)
    assert (await claimed(outbox)).raw == b"next"


async def test_one_sink_holds_up_no_other(outbox):
    await accepted(outbox, sinks=BOTH)
    await failed(outbox, "team", due_at=10**12)
    assert (await claimed(outbox, "ops")).sink == "ops"


async def test_each_claim_counts_an_attempt(outbox):
    await accepted(outbox)
    for attempt in (1, 2, 3):
        assert (await failed(outbox, now=attempt, due_at=attempt + 1)).attempt == attempt


async def test_of_many_claims_at_once_one_is_given(outbox):
    await accepted(outbox, 1)
    await accepted(outbox, 2)
    claims = await asyncio.gather(
        *(outbox.claim(ClaimRequest("team", now=0, lease=LEASE)) for _ in range(20))
    )
    assert len([delivery for delivery in claims if delivery is not None]) == 1


async def test_due_at_is_when_the_head_is_due(outbox):
    await accepted(outbox, 1, now=1_000)
    await accepted(outbox, 2, now=500)
    assert await outbox.due_at("team") == 1_000
    await failed(outbox, now=1_000, due_at=9_000)
    assert await outbox.due_at("team") == 9_000
    await claimed(outbox, now=9_000)
    assert await outbox.due_at("team") == 9_000 + LEASE
    assert await outbox.due_at("ops") is None


# --- the lease


async def test_a_lease_that_is_over_gives_the_delivery_to_the_next(outbox):
    await accepted(outbox)
    first = await claimed(outbox, lease=10)
    second = await claimed(outbox, now=10, lease=10)
    assert (second.id, second.attempt, second.crashes) == (first.id, 1, 1)


async def test_a_process_that_lost_the_lease_cannot_save(outbox):
    await accepted(outbox)
    slow = await claimed(outbox, lease=10)
    quick = await claimed(outbox, now=10, lease=10)
    assert not await outbox.save([replace(slow, state=State.DEAD, reason="late")], claimed=[slow])
    assert await outbox.save([replace(quick, state=State.DELIVERED)], claimed=[quick])
    assert not await outbox.save([replace(slow, state=State.DEAD, reason="late")], claimed=[slow])
    assert await outbox.counts() == {("team", "delivered"): 1}


async def test_a_late_process_saves_if_no_other_has_claimed(outbox):
    await accepted(outbox)
    late = await claimed(outbox, lease=10)
    assert await outbox.save([replace(late, state=State.DELIVERED, due_at=99)], claimed=[late])


async def test_a_process_that_lost_the_lease_cannot_save_over_the_next_wait(outbox):
    await accepted(outbox)
    slow = await claimed(outbox, lease=10)
    await failed(outbox, now=10, due_at=500)
    assert not await outbox.save([replace(slow, state=State.DELIVERED)], claimed=[slow])
    assert await outbox.due_at("team") == 500


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": State.DELIVERED}, id="delivered"),
        pytest.param({"state": State.DEAD, "reason": "400"}, id="dead"),
        pytest.param({"due_at": LEASE, "reason": "502"}, id="waiting until the lease would end"),
        pytest.param({"due_at": 7, "attempt": 0}, id="waiting for a limit"),
    ],
)
async def test_an_attempt_is_saved_once(outbox, changes):
    await accepted(outbox)
    delivery = await claimed(outbox)
    settled = replace(delivery, **changes)
    assert await outbox.save([settled], claimed=[delivery])
    other = replace(delivery, state=State.DEAD, reason="twice")
    assert not await outbox.save([other], claimed=[delivery])
    assert await outbox.delivery(delivery.id) == settled


async def test_a_delivery_that_was_revived_meanwhile_cannot_be_saved(outbox):
    await accepted(outbox)
    letter = await dead(outbox)
    assert await outbox.revive([letter.id], now=letter.due_at) == 1
    late = replace(letter, due_at=LEASE)
    assert not await outbox.save([replace(late, state=State.DELIVERED)], claimed=[late])
    assert await outbox.counts() == {("team", "pending"): 1}


async def test_saving_writes_no_other_delivery(outbox):
    for n in (1, 2):
        await accepted(outbox, n, BOTH)
    team, ops = await claimed(outbox, "team"), await claimed(outbox, "ops")
    assert await outbox.save([replace(team, state=State.DEAD, reason="400")], claimed=[team])
    assert await outbox.delivery(ops.id) == replace(ops, interrupted=True)
    assert await outbox.counts() == {
        ("team", "dead"): 1,
        ("team", "pending"): 1,
        ("ops", "pending"): 2,
    }


async def test_an_attempt_without_an_outcome_is_known(outbox):
    await accepted(outbox)
    assert not (await claimed(outbox, lease=10)).interrupted
    second = await claimed(outbox, now=10, lease=10)
    assert second.interrupted
    assert await outbox.save([replace(second, due_at=30, reason="502")], claimed=[second])
    assert not (await claimed(outbox, now=30)).interrupted


async def test_an_attempt_without_an_outcome_costs_none(outbox):
    await accepted(outbox)
    for crashes in range(12):
        found = await claimed(outbox, now=crashes * 10, lease=10)
        assert (found.attempt, found.crashes) == (1, crashes)
    assert await outbox.save([replace(found, due_at=500, crashes=0)], claimed=[found])
    found = await claimed(outbox, now=500)
    assert (found.attempt, found.crashes) == (2, 0)


async def test_a_delivery_about_to_be_sent_is_in_doubt_until_its_outcome_is_saved(outbox):
    await accepted(outbox)
    first = await claimed(outbox, lease=10)
    assert not first.in_doubt
    assert await outbox.mark_in_doubt([first])
    second = await claimed(outbox, now=10, lease=10)
    assert second.in_doubt
    assert not await outbox.mark_in_doubt([first])
    assert await outbox.save([replace(second, due_at=30, in_doubt=False)], claimed=[second])
    assert not await outbox.mark_in_doubt([second])
    assert not (await claimed(outbox, now=30)).in_doubt


async def test_a_batch_is_marked_in_doubt_whole_or_not_at_all(outbox):
    await waits(outbox, 2)
    one, other = await batch_of(outbox)
    assert not await outbox.mark_in_doubt([one, replace(other, due_at=1)])
    assert not (await outbox.delivery(one.id)).in_doubt


async def test_recovery_ends_the_leases_of_a_process_that_died(outbox):
    await accepted(outbox, 1, BOTH)
    await accepted(outbox, 2, BOTH)
    died = await claimed(outbox, "team", now=5)
    assert await outbox.recover(now=7) == 1
    assert await outbox.due_at("team") == 7
    again = await claimed(outbox, "team", now=7)
    assert (again.id, again.attempt, again.interrupted) == (died.id, 1, True)


async def test_recovery_ends_the_waits_for_another_attempt(outbox):
    await accepted(outbox)
    waits = await failed(outbox, now=5, due_at=10**9)
    assert await outbox.recover(now=7) == 1
    again = await claimed(outbox, now=7)
    assert (again.id, again.attempt, again.interrupted) == (waits.id, 2, False)


async def test_recovery_touches_nothing_that_has_ended(outbox):
    await accepted(outbox, sinks=BOTH)
    await delivered(outbox, "team")
    await dead(outbox, "ops")
    assert await outbox.recover(now=7) == 0
    assert await outbox.counts() == {("team", "delivered"): 1, ("ops", "dead"): 1}


async def test_a_process_that_was_declared_dead_cannot_save(outbox):
    await accepted(outbox)
    ghost = await claimed(outbox, now=5)
    await outbox.recover(now=7)
    assert not await outbox.save([replace(ghost, state=State.DELIVERED)], claimed=[ghost])


# --- closed sinks


async def closed(outbox, sink="team", *, reason="410 gone", fingerprint="f1", now=3):
    await outbox.close_sink(
        ClosedSink(name=sink, reason=reason, fingerprint=fingerprint, closed_at=now)
    )


async def test_a_closed_sink_keeps_its_backlog(outbox):
    await accepted(outbox, 1, BOTH)
    await closed(outbox)
    await accepted(outbox, 2, BOTH)
    assert await outbox.claim(ClaimRequest("team", now=10**12, lease=LEASE)) is None
    assert await outbox.due_at("team") is None
    assert (await outbox.counts())["team", "pending"] == 2
    assert (await claimed(outbox, "ops")).sink == "ops"
    assert await outbox.open_sink("team", now=0)
    assert await outbox.due_at("team") == 0
    assert (await claimed(outbox, "team")).attempt == 1


async def test_a_closed_sink_is_listed_with_its_reason(outbox):
    await closed(outbox, "team")
    await closed(outbox, "ops", reason="401", fingerprint="f2", now=4)
    assert list(await outbox.closed_sinks()) == [
        ClosedSink(name="ops", reason="401", fingerprint="f2", closed_at=4),
        ClosedSink(name="team", reason="410 gone", fingerprint="f1", closed_at=3),
    ]


async def test_a_sink_closed_twice_is_closed_for_the_last_reason(outbox):
    await closed(outbox)
    await closed(outbox, reason="404", fingerprint="f2", now=9)
    expected = ClosedSink(name="team", reason="404", fingerprint="f2", closed_at=9)
    assert list(await outbox.closed_sinks()) == [expected]
    assert await outbox.open_sink("team", now=0)
    assert list(await outbox.closed_sinks()) == []


CLOSED = ClosedSink(name="team", reason="410", fingerprint="f1", closed_at=3, probe_at=60)


async def test_a_closed_sink_is_probed_while_it_has_a_backlog_and_is_not_paused(outbox):
    await outbox.close_sink(CLOSED)
    assert await outbox.sink_to_probe("team") is None
    await accepted(outbox)
    assert await outbox.sink_to_probe("team") == CLOSED
    assert await outbox.sink_to_probe("ops") is None
    await outbox.pause_sink("team", now=5)
    assert await outbox.sink_to_probe("team") is None
    await outbox.resume_sink("team")
    assert await outbox.sink_to_probe("team") == CLOSED
    await outbox.open_sink("team", now=6)
    assert await outbox.sink_to_probe("team") is None


async def test_opening_a_sink_is_not_undone_by_a_probe_in_flight(outbox):
    await accepted(outbox)
    await outbox.close_sink(CLOSED)
    later = replace(CLOSED, reason="404", probe_at=120)
    await outbox.postpone_probe(later)
    assert list(await outbox.closed_sinks()) == [later]
    await outbox.open_sink("team", now=6)
    await outbox.postpone_probe(later)
    assert list(await outbox.closed_sinks()) == []
    again = replace(CLOSED, closed_at=9)
    await outbox.close_sink(again)
    await outbox.postpone_probe(later)
    assert list(await outbox.closed_sinks()) == [again]


async def test_a_sink_that_cannot_be_probed_waits_for_an_operator(outbox):
    await accepted(outbox)
    await outbox.close_sink(replace(CLOSED, probe_at=None))
    assert await outbox.sink_to_probe("team") is None


async def test_only_a_closed_sink_can_be_opened(outbox):
    assert not await outbox.open_sink("team", now=0)
    await closed(outbox)
    assert not await outbox.open_sink("ops", now=0)
    assert await outbox.open_sink("team", now=0)
    assert not await outbox.open_sink("team", now=0)


async def test_a_delivery_in_flight_when_its_sink_closed_is_saved(outbox):
    await accepted(outbox)
    delivery = await claimed(outbox)
    await closed(outbox)
    settled = replace(delivery, attempt=0, due_at=5, reason="410 gone")
    assert await outbox.save([settled], claimed=[delivery])
    await outbox.open_sink("team", now=0)
    assert (await claimed(outbox, now=5)).attempt == 1


async def test_deliveries_that_wait_for_another_attempt_are_due_when_their_sink_is_opened(outbox):
    await accepted(outbox, 1, BOTH)
    await failed(outbox, "team", due_at=1000)
    await failed(outbox, "ops", due_at=1000)
    assert not await outbox.open_sink("team", now=7)
    assert (await outbox.due_at("team"), await outbox.due_at("ops")) == (7, 1000)


async def test_a_delivery_in_flight_keeps_its_lease_when_its_sink_is_opened(outbox):
    await accepted(outbox)
    delivery = await claimed(outbox)
    await outbox.open_sink("team", now=7)
    assert await is_clear(outbox, now=LEASE - 1)
    assert await outbox.save([replace(delivery, state=State.DELIVERED)], claimed=[delivery])


# --- paused sinks


async def test_a_paused_sink_keeps_its_backlog(outbox):
    await accepted(outbox, 1, BOTH)
    assert await outbox.pause_sink("team", now=3)
    await accepted(outbox, 2, BOTH)
    assert await outbox.claim(ClaimRequest("team", now=10**12, lease=LEASE)) is None
    assert await outbox.due_at("team") is None
    assert (await outbox.counts())["team", "pending"] == 2
    assert (await claimed(outbox, "ops")).sink == "ops"
    assert await outbox.resume_sink("team")
    assert await outbox.due_at("team") == 0
    assert (await claimed(outbox, "team")).raw == b"{}"


async def test_a_sink_is_paused_once_and_since_then(outbox):
    assert not await outbox.resume_sink("team")
    assert await outbox.pause_sink("team", now=3)
    assert not await outbox.pause_sink("team", now=4)
    assert await outbox.pause_sink("ops", now=5)
    assert await outbox.paused_sinks() == {"ops": 5, "team": 3}
    assert await outbox.resume_sink("team")
    assert await outbox.paused_sinks() == {"ops": 5}


async def test_a_pause_and_a_refusal_end_each_by_itself(outbox):
    await accepted(outbox)
    await closed(outbox)
    await outbox.pause_sink("team", now=3)
    assert await outbox.open_sink("team", now=4)
    assert await is_clear(outbox, now=4)
    await closed(outbox)
    assert await outbox.resume_sink("team")
    assert await is_clear(outbox, now=5)
    assert await outbox.open_sink("team", now=6)
    assert not await is_clear(outbox, now=6)


async def test_a_delivery_in_flight_when_its_sink_was_paused_is_saved(outbox):
    await accepted(outbox)
    delivery = await claimed(outbox)
    await outbox.pause_sink("team", now=1)
    assert await outbox.save([replace(delivery, state=State.DELIVERED)], claimed=[delivery])


# --- dead letters


async def test_dead_letters_are_listed_the_newest_first(outbox):
    for n in range(5):
        await accepted(outbox, n, BOTH)
    letters = [await dead(outbox, sink, reason=f"400 {sink}") for sink in ("team", "ops") * 3]
    newest = sorted(letters, key=lambda letter: -letter.id)
    assert list(await outbox.dead()) == newest
    assert list(await outbox.dead(limit=2)) == newest[:2]
    assert list(await outbox.dead(sink="ops")) == [it for it in newest if it.sink == "ops"]
    assert (
        list(await outbox.dead(sink="ops", limit=1))
        == [it for it in newest if it.sink == "ops"][:1]
    )
    assert list(await outbox.dead(sink="room")) == []


async def test_dead_letters_are_counted_by_their_reason(outbox):
    assert list(await outbox.dead_groups()) == []
    for n in range(4):
        await accepted(outbox, n, BOTH)
    for sink, reason in (("team", "a"), ("ops", "a"), ("team", "b"), ("team", "a")):
        await dead(outbox, sink, reason=reason)
    assert list(await outbox.dead_groups()) == [
        DeadGroup(sink="team", reason="a", number=2, newest=5),
        DeadGroup(sink="team", reason="b", number=1, newest=3),
        DeadGroup(sink="ops", reason="a", number=1, newest=2),
    ]
    search = DeliverySearch(sink="team", state=State.DEAD, reason="a")
    assert [one.id for one in await outbox.deliveries(search)] == [5, 1]


async def test_a_dead_letter_keeps_all_that_is_needed_to_show_it(outbox):
    await accepted(outbox, raw=b'{"a":1}', now=3)
    letter = await dead(outbox, now=8, reason="400 'ひどい' \n")
    (found,) = await outbox.dead()
    assert found == letter
    assert (found.reason, found.raw, found.accepted_at) == ("400 'ひどい' \n", b'{"a":1}', 3)
    assert found == await outbox.delivery(letter.id)


async def test_a_dead_letter_is_not_claimed(outbox):
    await accepted(outbox)
    await dead(outbox)
    assert await is_clear(outbox, now=10**12)
    assert await outbox.due_at("team") is None


async def test_a_revived_letter_has_all_its_attempts_left(outbox):
    await accepted(outbox)
    await failed(outbox, due_at=1)
    await failed(outbox, now=1, due_at=2)
    letter = await dead(outbox, now=2)
    assert letter.attempt == 3
    assert await outbox.revive([letter.id], now=50) == 1
    assert list(await outbox.dead()) == []
    assert (await outbox.due_at("team")) <= 50
    again = await claimed(outbox, now=50)
    assert (again.id, again.attempt, again.interrupted) == (letter.id, 1, False)


async def test_a_revived_letter_takes_its_old_place_in_the_line(outbox):
    for n in (1, 2, 3):
        await accepted(outbox, n)
    letters = [await dead(outbox), await dead(outbox)]
    assert await outbox.revive([letters[1].id, letters[0].id], now=0) == 2
    seen = [(await delivered(outbox)).id for _ in range(3)]
    assert seen[:2] == [letter.id for letter in letters]


async def given_up(outbox, sink="team", *, now=9, limit=100):
    return await outbox.give_up(sink, reason="by hand", now=now, limit=limit)


async def test_a_backlog_is_given_up_step_by_step_and_can_be_revived(outbox):
    for n in range(5):
        await accepted(outbox, n, BOTH, raw=b"%d" % n)
    await failed(outbox, now=1, due_at=10**9)
    assert [await given_up(outbox, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await outbox.counts() == {("team", "dead"): 5, ("ops", "pending"): 5}
    letters = await outbox.dead()
    assert {(one.reason, one.due_at, one.interrupted) for one in letters} == {("by hand", 9, False)}
    assert await outbox.revive([one.id for one in letters], now=9) == 5
    assert [(await delivered(outbox, now=10)).raw for _ in range(5)] == [
        b"%d" % n for n in range(5)
    ]


async def test_a_delivery_in_flight_is_not_given_up_but_an_interrupted_one_is(outbox):
    await accepted(outbox)
    flying = await claimed(outbox, now=0, lease=100)
    assert await given_up(outbox, now=99) == 0
    assert await outbox.recover(now=50) == 1
    assert await given_up(outbox, now=50) == 1
    assert not await outbox.save([replace(flying, state=State.DELIVERED)], claimed=[flying])


@pytest.mark.parametrize("action", ["revive", "drop"])
async def test_only_dead_letters_are_revived_or_dropped(outbox, action):
    for n in (1, 2, 3, 4):
        await accepted(outbox, n)
    done, letter = await delivered(outbox), await dead(outbox)
    other = await dead(outbox)
    carried = await claimed(outbox)
    ids = [done.id, letter.id, carried.id, 10**9, letter.id]
    assert await act(outbox, action, ids) == 1
    assert [it.id for it in await outbox.dead()] == [other.id]
    assert await outbox.delivery(done.id) == done
    assert await outbox.save([replace(carried, state=State.DELIVERED)], claimed=[carried])


def act(outbox, action, ids) -> Awaitable[int]:
    return outbox.revive(ids, now=9) if action == "revive" else outbox.drop(ids)


@pytest.mark.parametrize("action", ["revive", "drop"])
@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([], id="none"),
        pytest.param([1], id="one that never was"),
        pytest.param([-1, 0], id="numbers that are no ids"),
        pytest.param(range(7, 9), id="a range"),
    ],
)
async def test_a_missing_delivery_is_neither_revived_nor_dropped(outbox, action, ids):
    assert await act(outbox, action, ids) == 0


async def test_a_dropped_letter_is_gone(outbox):
    await accepted(outbox, sinks=BOTH)
    letter = await dead(outbox)
    assert await outbox.drop([letter.id]) == 1
    assert await outbox.delivery(letter.id) is None
    assert await outbox.drop([letter.id]) == 0
    assert await outbox.counts() == {("ops", "pending"): 1}


async def test_a_delivery_that_never_was_is_none(outbox):
    assert await outbox.delivery(1) is None


async def test_counts_are_by_sink_and_state(outbox):
    for n in range(6):
        await accepted(outbox, n, BOTH if n < 2 else TEAM)
    await delivered(outbox)
    await dead(outbox)
    await claimed(outbox)
    await delivered(outbox, "ops")
    assert await outbox.counts() == {
        ("team", State.DELIVERED): 1,
        ("team", State.DEAD): 1,
        ("team", State.PENDING): 4,
        ("ops", State.DELIVERED): 1,
        ("ops", State.PENDING): 1,
    }


# --- prune


async def pruned_events(outbox, **given):
    return (await outbox.prune(**given)).events


@pytest.mark.parametrize(
    ("before", "pruned"),
    [
        pytest.param(100, 0, id="settled just now"),
        pytest.param(101, 1, id="settled before"),
    ],
)
@pytest.mark.parametrize("end", [delivered, dead])
async def test_an_ended_delivery_is_kept_until_the_retention_is_over(outbox, end, before, pruned):
    await accepted(outbox, now=5)
    settled = await end(outbox, now=100)
    assert await pruned_events(outbox, before=before, limit=10) == pruned
    assert await outbox.delivery(settled.id) == (None if pruned else settled)


@pytest.mark.parametrize(
    "waiting",
    [
        pytest.param(None, id="not tried yet"),
        pytest.param(failed, id="to be tried again"),
        pytest.param(claimed, id="under way"),
    ],
)
async def test_a_pending_delivery_is_never_pruned(outbox, waiting):
    await accepted(outbox, sinks=BOTH)
    await delivered(outbox, "ops")
    if waiting is failed:
        await failed(outbox, due_at=5)
    elif waiting is claimed:
        await claimed(outbox)
    assert await pruned_events(outbox, before=10**15, limit=10) == 0
    assert (await claimed(outbox, now=10**15)).raw == b"{}"
    assert await outbox.counts() == {("team", "pending"): 1, ("ops", "delivered"): 1}


async def test_the_backlog_of_a_closed_sink_is_not_pruned(outbox):
    await accepted(outbox)
    await closed(outbox)
    assert await pruned_events(outbox, before=10**15, limit=10) == 0


async def test_a_revived_delivery_is_not_pruned(outbox):
    await accepted(outbox)
    letter = await dead(outbox)
    await outbox.revive([letter.id], now=1)
    assert await pruned_events(outbox, before=10**15, limit=10) == 0


async def test_one_young_dead_letter_keeps_its_whole_event(outbox):
    await accepted(outbox, sinks=BOTH)
    old, young = await delivered(outbox, "ops", now=1), await dead(outbox, "team", now=1_000)
    assert await pruned_events(outbox, before=1_000, limit=10) == 0
    assert await outbox.delivery(old.id) == old
    assert await outbox.delivery(young.id) == young
    assert await pruned_events(outbox, before=1_001, limit=10) == 1
    assert await outbox.counts() == {}


async def test_pruning_goes_in_steps(outbox):
    for n in range(5):
        await accepted(outbox, n)
        await delivered(outbox)
    await accepted(outbox, 5)
    assert [await pruned_events(outbox, before=10, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert await outbox.counts() == {("team", "pending"): 1}


async def test_pending_deliveries_are_not_read_through_at_each_step(outbox):
    for n in range(5):
        await accepted(outbox, n)
    await accepted(outbox, 5, {"ops": "to ops"})
    await delivered(outbox, "ops")
    first = await outbox.prune(before=10, limit=3)
    assert (first.events, first.next) == (0, 3)
    assert await outbox.prune(before=10, limit=3, after=first.next) == Pruned(events=1, next=6)
    assert await outbox.prune(before=10, limit=3, after=6) == Pruned(events=0, next=None)


async def test_an_event_without_sinks_is_pruned_by_the_time_it_came(outbox):
    await accepted(outbox, sinks={}, now=100)
    assert await pruned_events(outbox, before=100, limit=10) == 0
    assert not await accept(outbox, an_event(), b"{}", {}, now=101)
    assert await pruned_events(outbox, before=101, limit=10) == 1
    assert await accept(outbox, an_event(), b"{}", {}, now=101)


async def test_an_event_is_remembered_until_it_is_pruned(outbox):
    await accepted(outbox)
    await delivered(outbox)
    assert not await accept(outbox, an_event(), b"{}", TEAM, now=1)
    assert await pruned_events(outbox, before=10, limit=10) == 1
    assert await accept(outbox, an_event(), b"{}", TEAM, now=1)


# --- keys


@pytest.mark.parametrize("forget", ["drop", "prune"])
async def test_the_key_of_a_delivery_is_never_used_again(outbox, forget):
    used = set()
    for n in range(5):
        await accepted(outbox, n)
        letter = await dead(outbox)
        assert letter.id not in used
        used.add(letter.id)
        if forget == "drop":
            await outbox.drop([letter.id])
        assert await pruned_events(outbox, before=10**9, limit=10) == 1
        assert await outbox.counts() == {}


async def test_an_outbox_has_a_name_of_its_own(outbox):
    assert re_fits(outbox.id)


def re_fits(name: str) -> bool:
    """It becomes part of a Matrix transaction id, in the path of a URL."""
    return len(name) >= 8 and name.isascii() and name.isalnum()


# --- the end


async def test_a_request_made_before_the_end_is_done(outbox):
    asked = [asyncio.ensure_future(outbox.journal(an_entry(n))) for n in range(9)]
    await asyncio.gather(asked[0])
    await outbox.close()
    assert await asyncio.gather(*asked) == [True] * 9


async def test_a_closed_outbox_says_so(outbox):
    await outbox.close()
    with pytest.raises(OutboxError):
        await accept(outbox, an_event(), b"{}", TEAM, now=0)
    with pytest.raises(OutboxError):
        await outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
    with pytest.raises(OutboxError):
        await outbox.counts()


async def test_closing_twice_is_closing(outbox):
    await outbox.close()
    await outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        await outbox.counts()


# --- hold, and siblings

HOLD = 300
REPLY = SubjectVersion(subject="note 1", rank=3, within=1_000)
MENTION = SubjectVersion(subject="note 1", rank=1, within=1_000)


async def arrives(outbox, n, *, now, created_at=0, subject_version=None, sinks=TEAM, **changes):
    event = an_event(n, created_at=created_at, **changes)
    raw = f"{n}".encode()
    assert await accept(
        outbox, event, raw, sinks, now=now, hold=HOLD, subject_version=subject_version
    )


async def held(outbox, *, now):
    """The one that the lane sends now."""
    (one,) = (await outbox.claim(ClaimRequest("team", now=now, lease=LEASE, hold=HOLD))).deliveries
    return one


async def drained(outbox, *, now):
    """What the lane sends from now on, in its order."""
    found = []
    while (
        claim := await outbox.claim(ClaimRequest("team", now=now, lease=LEASE, hold=HOLD))
    ) is not None:
        (one,) = claim.deliveries
        assert await outbox.save([replace(one, state=State.DELIVERED)], claimed=[one])
        found.append(int(one.raw))
    return found


async def test_a_held_delivery_is_not_due_before(outbox):
    await arrives(outbox, 1, now=1_000)
    assert await outbox.claim(ClaimRequest("team", now=1_299, lease=LEASE, hold=HOLD)) is None
    assert await outbox.due_at("team", hold=HOLD) == 1_300
    assert await drained(outbox, now=1_300) == [1]


async def test_events_within_one_hold_go_by_the_time_they_happened(outbox):
    await arrives(outbox, 1, now=0, created_at=50)
    await arrives(outbox, 2, now=10, created_at=40)
    await arrives(outbox, 3, now=300, created_at=45)
    assert await drained(outbox, now=600) == [2, 3, 1]


async def test_an_event_after_the_hold_waits_for_its_turn(outbox):
    await arrives(outbox, 1, now=0, created_at=50)
    await arrives(outbox, 2, now=301, created_at=40)
    assert await drained(outbox, now=10_000) == [1, 2]


async def test_the_hold_of_the_first_is_not_made_longer_by_later_events(outbox):
    for n in range(5):
        await arrives(outbox, n, now=n * 200, created_at=1_000 - n)
    assert await outbox.due_at("team", hold=HOLD) == HOLD


async def test_an_attempted_delivery_stays_the_first(outbox):
    await arrives(outbox, 1, now=0, created_at=50)
    tried = await held(outbox, now=HOLD)
    await arrives(outbox, 2, now=HOLD, created_at=10)
    assert await outbox.save([replace(tried, due_at=5_000, reason="502")], claimed=[tried])
    assert await drained(outbox, now=4_999) == []
    assert await drained(outbox, now=5_000) == [1, 2]


@pytest.mark.parametrize("first", ["mention", "reply"])
async def test_of_two_siblings_the_one_that_says_more_is_sent_in_any_order(outbox, first):
    both = {"mention": (1, MENTION), "reply": (2, REPLY)}
    for number, found in sorted(both.values(), reverse=first == "reply"):
        await arrives(outbox, number, now=0, subject_version=found)
    assert await drained(outbox, now=HOLD) == [2]
    assert await outbox.counts() == {("team", State.DELIVERED): 2}


async def test_a_merged_delivery_names_the_one_that_was_sent(outbox):
    await arrives(outbox, 1, now=0, subject_version=MENTION)
    await arrives(outbox, 2, now=0, subject_version=REPLY)
    sent, merged = await outbox.delivery(1), await outbox.delivery(2)
    assert (sent.raw, sent.merged) == (b"2", None)
    assert (merged.raw, merged.merged, merged.state) == (b"1", 1, State.DELIVERED)


@pytest.mark.parametrize("length", [100, 60_000])
async def test_an_event_is_stored_however_long_its_ids_are(outbox, length):
    letters = Random(length)  # a database may compress what repeats itself
    note_id = "".join(chr(letters.randrange(0x10000, 0x20000)) for _ in range(length))
    server = "https://" + "".join(chr(letters.randrange(0x20000, 0x2A000)) for _ in range(length))
    request = a_note_event(1)
    event = request.event | {"server": server, "body": {"note": a_note() | {"id": note_id}}}
    one = misskey.parse(request.with_event(event).body, hook="alice")
    assert await accept(
        outbox, one, b"{}", TEAM, now=0, hold=HOLD, subject_version=subject_version(one)
    )
    assert await claimed(outbox, now=HOLD)


async def test_a_replacement_of_a_pending_delivery_has_a_key_of_its_own(outbox):
    first = SubjectVersion(subject="note 5", version="a")
    assert await accept(outbox, an_event(1), b"1", TEAM, now=0, subject_version=first)
    before = await outbox.delivery(1)
    later = replace(first, rank=1)
    assert await accept(outbox, an_event(2), b"2", TEAM, now=0, subject_version=later)
    after = await claimed(outbox)
    assert (after.id, after.raw) == (before.id, b"2")
    assert after.key != before.key


async def test_a_sibling_that_comes_late_is_not_sent_again(outbox):
    await arrives(outbox, 1, now=0, subject_version=MENTION)
    assert await drained(outbox, now=HOLD) == [1]
    await arrives(outbox, 2, now=900, subject_version=REPLY)
    assert await drained(outbox, now=5_000) == []


async def test_a_sibling_that_comes_while_the_first_is_being_sent_does_not_change_it(outbox):
    await arrives(outbox, 1, now=0, subject_version=MENTION)
    flying = await held(outbox, now=HOLD)
    await arrives(outbox, 2, now=HOLD, subject_version=REPLY)
    assert (await outbox.delivery(flying.id)).raw == b"1"


async def test_siblings_are_forgotten_after_their_time(outbox):
    await arrives(outbox, 1, now=0, created_at=0, subject_version=MENTION)
    await arrives(outbox, 2, now=1_001, created_at=1_001, subject_version=MENTION)
    assert await drained(outbox, now=5_000) == [1, 2]


async def test_siblings_are_known_by_whatever_clocks_they_came(outbox):
    await arrives(outbox, 1, now=0, created_at=7, subject_version=MENTION)
    await arrives(outbox, 2, now=2_400_000, created_at=8, subject_version=MENTION)
    assert await drained(outbox, now=2_500_000) == [1]


async def test_a_dead_sibling_merges_nothing(outbox):
    await arrives(outbox, 1, now=0, subject_version=MENTION)
    flying = await held(outbox, now=HOLD)
    assert await outbox.save([replace(flying, state=State.DEAD, reason="400")], claimed=[flying])
    await arrives(outbox, 2, now=400, subject_version=MENTION)
    assert await drained(outbox, now=5_000) == [2]


async def test_siblings_are_of_one_sink(outbox):
    await arrives(outbox, 1, now=0, subject_version=MENTION, sinks={"ops": "to ops"})
    await arrives(outbox, 2, now=0, subject_version=MENTION)
    assert await drained(outbox, now=HOLD) == [2]


# --- later versions

OPEN = SubjectVersion(subject="note 1", version="a")
EDITED = SubjectVersion(subject="note 1", version="b")
AGAIN = SubjectVersion(subject="note 1", version="c")


async def posted(outbox, n, *, now, message="m1", **given):
    """Event n came, and was shown in a message of that id."""
    await arrives(outbox, n, now=now, **given)
    one = await held(outbox, now=now + HOLD)
    settled = replace(one, state=State.DELIVERED, due_at=now, message=message)
    assert await outbox.save([settled], claimed=[one])
    return settled


async def test_a_later_version_edits_the_message_of_the_earlier(outbox):
    first = await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    await arrives(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    assert (await held(outbox, now=2_000)).edits == first.id


async def test_all_edits_are_of_the_first_message(outbox):
    first = await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    second = await posted(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    await arrives(outbox, 3, now=2_000, created_at=3, subject_version=OPEN)  # back to how it was
    third = await held(outbox, now=3_000)
    assert (second.edits, third.edits) == (first.id, first.id)


async def test_the_next_edit_is_of_an_edit_that_became_a_message_of_its_own(outbox):
    await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    await arrives(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    edit = await held(outbox, now=2_000)
    alone = replace(edit, state=State.DELIVERED, due_at=2_000, edits=None, message="m2")
    assert await outbox.save([alone], claimed=[edit])
    await arrives(outbox, 3, now=3_000, created_at=3, subject_version=AGAIN)
    assert (await held(outbox, now=4_000)).edits == edit.id
    assert (await outbox.posted_message(edit.id)).message == "m2"


async def test_a_later_version_replaces_a_pending_delivery(outbox):
    await arrives(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    await arrives(outbox, 2, now=10, created_at=2, subject_version=EDITED)
    assert await drained(outbox, now=1_000) == [2]
    assert (await outbox.delivery(2)).merged == 1


async def test_an_earlier_version_that_comes_late_is_not_sent(outbox):
    await posted(outbox, 1, now=0, created_at=9, subject_version=EDITED)
    await arrives(outbox, 2, now=1_000, created_at=1, subject_version=OPEN)
    assert await drained(outbox, now=10_000) == []
    assert (await outbox.delivery(2)).merged == 1


async def test_a_sink_without_a_route_gets_only_edits_of_its_own_messages(outbox):
    sinks = {"team": "to the team"}
    await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN, sinks=sinks)
    event = an_event(2, created_at=2)
    changed = await accept(
        outbox,
        event,
        b"2",
        {},
        now=1_000,
        hold=HOLD,
        subject_version=EDITED,
        editing={"team", "ops"},
    )
    assert changed
    edit = await held(outbox, now=2_000)
    assert (edit.edits, edit.route) == (1, "to the team")
    assert {sink for sink, _ in await outbox.counts()} == {"team"}


async def test_a_hook_that_no_route_leads_to_a_sink_changes_nothing_there(outbox):
    await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    forged = an_event(2, hook="mallory", created_at=2)
    assert await accept(
        outbox, forged, b"2", {}, now=1_000, subject_version=EDITED, editing={"team"}
    )
    assert await outbox.counts() == {("team", State.DELIVERED): 1}


@pytest.mark.parametrize(
    ("editing", "expected"),
    [
        pytest.param((), [(1, "r")], id="a route leads there"),
        pytest.param(("team",), [], id="none does"),
    ],
)
async def test_a_sink_that_may_no_longer_show_it_gets_it_as_an_edit_from_any_hook_with_a_route(
    outbox, editing, expected
):
    await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN, sinks={"team": "r"})
    hidden = {"subject_version": EDITED, "editing": editing, "withdrawn": ("team", "ops")}
    event = an_event(2, hook="bob", created_at=2)
    assert await accept(outbox, event, b"2", {}, now=1_000, hold=HOLD, **hidden)
    claim = await outbox.claim(ClaimRequest("team", now=2_000, lease=LEASE))
    assert [(one.edits, one.route) for one in (claim.deliveries if claim else ())] == expected
    assert {sink for sink, _ in await outbox.counts()} == {"team"}


async def test_a_retried_delivery_is_claimed_with_its_newest_edit(outbox):
    await arrives(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    flying = await held(outbox, now=HOLD)
    assert await outbox.save([replace(flying, due_at=2_000, reason="502")], claimed=[flying])
    await arrives(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    await arrives(outbox, 3, now=1_100, created_at=3, subject_version=AGAIN)
    claim = await outbox.claim(ClaimRequest("team", now=5_000, lease=LEASE, hold=HOLD))
    (later,) = claim.later_edits.items()
    assert (later[0], later[1].edits, later[1].raw) == (1, 1, b"3")


async def test_a_dead_earlier_version_is_not_edited(outbox):
    await arrives(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    flying = await held(outbox, now=HOLD)
    assert await outbox.save([replace(flying, state=State.DEAD, reason="400")], claimed=[flying])
    await arrives(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    assert (await held(outbox, now=2_000)).edits is None


async def test_a_posted_message_is_known_with_its_last_edit(outbox):
    first = await posted(outbox, 1, now=0, created_at=1, subject_version=OPEN)
    await posted(outbox, 2, now=1_000, created_at=2, subject_version=EDITED)
    last = await posted(outbox, 3, now=2_000, created_at=3, subject_version=AGAIN)
    found = await outbox.posted_message(first.id)
    (part,) = found.parts
    assert (found.message, part.delivery.id, part.edit.id) == ("m1", first.id, last.id)


async def test_a_delivery_without_a_message_has_no_posted_message(outbox):
    sent = await posted(outbox, 1, now=0, message=None)
    assert await outbox.posted_message(sent.id) is None
    assert await outbox.posted_message(99) is None


# --- several in one request


async def batch_of(outbox, most=10, *, now=0):
    """Claim a head with all its candidates, as the lane does."""
    claim = await outbox.claim(ClaimRequest("team", now=now, lease=LEASE, limit=most))
    (head,) = claim.deliveries
    return [head, *await outbox.extend_claim(claim.candidates, head=head)]


async def settle_all(outbox, batch, **changes):
    settled = [replace(one, **changes) for one in batch]
    assert await outbox.save(settled, claimed=batch)
    return settled


async def waits(outbox, number):
    for n in range(1, number + 1):
        await accepted(outbox, n, raw=b"%d" % n)


def raws(deliveries):
    return [int(one.raw) for one in deliveries]


async def test_a_new_head_is_claimed_with_candidates(outbox):
    await waits(outbox, 5)
    claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE, limit=3))
    assert (raws(claim.deliveries), raws(claim.candidates)) == ([1], [2, 3])
    assert [one.attempt for one in claim.candidates] == [0, 0]


async def test_candidates_are_claimed_with_the_head(outbox):
    await waits(outbox, 3)
    batch = await batch_of(outbox)
    assert raws(batch) == [1, 2, 3]
    assert {(one.batch, one.attempt, one.due_at) for one in batch} == {(1, 1, LEASE)}
    assert await outbox.claim(ClaimRequest("team", now=LEASE - 1, lease=LEASE, limit=10)) is None


async def claim_fitting(outbox, fitting, **changes):
    request = ClaimRequest("team", now=HOLD, lease=LEASE, hold=HOLD, limit=9, fitting=fitting)
    return await outbox.claim(replace(request, **changes))


async def candidates_of(outbox):
    """What waits behind a head that was delivered."""
    claim = await outbox.claim(ClaimRequest("team", now=HOLD, lease=LEASE, hold=HOLD, limit=9))
    await settle_all(outbox, claim.deliveries, state=State.DELIVERED)
    return claim.candidates


async def test_deliveries_that_are_known_to_fit_are_claimed_together(outbox):
    for n in range(1, 6):
        await arrives(outbox, n, now=0, created_at=n)
    candidates = await candidates_of(outbox)
    claim = await claim_fitting(outbox, candidates[:2])
    assert [one.event_id for one in claim.deliveries] == ["event-2", "event-3"]
    assert [one.event_id for one in claim.candidates] == ["event-4", "event-5"]
    assert len({one.batch for one in claim.deliveries}) == 1
    assert {(one.attempt, one.due_at, one.interrupted) for one in claim.deliveries} == {
        (1, HOLD + LEASE, False)
    }
    assert len({one.key for one in claim.deliveries} - {None}) == 2
    again = await claim_fitting(outbox, (), now=HOLD + LEASE)
    assert [one.event_id for one in again.deliveries] == ["event-2", "event-3"]
    assert [(one.attempt, one.crashes) for one in again.deliveries] == [(1, 1)] * 2


@pytest.mark.parametrize("change", ["replaced", "overtaken"])
async def test_what_was_known_to_fit_is_forgotten_once_it_goes_otherwise(outbox, change):
    await arrives(outbox, 1, now=0)
    await arrives(outbox, 2, now=0, created_at=1)
    await arrives(outbox, 3, now=0, created_at=2, subject_version=MENTION)
    candidates = await candidates_of(outbox)
    if change == "replaced":
        await arrives(outbox, 4, now=HOLD, created_at=2, subject_version=REPLY)
    else:
        await arrives(outbox, 4, now=0, created_at=1)
    claim = await claim_fitting(outbox, candidates)
    assert [one.event_id for one in claim.deliveries] == ["event-2"]
    assert [one.event_id for one in claim.candidates] == (
        ["event-4"] if change == "replaced" else ["event-4", "event-3"]
    )


async def test_deliveries_that_shared_a_request_share_it_in_every_attempt(outbox):
    await waits(outbox, 4)
    batch = await batch_of(outbox, most=3)
    await settle_all(outbox, batch, due_at=50, reason="502")
    claim = await outbox.claim(ClaimRequest("team", now=50, lease=LEASE, limit=10))
    assert (raws(claim.deliveries), claim.candidates) == ([1, 2, 3], ())
    assert not any(one.interrupted for one in claim.deliveries)
    died = await outbox.claim(ClaimRequest("team", now=50 + LEASE, lease=LEASE, limit=10))
    assert raws(died.deliveries) == [1, 2, 3]
    assert all(one.interrupted for one in died.deliveries)


async def test_every_delivery_has_a_key_of_its_own_in_all_its_attempts(outbox):
    await waits(outbox, 4)
    batch = await batch_of(outbox, most=3)
    await settle_all(outbox, batch, due_at=50, reason="502")
    again = (await outbox.claim(ClaimRequest("team", now=50, lease=LEASE))).deliveries
    assert [one.key for one in again] == [one.key for one in batch]
    assert len({one.key for one in batch} - {None}) == 3
    await settle_all(outbox, again, state=State.DEAD, reason="400")
    await outbox.revive([again[0].id], now=60)
    assert (await claimed(outbox, now=60)).key == again[0].key


async def test_a_batch_that_was_split_goes_one_by_one(outbox):
    await waits(outbox, 3)
    batch = await batch_of(outbox)
    split = [replace(one, attempt=0, due_at=5, batch=one.id) for one in batch]
    assert await outbox.save(split, claimed=batch)
    seen = []
    while (
        claim := await outbox.claim(ClaimRequest("team", now=5, lease=LEASE, limit=10))
    ) is not None:
        assert claim.candidates == ()
        await settle_all(outbox, claim.deliveries, state=State.DELIVERED)
        seen.append(raws(claim.deliveries))
    assert seen == [[1], [2], [3]]


async def test_a_candidate_that_was_replaced_meanwhile_is_not_claimed(outbox):
    await arrives(outbox, 1, now=0)
    await arrives(outbox, 2, now=0, created_at=1, subject_version=MENTION)
    await arrives(outbox, 3, now=0, created_at=2)
    claim = await outbox.claim(ClaimRequest("team", now=HOLD, lease=LEASE, hold=HOLD, limit=10))
    await arrives(outbox, 4, now=HOLD, created_at=1, subject_version=REPLY)
    assert await outbox.extend_claim(claim.candidates, head=claim.deliveries[0]) == []


async def test_no_candidate_is_claimed_twice(outbox):
    await waits(outbox, 2)
    claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE, limit=2))
    (head,) = claim.deliveries
    assert raws(await outbox.extend_claim(claim.candidates, head=head)) == [2]
    assert await outbox.extend_claim(claim.candidates, head=head) == []


async def test_a_batch_is_saved_whole_or_not_at_all(outbox):
    await waits(outbox, 3)
    batch = await batch_of(outbox)
    stolen = replace(batch[2], due_at=1)
    done = [replace(one, state=State.DELIVERED) for one in batch]
    assert not await outbox.save(done, claimed=[*batch[:2], stolen])
    assert await outbox.counts() == {("team", State.PENDING): 3}
    assert await outbox.save(done, claimed=batch)
    assert await outbox.counts() == {("team", State.DELIVERED): 3}


async def test_skipping_a_batch_skips_all_of_it(outbox):
    await waits(outbox, 3)
    batch = await batch_of(outbox, most=2)
    await settle_all(outbox, batch, due_at=10**9, reason="500")
    claim = await outbox.claim(
        ClaimRequest("team", now=1, lease=LEASE, skip_batches=[batch[0].batch])
    )
    assert raws(claim.deliveries) == [3]


async def test_a_batch_is_expedited_whole(outbox):
    await waits(outbox, 2)
    batch = await batch_of(outbox)
    await settle_all(outbox, batch, due_at=10**9, reason="500")
    await outbox.expedite(1, now=7)
    assert raws((await outbox.claim(ClaimRequest("team", now=7, lease=LEASE))).deliveries) == [1, 2]


async def test_recovery_ends_the_waits_for_another_attempt_at_no_cost(outbox):
    await accepted(outbox)
    one = await claimed(outbox)
    await settle_all(outbox, [one], attempt=0, due_at=10**9, reason="502")
    assert await outbox.recover(now=7) == 1
    assert await outbox.due_at("team") == 7


async def test_a_message_of_several_is_known_with_all_its_parts(outbox):
    for n in (1, 2, 3):
        same = OPEN if n == 2 else None
        await arrives(outbox, n, now=0, created_at=n, subject_version=same)
    claim = await outbox.claim(ClaimRequest("team", now=HOLD, lease=LEASE, hold=HOLD, limit=10))
    (head,) = claim.deliveries
    batch = [head, *await outbox.extend_claim(claim.candidates, head=head)]
    await settle_all(outbox, batch, state=State.DELIVERED, due_at=HOLD, message="m1")
    edit = await posted(outbox, 4, now=1_000, created_at=4, subject_version=EDITED)
    assert edit.edits == batch[1].id
    found = await outbox.posted_message(edit.edits)
    assert raws([part.delivery for part in found.parts]) == [1, 2, 3]
    assert [part.edit and part.edit.id for part in found.parts] == [None, edit.id, None]
    assert await outbox.posted_message(batch[2].id) == found


async def test_a_message_of_which_a_part_is_forgotten_is_not_known(outbox):
    await waits(outbox, 2)
    await accepted(outbox, 3, BOTH, raw=b"3")
    batch = await batch_of(outbox)
    await settle_all(outbox, batch, state=State.DELIVERED, due_at=1, message="m1")
    assert await outbox.posted_message(3) is not None
    assert await pruned_events(outbox, before=10, limit=1) == 1
    assert await outbox.posted_message(3) is None


# --- what people ask


async def test_attempts_are_listed_the_newest_last(outbox):
    await accepted(outbox)
    for n in (1, 2):
        one = await claimed(outbox, now=n)
        ended = Attempt(at=n, took=n * 10, outcome="Failed", reason=f"502 {n}")
        await outbox.save([replace(one, due_at=n)], claimed=[one], attempt=ended)
    assert list(await outbox.attempts(1)) == [
        Attempt(at=1, took=10, outcome="Failed", reason="502 1"),
        Attempt(at=2, took=20, outcome="Failed", reason="502 2"),
    ]
    assert list(await outbox.attempts(2)) == []


async def test_a_failing_sink_does_not_fill_the_outbox_with_attempts(outbox):
    await accepted(outbox)
    for n in range(70):
        one = await claimed(outbox, now=n)
        ended = Attempt(at=n, took=0, outcome="Failed")
        await outbox.save([replace(one, due_at=n)], claimed=[one], attempt=ended)
    assert [one.at for one in await outbox.attempts(1)] == list(range(20, 70))


async def test_the_attempts_of_a_lost_lease_are_not_stored(outbox):
    await accepted(outbox)
    one = await claimed(outbox)
    late = replace(one, due_at=1)
    ended = Attempt(at=0, took=0, outcome="Sent")
    assert not await outbox.save([one], claimed=[late], attempt=ended)
    assert list(await outbox.attempts(1)) == []


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        pytest.param(DeliverySearch(), [6, 5, 4, 3, 2, 1], id="all, the newest first"),
        pytest.param(DeliverySearch(sink="team"), [5, 3, 1], id="of a sink"),
        pytest.param(DeliverySearch(state=State.DEAD), [2, 1], id="in a state"),
        pytest.param(DeliverySearch(sink="team", state=State.PENDING), [5, 3], id="of both"),
        pytest.param(DeliverySearch(kind="reply"), [4, 3], id="of a kind"),
        pytest.param(DeliverySearch(event_id="event-3"), [6, 5], id="of an event"),
        pytest.param(DeliverySearch(since=20, until=30), [4, 3], id="of a time"),
        pytest.param(DeliverySearch(before=4), [3, 2, 1], id="the next page"),
        pytest.param(DeliverySearch(sink="team", before=5), [3, 1], id="the next page of a sink"),
        pytest.param(DeliverySearch(sink="nobody"), [], id="of no sink"),
    ],
)
async def test_a_search_finds_matching_deliveries(outbox, search, expected):
    for n, kind in ((1, "mention"), (2, "reply"), (3, "mention")):
        event = an_event(n, kind=kind)
        assert await accept(outbox, event, b"{}", {"team": "t", "ops": "o"}, now=n * 10)
    await dead(outbox, "team", now=10)
    await dead(outbox, "ops", now=10)
    found = await outbox.deliveries(search)
    assert [one.id for one in found] == expected
    assert [one.id for one in await outbox.deliveries(search, limit=2)] == expected[:2]


async def test_pending_deliveries_are_counted(outbox):
    for n in (1, 2, 3):
        await accepted(outbox, n, BOTH)
    await delivered(outbox)
    await dead(outbox, "ops")
    assert await outbox.pending_count() == 4


async def test_the_last_failure_of_each_sink_is_known(outbox):
    assert await outbox.last_failures() == {}
    await accepted(outbox, 1, BOTH | {"room": "to the room"})
    ends = [("team", "Failed", "502"), ("team", "Closed", "404"), ("team", "RateLimited", None)]
    for n, (sink, name, reason) in enumerate(
        [*ends, ("ops", "Rejected", "400"), ("room", "Sent", None)]
    ):
        one = await claimed(outbox, sink, now=n)
        ended = Attempt(at=n, took=10, outcome=name, reason=reason)
        await outbox.save([replace(one, due_at=n)], claimed=[one], attempt=ended)
    assert await outbox.last_failures() == {
        "team": Attempt(at=1, took=10, outcome="Closed", reason="404"),
        "ops": Attempt(at=3, took=10, outcome="Rejected", reason="400"),
    }


async def test_an_event_is_found_as_it_came_wherever_it_had_to_go(outbox):
    await accepted(outbox, 1, {}, raw=b"one")
    await accepted(outbox, 2, raw=b"two")
    assert await accept(outbox, an_event(1, hook="bob"), b"three", {}, now=0)
    server = an_event().server
    assert list(await outbox.stored_events("event-1")) == [
        StoredEvent(hook="alice", server=server, raw=b"one"),
        StoredEvent(hook="bob", server=server, raw=b"three"),
    ]
    assert list(await outbox.stored_events("event-9")) == []


async def test_the_versions_of_a_note_are_known_that_not_everybody_may_see(outbox):
    assert not (await outbox.restrictions({"note 1": "1"})).events
    for n, about in ((1, "note 1"), (2, None), (3, "note 2"), (4, "note 1")):
        event = an_event(n, server=f"https://{n}.example")
        assert await accept(outbox, event, b"%d" % n, {}, now=0, restricts=about)
    found = (await outbox.restrictions({"note 1": "1", "note \x00 3": "3"})).events
    assert {one: [it.raw for it in versions] for one, versions in found.items()} == {
        "note 1": [b"4", b"1"]
    }
    assert found["note 1"][0] == StoredEvent(hook="alice", server="https://4.example", raw=b"4")


async def test_a_version_that_may_not_be_shown_wins_whatever_its_clock_says(outbox):
    first = await posted(outbox, 1, now=0, created_at=50, subject_version=OPEN)
    hidden = replace(EDITED, version="hidden")
    event = an_event(2, created_at=7)
    given = {"now": 0, "subject_version": hidden, "withdrawn": ["team"]}
    assert await accept(outbox, event, b"2", {}, **given)
    edit = await claimed(outbox)
    assert (edit.raw, edit.edits) == (b"2", first.id)
    await outbox.save([replace(edit, state=State.DELIVERED)], claimed=[edit])
    await arrives(outbox, 3, now=0, created_at=99, subject_version=EDITED)
    assert await is_clear(outbox, now=10**9)


async def test_the_times_of_edits_decide_between_two_versions(outbox):
    await posted(outbox, 1, now=0, created_at=50, subject_version=OPEN)
    later = replace(EDITED, updated_at=20)
    event = an_event(2, created_at=10, note=Note(id="1", updated_at=20))
    assert await accept(outbox, event, b"2", TEAM, now=0, hold=HOLD, subject_version=later)
    older = replace(EDITED, version="older", updated_at=19)
    event = an_event(3, created_at=60, note=Note(id="1", updated_at=19))
    assert await accept(outbox, event, b"3", TEAM, now=0, hold=HOLD, subject_version=older)
    assert await drained(outbox, now=10**6) == [2]
