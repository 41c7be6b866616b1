"""
Any sequence of what can happen to an outbox, and what must hold after each step.

The machine plays door, router, lanes, operator and crash against a real outbox, by the real
``settle``, and compares with a model: a dictionary per sink.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relay.delivery.settle import AttemptContext, settle
from relay.outbox import (
    ClaimRequest,
    ClosedSink,
    DeliverySearch,
    JournalEntry,
    Outbox,
    RoutedEvent,
)
from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State
from tests.factories import Opener, an_entry

T = TypeVar("T")
SINKS = ("team", "ops")
LEASE = 50
SCHEDULE = (0.01, 0.02)

sinks = st.sampled_from(SINKS)
outcomes = st.one_of(
    st.builds(Sent, st.just(0.0), st.sampled_from(["", "m1"])),
    st.builds(RateLimited, st.sampled_from([0.0, 0.02])),
    st.builds(Failed, st.just("502"), st.booleans()),
    st.builds(Rejected, st.just("400")),
    st.builds(Closed, st.just("404")),
)


@dataclass
class Known:
    """What the model knows of a delivery; deliveries are named by their event's number."""

    state: State = State.PENDING
    batch: int | None = None
    """The first of those that share its request; None if it was never tried."""
    counted: int = 0
    """The attempts that count: those that ended, and not by waiting."""
    key: str | None = None
    """Under which it was sent."""


class KilledError(Exception):
    """Ends a router while it decides."""


