"""The router takes the journal in order, leaves time to a crowd, and stops at no event."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

import pytest

from relay import misskey
from relay.errors import BrokenError, OutboxError
from relay.intake import router as module
from relay.intake.backlog_limit import BacklogLimit
from relay.intake.router import BURST, CROWD, LIMIT, SHARE, SHARE_LATER, SLICE, Router
from relay.intake.rules import RoutingRules
from relay.model import Event, Gate
from relay.outbox.records import Decide, JournalEntry, RoutedBatch, RoutedEvent
from relay.routing.index import RouteIndex
from relay.routing.match import Route
from tests.e2e import waiting
from tests.fakes.misskey import a_note_event

RULES = RoutingRules(
    table=RouteIndex([Route(name="all", to=("team",))]),
    server_bound=(),
    gates={"team": Gate(), "ops": Gate()},
    alike={Gate(): ("team", "ops")},
    hold=300,
    log_content=True,
)


def an_entry(n: int, raw: bytes | None = None, **note: Any) -> JournalEntry:
    return JournalEntry(
        hook="alice",
        event_id=f"event-{n}",
        kind="note",
        server="",
        created_at=0,
        accepted_at=0,
        raw=a_note_event(n, **note).body if raw is None else raw,
    )


class Clock:
    """A clock that only work moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Journal:
    """An outbox that has events to be routed; ``errors`` are raised one after the other."""

    def __init__(self, *entries: JournalEntry) -> None:
        self.entries = [*entries]
        self.routed: list[tuple[str, RoutedEvent]] = []
        self.errors: list[Exception] = []
        self.limits: list[int] = []
        self.on_route: Callable[[], None] = lambda: None

    async def pending_count(self) -> int:
        return len(self.entries)

    async def route(self, decide: Decide, *, limit: int) -> RoutedBatch:
        self.limits.append(limit)
        batch = self.entries[:limit]
        decisions = await decide(batch)
        self.on_route()
        if self.errors:
            raise self.errors.pop(0)
        del self.entries[: len(batch)]
        self.routed += zip([entry.event_id for entry in batch], decisions, strict=True)
        sinks = {sink for decision in decisions for sink in decision.sinks}
        return RoutedBatch(events=len(batch), sinks=sinks, has_more=bool(self.entries))


class Routing:
    """A router with a journal, and all that it wakes."""

    def __init__(self, journal: Journal, *, clock: Clock | None = None) -> None:
        self.woken: list[Collection[str]] = []
        self.clock = clock or Clock()
        outbox: Any = journal
        self.router = Router(
            outbox,
            BacklogLimit(journal.pending_count),
            rules=lambda: RULES,
            wake=self.woken.append,
            monotonic=self.clock,
        )

    async def run(self, until: Callable[[], bool], *, crowd: Callable[[], int] = int) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(self.router.run(stop, crowd=crowd))
        await waiting.until(lambda: until() or running.done())
        stop.set()
        await running


def ids(journal: Journal) -> Sequence[str]:
    return [event_id for event_id, _ in journal.routed]


async def test_what_the_last_process_left_is_routed_at_the_start_in_order() -> None:
    journal = Journal(*map(an_entry, range(2 * LIMIT + 1)))
    routing = Routing(journal)
    await routing.run(lambda: not journal.entries)
    assert ids(journal) == [f"event-{n}" for n in range(2 * LIMIT + 1)]
    assert journal.limits == [LIMIT] * 3
    assert routing.woken == [{"team"}] * 3


async def test_it_waits_until_there_is_something_to_route() -> None:
    journal = Journal()
    routing = Routing(journal)

    def came() -> bool:
        if len(journal.limits) == 1 and not journal.entries:
            journal.entries.append(an_entry(1))
            routing.router.notify()
        return bool(journal.routed)

    await routing.run(came)
    assert (ids(journal), len(journal.limits)) == (["event-1"], 2)


async def test_an_answer_of_the_outbox_that_is_lost_wakes_all_that_may_have_something() -> None:
    journal = Journal(an_entry(1, kind="edited", text="hello, edited"))
    journal.errors.append(OutboxError("lost"))
    routing = Routing(journal)
    with pytest.raises(OutboxError):
        await routing.router.route()
    assert routing.woken == [{"team", "ops"}]


async def test_it_goes_on_after_errors_of_the_outbox_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal, pauses = Journal(an_entry(1)), list[float | None]()
    journal.errors += [OutboxError("no space left on the device")] * 8

    async def rest(pause: float | None, *events: asyncio.Event) -> None:
        pauses.append(pause)
        await asyncio.sleep(0)

    monkeypatch.setattr(module, "first", rest)
    await Routing(journal).run(lambda: bool(journal.routed))
    assert pauses[:8] == [0.1, 0.5, 1.0, 5.0, 30.0, 30.0, 30.0, 30.0]
    told = [record for record in caplog.records if vars(record).get("action") == "route_retry"]
    assert [vars(record)["reason"] for record in told] == ["no space left on the device"] * 8


async def test_one_that_hangs_is_overdue_and_one_that_ended_is_not() -> None:
    journal = Journal(an_entry(1))
    routing = Routing(journal)
    overdue = list[float]()

    def hang() -> None:
        routing.clock.now += 10 * module.HANGS
        overdue.append(routing.router.heartbeat.overdue)

    journal.on_route = hang
    await routing.run(lambda: not journal.entries)
    assert overdue == [9 * module.HANGS]
    assert routing.router.heartbeat.overdue == 0


async def test_a_broken_outbox_ends_it() -> None:
    journal = Journal(an_entry(1))
    journal.errors.append(BrokenError("malformed"))
    with pytest.raises(BrokenError):
        await Routing(journal).run(lambda: False)


async def test_an_event_that_cannot_be_read_is_told_and_holds_up_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = Journal(an_entry(1), an_entry(2, raw=b"{"), an_entry(3))
    await Routing(journal).router.route()
    assert ids(journal) == ["event-1", "event-2", "event-3"]
    bad = journal.routed[1][1]
    assert (bad.sinks, (bad.no_route or "")[:27]) == ({}, "cannot be routed: not JSON:")
    [told] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    fields = vars(told)
    assert (fields["action"], fields["event_id"]) == ("unroutable", "event-2")
    assert fields["reason"] == bad.no_route


async def test_a_bug_at_one_event_holds_up_nobody_and_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def parse(raw: bytes, **given: Any) -> Event:
        event = misskey.webhook.parse(raw, **given)
        if event.note is not None and event.note.text != "hello":
            raise ZeroDivisionError(event.note.text)
        return event

    monkeypatch.setattr(misskey, "parse", parse)
    journal = Journal(an_entry(1), an_entry(2, text="poison"), an_entry(3))
    await Routing(journal).router.route()
    assert [decision.no_route for _, decision in journal.routed] == [
        None,
        "cannot be routed: a bug in relay",
        None,
    ]
    told = [str(vars(record)) for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 2
    assert "poison" not in "".join(told)


async def test_a_bug_of_the_outbox_costs_only_the_event_that_it_is_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    journal = Journal(*map(an_entry, range(3)))

    def check() -> None:
        first = journal.entries[0].event_id
        if first == "event-0" and journal.limits[-3:] != [LIMIT, 1, 1]:
            raise ZeroDivisionError

    journal.on_route = check
    await Routing(journal).run(lambda: not journal.entries)
    assert journal.limits == [LIMIT, 1, 1, LIMIT]
    assert [decision.no_route for _, decision in journal.routed] == [
        "cannot be routed: a bug in relay",
        None,
        None,
    ]


async def test_while_a_crowd_waits_it_works_a_small_share_of_the_time_and_more_once_that_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal(*map(an_entry, range(10 * LIMIT)))
    routing = Routing(journal)
    worked, rested = list[float](), list[float]()

    def work() -> None:
        worked.append(routing.clock.now)
        routing.clock.now += 0.1

    async def rest(pause: float | None, *events: asyncio.Event) -> None:
        routing.clock.now += pause or 0.0
        rested.append(pause or 0.0)
        await asyncio.sleep(0)

    journal.on_route = work
    monkeypatch.setattr(module, "first", rest)
    await routing.run(lambda: len(worked) > 8, crowd=lambda: CROWD)
    apart = [after - before for before, after in pairwise(worked)]
    first = [gap for gap, began in zip(apart, worked, strict=False) if began < BURST - 0.1]
    assert first == pytest.approx([0.1 / SHARE] * 3, rel=0.01)
    assert apart[3:8] == pytest.approx([0.1 / SHARE_LATER] * 5, rel=0.1)


async def test_a_slow_disk_makes_no_rest_longer_than_a_burst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal(*map(an_entry, range(4 * LIMIT)))
    routing = Routing(journal)
    worked = list[float]()

    def work() -> None:
        worked.append(routing.clock.now)
        routing.clock.now += 4.0

    async def rest(pause: float | None, *events: asyncio.Event) -> None:
        routing.clock.now += pause or 0.0
        await asyncio.sleep(0)

    journal.on_route = work
    monkeypatch.setattr(module, "first", rest)
    await routing.run(lambda: len(worked) > 1, crowd=lambda: CROWD)
    assert worked[1] - worked[0] == pytest.approx(4.0 + BURST, rel=0.01)


async def test_a_burst_after_a_quiet_time_is_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(an_entry(0))
    routing = Routing(journal)
    worked = list[float]()

    def work() -> None:
        worked.append(routing.clock.now)
        routing.clock.now += 0.1

    async def rest(pause: float | None, *events: asyncio.Event) -> None:
        if pause == module.SWEEP:
            journal.entries += map(an_entry, range(1, 3 * LIMIT))
        routing.clock.now += pause or 0.0
        await asyncio.sleep(0)

    journal.on_route = work
    monkeypatch.setattr(module, "first", rest)
    await routing.run(lambda: len(worked) > 2, crowd=lambda: CROWD)
    assert worked[2] - worked[1] == pytest.approx(0.1 / SHARE, rel=0.01)


async def test_once_the_crowd_has_gone_the_rest_is_routed_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal(*map(an_entry, range(4 * LIMIT)))
    routing = Routing(journal)
    crowds, glances = [CROWD, CROWD, CROWD - 1], list[float | None]()

    def work() -> None:
        routing.clock.now += 1.0

    async def rest(pause: float | None, *events: asyncio.Event) -> None:
        glances.append(pause)
        await asyncio.sleep(0)

    journal.on_route = work
    monkeypatch.setattr(module, "first", rest)
    await routing.run(
        lambda: not journal.entries, crowd=lambda: crowds.pop(0) if crowds else CROWD - 1
    )
    assert glances[:3] == [module.GLANCE, module.GLANCE, module.SWEEP]


class Worked(Clock):
    """A clock on which each look takes as long as the router may work at a time."""

    def __call__(self) -> float:
        self.now += SLICE
        return self.now


async def test_requests_get_their_turn_while_a_batch_is_decided() -> None:
    journal, turns = Journal(*map(an_entry, range(3))), list[int]()
    routing = Routing(journal, clock=Worked())

    async def take_turns() -> None:
        while not journal.routed:
            turns.append(1)
            await asyncio.sleep(0)

    await asyncio.gather(take_turns(), routing.router.route())
    assert len(turns) > 3