class Machine(RuleBasedStateMachine):
    """``opener`` is set by a subclass of each kind of outbox."""

    opener: Callable[[Path], AbstractAsyncContextManager[Outbox]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.context = type(self).opener(Path(self.folder.name))
        self.outbox = self.do(self.context.__aenter__())
        self.now = 1_000
        self.events = 0
        self.unrouted: dict[int, set[str]] = {}
        """The events of the journal, in their order, and the sinks that will get them."""
        self.known: dict[str, dict[int, Known]] = {sink: {} for sink in SINKS}
        self.carried: dict[str, list[Delivery]] = {}
        self.closed: set[str] = set()
        self.paused: set[str] = set()

    def teardown(self) -> None:
        self.do(self.context.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    # --- what happens

    @rule(wanted=st.sets(sinks), number=st.integers(1, 4))
    def events_come(self, wanted: set[str], number: int) -> None:
        for _ in range(number):
            self.events += 1
            assert self.do(self.journal(self.events))
            self.unrouted[self.events] = wanted

    @precondition(lambda self: self.unrouted or any(self.waiting(sink) for sink in SINKS))
    @rule(data=st.data())
    def an_event_comes_again(self, data: st.DataObject) -> None:
        waiting = {number for sink in SINKS for number in self.waiting(sink)}
        numbers = sorted(waiting | self.unrouted.keys())
        assert not self.do(self.journal(data.draw(st.sampled_from(numbers))))

    def journal(self, number: int) -> Coroutine[Any, Any, bool]:
        return self.outbox.journal(an_entry(number, accepted_at=self.now, note_id=f"{number}"))

    @rule(limit=st.integers(1, 3))
    def the_router_takes_the_oldest(self, limit: int) -> None:
        expected = list(self.unrouted)[:limit]
        batch = self.do(self.outbox.route(self.decide, limit=limit))
        assert batch.events == len(expected)
        assert batch.has_more or not self.unrouted.keys() - expected
        for number in expected:
            for sink in self.unrouted.pop(number):
                self.known[sink][number] = Known()

    async def decide(self, entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        numbers = [int(entry.raw) for entry in entries]
        assert numbers == list(self.unrouted)[: len(numbers)]
        return [RoutedEvent(sinks=dict.fromkeys(self.unrouted[n], "all")) for n in numbers]

    @precondition(lambda self: self.unrouted)
    @rule(limit=st.integers(1, 3))
    def the_router_is_killed(self, limit: int) -> None:
        async def die(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
            raise KilledError

        with pytest.raises(KilledError):
            self.do(self.outbox.route(die, limit=limit))

    @rule(sink=sinks, most=st.integers(1, 4), later=st.sampled_from([0, 20, LEASE]))
    def a_lane_claims(self, sink: str, most: int, later: int) -> None:
        self.now += later
        claim = self.do(
            self.outbox.claim(ClaimRequest(sink, now=self.now, lease=LEASE, limit=most))
        )
        if claim is None:
            return
        assert sink not in self.closed | self.paused
        load = [
            *claim.deliveries,
            *self.do(self.outbox.extend_claim(claim.candidates, head=claim.deliveries[0])),
        ]
        numbers = [int(one.raw) for one in load]
        assert numbers in self.expected(sink, most)
        for number in numbers:
            self.known[sink][number].batch = self.known[sink][numbers[0]].batch or numbers[0]
        for one in load:
            known = self.known[sink][int(one.raw)]
            assert one.attempt == known.counted + 1
            assert one.key == (known.key or one.key)
            known.key = one.key
        if (lost := self.carried.pop(sink, None)) is not None:  # its lease is over
            assert not self.save(lost, Sent())
        self.carried[sink] = load

    @precondition(lambda self: self.carried)
    @rule(data=st.data(), outcome=outcomes)
    def an_attempt_ends(self, data: st.DataObject, outcome: Outcome) -> None:
        sink = data.draw(st.sampled_from(sorted(self.carried)))
        load = self.carried.pop(sink)
        assert self.save(load, outcome)
        assert not self.save(load, outcome)
        for one in self.settled(load, outcome):
            known = self.known[sink][int(one.raw)]
            known.state, known.counted = one.state, one.attempt
            known.batch = int(one.raw) if one.batch == one.id else known.batch
        if isinstance(outcome, Closed):
            self.do(
                self.outbox.close_sink(
                    ClosedSink(name=sink, reason="404", fingerprint="f", closed_at=self.now)
                )
            )
            self.closed.add(sink)

    def save(self, load: list[Delivery], outcome: Outcome) -> bool:
        return self.do(self.outbox.save(self.settled(load, outcome), claimed=load))

    def settled(self, load: list[Delivery], outcome: Outcome) -> list[Delivery]:
        context = AttemptContext(
            schedule=SCHEDULE, now=self.now, resend=False, shared=len(load) > 1
        )
        return [settle(one, outcome, context) for one in load]

    @rule(step=st.sampled_from([-10_000, -50, -1, 40, 10_000]))
    def the_clock_is_set(self, step: int) -> None:
        self.now += step

    @precondition(lambda self: self.carried)
    @rule(data=st.data())
    def a_request_is_about_to_be_sent(self, data: st.DataObject) -> None:
        sink = data.draw(st.sampled_from(sorted(self.carried)))
        assert self.do(self.outbox.mark_in_doubt(self.carried[sink]))
        assert all(self.found(one).in_doubt for one in self.carried[sink])

    @rule()
    def the_process_is_killed_and_starts_again(self) -> None:
        self.now += 1
        self.do(self.outbox.recover(now=self.now))
        for load in self.carried.values():
            assert load[0].due_at == self.now or not self.save(load, Sent())
        self.carried.clear()

    @rule(sink=sinks)
    def the_operator_opens_a_sink(self, sink: str) -> None:
        assert self.do(self.outbox.open_sink(sink, now=self.now)) is (sink in self.closed)
        self.closed.discard(sink)

    @rule(sink=sinks)
    def the_operator_pauses_a_sink(self, sink: str) -> None:
        assert self.do(self.outbox.pause_sink(sink, now=self.now)) is (sink not in self.paused)
        self.paused.add(sink)

    @rule(sink=sinks)
    def the_operator_resumes_a_sink(self, sink: str) -> None:
        assert self.do(self.outbox.resume_sink(sink)) is (sink in self.paused)
        self.paused.discard(sink)

    @rule(data=st.data())
    def the_operator_revives_or_drops(self, data: st.DataObject) -> None:
        dead = self.do(self.outbox.dead())
        chosen = data.draw(st.lists(st.sampled_from(dead), unique=True)) if dead else []
        revives = data.draw(st.booleans())
        act = self.revive if revives else self.outbox.drop
        assert self.do(act([one.id for one in chosen])) == len(chosen)
        for one in chosen:
            if revives:
                known = self.known[one.sink][int(one.raw)]
                known.state, known.counted = State.PENDING, 0
            else:
                del self.known[one.sink][int(one.raw)]

    def revive(self, ids: list[int]) -> Coroutine[Any, Any, int]:
        return self.outbox.revive(ids, now=self.now)

    @rule(sink=sinks, limit=st.integers(1, 3))
    def the_operator_gives_up_what_waits(self, sink: str, limit: int) -> None:
        carried = self.carried.get(sink, [])
        # What a killed process carried looks as if it were under way while the clock is behind.
        claimed = [*carried, *(one for one in self.all() if one.sink == sink and one.interrupted)]
        flying = {int(one.raw) for one in claimed if one.due_at > self.now}
        chosen = [number for number in sorted(self.waiting(sink)) if number not in flying][:limit]
        given_up = self.outbox.give_up(sink, reason="by hand", now=self.now, limit=limit)
        assert self.do(given_up) == len(chosen)
        for number in chosen:
            self.known[sink][number].state = State.DEAD
        if any(int(one.raw) in chosen for one in carried):  # their lease was over
            assert not self.save(self.carried.pop(sink), Sent())

    @rule(age=st.integers(0, 200))
    def what_is_old_is_pruned(self, age: int) -> None:
        kept = {one.id: one for one in self.all()}
        self.do(self.outbox.prune(before=self.now - age, limit=3))
        for one in kept.values():
            if self.do(self.outbox.delivery(one.id)) is None:
                assert one.state is not State.PENDING
                assert one.due_at < self.now - age
                del self.known[one.sink][int(one.raw)]

    # --- what always holds

    @invariant()
    def everything_that_was_accepted_is_somewhere_and_in_the_known_state(self) -> None:
        found = {(one.sink, int(one.raw)): one.state for one in self.all()}
        assert found == {
            (sink, number): known.state
            for sink, numbers in self.known.items()
            for number, known in numbers.items()
        }
        assert self.do(self.outbox.pending_count()) == len(self.unrouted) + sum(
            state is State.PENDING for state in found.values()
        )

    @invariant()
    def an_event_binds_the_lanes_until_it_is_routed(self) -> None:
        for number in range(max(1, self.events - 5), self.events + 1):
            bound = self.do(self.outbox.restrictions({f"note {number}": f"{number}"}))
            assert bound.has_unrouted is (number in self.unrouted)

    @invariant()
    def no_two_deliveries_are_sent_under_one_key(self) -> None:
        keys = [known.key for sink in SINKS for known in self.known[sink].values() if known.key]
        assert len(keys) == len(set(keys))

    @invariant()
    def who_was_never_tried_waits_no_longer_than_a_hold(self) -> None:
        for sink in SINKS:
            waiting = [self.known[sink][number].batch for number in self.waiting(sink)]
            if waiting and set(waiting) == {None} and sink not in self.closed | self.paused:
                assert (self.do(self.outbox.due_at(sink, now=self.now)) or 0) <= self.now

    @invariant()
    def what_is_dead_tells_why(self) -> None:
        assert all(one.reason for one in self.do(self.outbox.dead()))

    @invariant()
    def who_waits_and_may_go_has_a_time(self) -> None:
        for sink in SINKS:
            due_at = self.do(self.outbox.due_at(sink))
            halted = sink in self.closed | self.paused
            assert (due_at is None) is (halted or not self.waiting(sink))

    def found(self, one: Delivery) -> Delivery:
        found = self.do(self.outbox.delivery(one.id))
        assert found is not None
        return found

    def all(self) -> list[Delivery]:
        return list(self.do(self.outbox.deliveries(DeliverySearch(), limit=10_000)))

    def waiting(self, sink: str) -> list[int]:
        return [n for n, known in self.known[sink].items() if known.state is State.PENDING]

    def expected(self, sink: str, most: int) -> list[list[int]]:
        """What may be claimed: a batch that was tried before, or so many of the first in line."""
        line = sorted(self.waiting(sink))
        batches = [self.known[sink][n].batch for n in line]
        tried = [batch for batch in batches if batch is not None]
        if tried:
            return [[n for n, batch in zip(line, batches, strict=True) if batch == tried[0]]]
        return [line[:length] for length in range(1, most + 1)]


def test_whatever_happens_nothing_is_lost_doubled_or_out_of_order(opener: Opener) -> None:
    machine = type("Machine", (Machine,), {"opener": staticmethod(opener)})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )
