"""The lane, step by step: a scripted sink, a clock that is set by hand, and every outbox."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import pytest

from relay import misskey
from relay.delivery.editor import REMOVE
from relay.delivery.lane import LEASE, Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.errors import OutboxError
from relay.outbox import ClaimRequest, DeliverySearch, JournalEntry, RoutedEvent
from relay.outbox.siblings import restricts, subject_version
from relay.outcome import (
    WITHHELD,
    Closed,
    Delivery,
    Failed,
    LimitScope,
    Outcome,
    RateLimited,
    Rejected,
    Sent,
    State,
)
from relay.rendering.templates import Templates
from relay.sinks.base import Layout
from relay.sinks.pacing import Pace
from relay.text.message import Message
from relay.text.tree import text_of
from tests.e2e.waiting import until
from tests.factories import accept, an_entry
from tests.fakes.misskey import Request, a_note, a_note_event, event_id

TEMPLATES = Templates()
SCHEDULE = (5.0, 30.0, 120.0, 600.0)
NOTE_1 = event_id("note", 1)


@dataclass
class Script:
    """A sink that ends every send as it is told, and remembers what it was given."""

    ends: Callable[[str], Outcome] = lambda text: Sent()
    """Told by the text of the message; of several, with " + " between them."""
    max_batch: int = 1
    room: int = 100
    """How many characters fit into one request."""
    can_edit: bool = True
    answer: Callable[[], Outcome] = lambda: Sent()
    """What a probe is told."""
    meanwhile: Callable[[str], Awaitable[object]] = lambda text: asyncio.sleep(0)
    """What happens while a text is on its way."""
    tried: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    probed: int = 0
    laid_out: list[threading.Thread] = field(default_factory=list)
    """Where messages were laid out."""
    edited: dict[str, str] = field(default_factory=dict)
    """The text that was put in place of a message, by the message's first text."""

    async def probe(self) -> Outcome:
        self.probed += 1
        return self.answer()

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        self.laid_out.append(threading.current_thread())
        lengths = accumulate(len(text_of(message.body)) for message in messages)
        count = max(1, sum(length <= self.room for length in lengths))
        return Layout({"messages": messages[:count]}, count)

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        messages = layout.payload["messages"]
        text = " + ".join(text_of(message.body) for message in messages)
        self.tried.append(text)
        self.keys.append(key)
        self.messages += messages
        self.titles.append(text_of(messages[0].title))
        await self.meanwhile(text)
        outcome = self.ends(text)
        if not isinstance(outcome, Sent):
            return outcome
        self.shown.append(text)
        return replace(outcome, message=text)

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        text = " + ".join(text_of(message.body) for message in layout.payload["messages"])
        self.tried.append(f"edit {text}")
        outcome = self.ends(f"edit {text}")
        if isinstance(outcome, Sent):
            self.edited[posted] = text
            return replace(outcome, message=posted)
        return outcome


class Stage:
    """One lane with everything around it."""

    def __init__(self, outbox: Any, **policy: Any) -> None:
        self.now = 1_000_000
        self.edits = 0
        self.outbox = outbox
        self.sink = Script()
        self.policy = DeliveryPolicy(schedule=SCHEDULE, **policy)
        self.lane = self.new_lane()

    def lane_config(self, **changes: Any) -> LaneConfig:
        given: dict[str, Any] = {
            "sink": self.sink,
            "policy": self.policy,
            "renderer": Renderer(TEMPLATES, {}),
            "fingerprint": "print",
        }
        return LaneConfig(**given | changes)

    def new_lane(self) -> Lane:
        return Lane(
            "team",
            self.lane_config(),
            outbox=self.outbox,
            clock=lambda: self.now,
            monotonic=lambda: self.now / 1000,
        )

    async def accept(self, *numbers: int, **changes: Any) -> None:
        for number in numbers:
            await self.post(a_note_event(number, **{"text": f"note {number}", **changes}))

    async def arrive(self, number: int, *, happened: int) -> None:
        """As the network brings events: not in the order in which they happened."""
        request = a_note_event(number, text=f"note {number}")
        await self.post(request.with_event({**request.event, "createdAt": happened}))

    async def post(
        self, request: Request, *, sinks: Sequence[str] = ("team",), withdrawn: Sequence[str] = ()
    ) -> None:
        event = misskey.parse(request.body, hook="alice")
        assert await accept(
            self.outbox,
            event,
            request.body,
            dict.fromkeys(sinks, "all"),
            now=self.now,
            hold=self.policy.hold,
            restricts=restricts(event, server_bound=()),
            subject_version=subject_version(event),
            withdrawn=withdrawn,
        )

    async def journal(self, request: Request) -> None:
        """Accept an event that the router has not reached yet."""
        event = misskey.parse(request.body, hook="alice")
        assert event.note is not None
        entry = an_entry(
            event_id=event.id,
            kind=event.kind,
            server=event.server,
            created_at=event.created_at,
            accepted_at=self.now,
            raw=request.body,
            note_id=event.note.id,
        )
        assert await self.outbox.journal(entry)

    async def route(self, *sinks: str) -> None:
        """Route what was journaled; sinks that do not get it may not show it."""

        async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
            events = [misskey.parse(entry.raw, hook="alice") for entry in entries]
            return [
                RoutedEvent(
                    sinks=dict.fromkeys(sinks, "all"),
                    hold=self.policy.hold,
                    restricts=restricts(event, server_bound=()),
                    subject_version=subject_version(event),
                    withdrawn={"team"} - {*sinks},
                )
                for event in events
            ]

        assert (await self.outbox.route(decide, limit=100)).events

    async def edit(self, number: int, text: str, **changes: Any) -> None:
        """The note of that number, as its author has changed it; under an event id of its own."""
        await self.post(self.later(number, text, **changes))

    async def hide(self, number: int, *, happened: int | None = None, **changes: Any) -> None:
        """The note of that number, which is for its author's followers only from now on."""
        request = self.later(number, "secret", **{"visibility": "followers", **changes})
        if happened is not None:
            request = request.with_event({**request.event, "createdAt": happened})
        await self.post(request, sinks=(), withdrawn=("team",))

    def later(self, number: int, text: str, **changes: Any) -> Request:
        request = a_note_event(number, text=text, **changes)
        self.edits += 1
        event = {**request.event, "eventId": f"edit-{self.edits}", "createdAt": 10**15 + self.edits}
        return request.with_event(event)

    async def run(self, *, seconds: float) -> None:
        """Let the lane work for that long, as the clock says."""
        end = self.now + round(seconds * 1000)
        while self.now < end:
            pause, _ = await self.lane.step()
            self.now += max(1, round(min(pause, (end - self.now) / 1000) * 1000))

    async def states(self) -> dict[str, int]:
        return {state: number for (_, state), number in (await self.outbox.counts()).items()}


@pytest.fixture
def stage(outbox: Any) -> Stage:
    return Stage(outbox)


def failing(times: dict[str, int], outcome: Outcome) -> Callable[[str], Outcome]:
    """Ends the first so many sends of a text with an outcome; 0 or less: all of them."""
    left = dict(times)

    def ends(text: str) -> Outcome:
        if text not in left or left[text] == 0:
            return Sent()
        left[text] -= 1
        return outcome

    return ends


async def test_what_was_accepted_is_sent_once_and_in_order(stage: Stage) -> None:
    await stage.accept(1, 2, 3)
    await stage.run(seconds=1)
    assert stage.sink.shown == ["note 1", "note 2", "note 3"]
    assert await stage.states() == {State.DELIVERED: 3}


async def test_a_long_note_is_laid_out_beside_the_loop_and_a_short_one_at_once(
    stage: Stage,
) -> None:
    await stage.accept(1)
    await stage.accept(2, text="**a** " * 2000)
    await stage.run(seconds=1)
    assert len(stage.sink.shown) == 2
    assert [one is threading.current_thread() for one in stage.sink.laid_out] == [True, False]


async def test_nobody_overtakes_a_failed_one(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 2}, Failed("502"))
    await stage.accept(1, 2)
    await stage.run(seconds=60)
    assert stage.sink.tried == ["note 1", "note 1", "note 1", "note 2"]


async def test_all_attempts_of_a_delivery_have_one_key_and_no_two_deliveries_share_one(
    stage: Stage,
) -> None:
    stage.sink.ends = failing({"note 1": 2}, Failed("502"))
    await stage.accept(1, 2)
    await stage.run(seconds=60)
    first, second = set(stage.sink.keys[:3]), set(stage.sink.keys[3:])
    assert (len(first), len(second), first & second) == (1, 1, set())


async def test_waiting_for_a_rate_limit_costs_no_attempt(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 30}, RateLimited(10))
    await stage.accept(1)
    await stage.run(seconds=400)
    assert (stage.sink.shown, len(stage.sink.tried)) == (["note 1"], 31)


async def test_a_rejected_message_goes_once_more_in_plain_form_and_then_is_dead(
    stage: Stage,
) -> None:
    stage.sink.ends = failing({"note 1": -1}, Rejected("400 no"))
    await stage.accept(1, 2)
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1", "note 1", "note 2"]
    (dead,) = await stage.outbox.dead()
    assert dead.reason == "400 no"


async def test_the_plain_form_has_the_key_of_what_it_stands_for(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Rejected("400 no"))
    await stage.accept(1)
    await stage.run(seconds=1)
    assert stage.sink.keys[0] == stage.sink.keys[1]


async def test_a_closed_sink_keeps_its_backlog_until_it_is_opened(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Closed("404 unknown webhook", is_lasting=True))
    await stage.accept(1, 2)
    await stage.run(seconds=3600)
    assert stage.sink.probed == 0
    assert (stage.sink.tried, await stage.states()) == (["note 1"], {State.PENDING: 2})
    (closed,) = await stage.outbox.closed_sinks()
    assert (closed.name, closed.reason, closed.fingerprint) == (
        "team", "404 unknown webhook", "print",
    )  # fmt: skip
    await stage.outbox.open_sink("team", now=stage.now)
    await stage.run(seconds=60)
    assert stage.sink.shown == ["note 1", "note 2"]


async def test_a_closed_sink_is_asked_ever_more_rarely_and_opens_by_itself(stage: Stage) -> None:
    gone = Closed("404 10015")
    stage.sink.ends, stage.sink.answer = lambda text: gone, lambda: gone
    await stage.accept(1, 2)
    await stage.run(seconds=86_400)
    assert stage.sink.tried == ["note 1"]
    assert 8 <= stage.sink.probed <= 20
    assert [one.reason for one in await stage.outbox.closed_sinks()] == ["404 10015"]
    stage.sink.ends, stage.sink.answer = lambda text: Sent(), lambda: Sent()
    await stage.run(seconds=8 * 3600)
    assert stage.sink.shown == ["note 1", "note 2"]
    assert list(await stage.outbox.closed_sinks()) == []


async def test_a_closed_sink_is_asked_at_its_time_after_a_restart_too(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Closed("404"))
    stage.sink.answer = lambda: Closed("404 still")
    await stage.accept(1)
    await stage.run(seconds=3600)
    probed = stage.sink.probed
    stage.lane = stage.new_lane()
    (closed,) = await stage.outbox.closed_sinks()
    assert closed.probe_at is not None
    await stage.run(seconds=(closed.probe_at - stage.now) / 1000 - 1)
    assert stage.sink.probed == probed
    assert (closed.reason, closed.closed_at) == ("404 still", 1_000_000)
    stage.sink.answer = lambda: Sent()
    await stage.run(seconds=3 * 3600)
    assert stage.sink.shown == ["note 1"]


async def test_a_sink_that_seems_well_and_refuses_is_tried_ever_more_rarely(stage: Stage) -> None:
    stage.sink.ends = lambda text: Closed("400 160006")
    await stage.accept(1, 2)
    await stage.run(seconds=86_400)
    assert set(stage.sink.tried) == {"note 1"}
    assert 5 <= len(stage.sink.tried) <= 20
    assert await stage.states() == {State.PENDING: 2}


async def test_what_a_person_has_paused_is_not_asked_and_does_not_open(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Closed("404"))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.outbox.pause_sink("team", now=stage.now)
    await stage.run(seconds=86_400)
    assert stage.sink.probed == 0
    await stage.outbox.resume_sink("team")
    await stage.run(seconds=60)
    assert stage.sink.shown == ["note 1"]


async def test_a_probe_that_fails_or_is_limited_keeps_the_reason(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Closed("404"))
    answers = iter([Failed("502"), RateLimited(7200)])
    stage.sink.answer = lambda: next(answers, Sent())
    await stage.accept(1)
    await stage.run(seconds=3600)
    assert stage.sink.probed == 2
    assert [one.reason for one in await stage.outbox.closed_sinks()] == ["404"]
    await stage.run(seconds=7200)
    assert stage.sink.shown == ["note 1"]


async def test_a_probe_can_find_what_only_a_person_mends(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Closed("404"))
    stage.sink.answer = lambda: Closed("400 220001", is_lasting=True)
    await stage.accept(1)
    await stage.run(seconds=86_400)
    assert stage.sink.probed == 1
    (closed,) = await stage.outbox.closed_sinks()
    assert (closed.reason, closed.probe_at) == ("400 220001", None)


async def test_what_another_vendor_took_is_dead_and_the_rest_waits(stage: Stage) -> None:
    stage.sink.ends = lambda text: Closed("200 ok", is_lasting=True, is_taken=True)
    await stage.accept(1, 2)
    await stage.run(seconds=86_400)
    assert stage.sink.tried == ["note 1"]
    assert await stage.states() == {State.DEAD: 1, State.PENDING: 1}
    (dead,) = await stage.outbox.dead()
    assert dead.reason == "may have arrived: 200 ok"


async def test_what_a_dead_process_was_sending_is_sent_again(stage: Stage) -> None:
    await stage.accept(1)
    assert await stage.outbox.claim(ClaimRequest("team", now=stage.now, lease=LEASE)) is not None
    await stage.run(seconds=LEASE / 1000 + 1)
    assert stage.sink.shown == ["note 1"]


async def departed(stage: Stage) -> None:
    """What is due is on its way when relay is killed."""
    claim = await stage.outbox.claim(ClaimRequest("team", now=stage.now, lease=LEASE))
    assert claim is not None
    assert await stage.outbox.mark_in_doubt(claim.deliveries)


async def test_what_a_dead_process_had_claimed_but_not_begun_to_send_is_sent_in_any_case(
    outbox: Any,
) -> None:
    stage = Stage(outbox, resend=False)
    await stage.accept(1)
    assert await outbox.claim(ClaimRequest("team", now=stage.now, lease=LEASE)) is not None
    await stage.run(seconds=LEASE / 1000 + 1)
    assert stage.sink.shown == ["note 1"]


async def test_what_a_dead_process_was_sending_is_dead_where_nothing_may_come_twice(
    outbox: Any,
) -> None:
    stage = Stage(outbox, resend=False)
    await stage.accept(1)
    await departed(stage)
    await stage.run(seconds=LEASE / 1000 + 1)
    (dead,) = await outbox.dead()
    assert stage.sink.tried == []
    assert dead.reason == "may have arrived: relay ended while it was sent"


async def test_a_probe_that_fails_kills_nothing_where_nothing_may_come_twice(outbox: Any) -> None:
    stage = Stage(outbox, resend=False)
    down = Failed("503", ambiguous=True)
    stage.sink.ends, stage.sink.answer = lambda text: down, lambda: down
    await stage.accept(*range(10))
    await stage.run(seconds=3600)
    stage.sink.ends, stage.sink.answer = lambda text: Sent(), lambda: Sent()
    await stage.run(seconds=600)
    assert len(stage.sink.tried) == 10
    assert await stage.states() == {State.DEAD: 3, State.DELIVERED: 7}


async def test_an_hour_of_outage_burns_no_attempts_and_floods_nobody(stage: Stage) -> None:
    down = True
    stage.sink.ends = lambda text: Failed("connection refused") if down else Sent()
    stage.sink.answer = lambda: Failed("connection refused") if down else Sent()
    await stage.accept(*range(20))
    await stage.run(seconds=3600)
    assert len(stage.sink.tried) == 3
    assert stage.sink.probed < 40
    down = False
    await stage.run(seconds=1200)
    assert stage.sink.shown == [f"note {n}" for n in range(20)]
    assert await stage.states() == {State.DELIVERED: 20}


async def test_days_of_outage_kill_nothing(stage: Stage) -> None:
    stage.sink.ends = lambda text: Failed("503", ambiguous=True)
    stage.sink.answer = lambda: Failed("503")
    await stage.accept(1, 2)
    await stage.run(seconds=3 * 86_400)
    assert await stage.states() == {State.PENDING: 2}


async def test_a_clock_that_was_set_back_burns_no_attempts(stage: Stage) -> None:
    stage.now += 86_400_000
    stage.sink.ends = failing({"note 1": 4}, Failed("500", ambiguous=True))
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.now -= 3_600_000
    await stage.run(seconds=10)
    assert len(stage.sink.tried) == 2
    await stage.run(seconds=600)
    assert stage.sink.shown == ["note 1"]


async def test_a_chat_that_takes_no_message_though_it_answers_uses_up_the_attempts(
    stage: Stage,
) -> None:
    stage.sink.ends = lambda text: Failed("500", ambiguous=True)
    await stage.accept(1)
    await stage.run(seconds=86_400)
    assert len(stage.sink.tried) < 2 * len(SCHEDULE) + 8
    assert await stage.states() == {State.DEAD: 1}


async def test_a_chat_that_answers_but_takes_no_message_of_several_kills_none(
    stage: Stage,
) -> None:
    stage.sink.ends = lambda text: Failed("500", ambiguous=True)
    await stage.accept(1, 2, 3)
    await stage.run(seconds=3 * 86_400)
    assert await stage.states() == {State.PENDING: 3}
    assert len(stage.sink.tried) < 2 * 3 * 48


async def test_nobody_overtakes_when_a_chat_comes_back(stage: Stage) -> None:
    down = True
    stage.sink.ends = lambda text: Failed("503", ambiguous=True) if down else Sent()
    stage.sink.answer = lambda: Failed("503") if down else Sent()
    await stage.accept(1, 2, 3)
    for minutes in range(1, 12):
        await stage.run(seconds=60 * minutes)
    down = False
    await stage.run(seconds=600)
    assert stage.sink.shown == ["note 1", "note 2", "note 3"]


async def test_a_message_that_fails_while_others_arrive_sets_only_itself_aside(
    stage: Stage,
) -> None:
    stage.sink.ends = failing({"note 2": -1}, Failed("500 M_UNKNOWN", ambiguous=True))
    await stage.accept(1, 2, 3, 4)
    await stage.run(seconds=600)
    assert stage.sink.shown == ["note 1", "note 3", "note 4"]
    (dead,) = await stage.outbox.dead()
    assert dead.reason == "it failed again, while another one arrived: 500 M_UNKNOWN"


async def test_a_doubted_message_that_arrives_after_all_is_not_lost(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 5}, Failed("502"))
    await stage.accept(1, 2)
    await stage.run(seconds=600)
    assert sorted(stage.sink.shown) == ["note 1", "note 2"]
    assert await stage.states() == {State.DELIVERED: 2}


async def test_who_waits_until_it_can_write_what_it_has_sent_does_not_hang(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, failures = stage.outbox.save, [OutboxError("the disk is full")]

    async def fails_once(*given: Any, **named: Any) -> bool:
        if failures:
            raise failures.pop()
        return bool(await save(*given, **named))

    monkeypatch.setattr(stage.outbox, "save", fails_once)
    await stage.accept(1)
    stage.lane.heartbeat.beat(within=0)
    stage.now += 60_000
    await stage.lane.step()
    assert (failures, await stage.states()) == ([], {State.DELIVERED: 1})
    assert stage.lane.heartbeat.overdue == 0


async def test_whose_sink_may_belong_to_another_node_leaves_what_waits_as_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.accept(1)
    with monkeypatch.context() as lost:
        lost.setattr(stage.outbox, "owns", lambda sink: False)
        await stage.run(seconds=10)
    (one,) = await stage.outbox.deliveries(DeliverySearch())
    assert (one.attempt, one.interrupted, await stage.outbox.attempts(one.id)) == (0, False, [])
    await stage.run(seconds=10)
    assert stage.sink.shown == ["note 1"]


async def test_a_bug_in_a_sink_is_a_failure_and_shows_no_secret(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    address = "/".join(["https:", "", "hidden.example", "token"])

    def bug(text: str) -> Outcome:
        raise KeyError(address)

    stage.sink.ends = bug
    await stage.accept(1)
    await stage.run(seconds=1)
    assert await stage.states() == {State.PENDING: 1}
    assert "a bug in relay: KeyError" in str((await stage.outbox.delivery(1)).reason)
    assert "hidden.example" not in caplog.text + repr([vars(one) for one in caplog.records])


async def test_what_a_sink_may_no_longer_show_is_dead_and_never_sent(outbox: Any) -> None:
    stage = Stage(outbox)
    await stage.accept(1, visibility="followers")
    await stage.run(seconds=1)
    (dead,) = await outbox.dead()
    assert (stage.sink.tried, dead.reason) == ([], "the sink may not show this event any more")


async def test_sinks_that_share_a_limit_share_the_rest_that_it_asks_for(outbox: Any) -> None:
    stage = Stage(outbox)
    other = Lane(
        "ops",
        stage.lane_config(),
        outbox=outbox,
        clock=lambda: stage.now,
        monotonic=lambda: stage.now / 1000,
    )
    stage.sink.ends = lambda text: RateLimited(30)
    await stage.accept(1)
    await stage.lane.step()
    assert await other.step() == (30.0, False)


async def banned(outbox: Any, outcome: Outcome) -> tuple[Stage, Lane]:
    """A stage whose sink was refused, and the lane of another sink of the same vendor's."""
    vendor = Pace(((3, 600.0),))
    stage = Stage(outbox, pace=Pace(vendor=vendor))
    other = Stage(outbox, pace=Pace(vendor=vendor)).lane
    stage.sink.ends = lambda text: outcome
    await stage.accept(1)
    return stage, other


async def test_a_ban_lets_all_sinks_of_the_vendor_rest(outbox: Any) -> None:
    stage, other = await banned(outbox, RateLimited(3600, LimitScope.VENDOR))
    await stage.lane.step()
    assert await other.step() == (3600.0, False)


async def test_too_many_refusals_let_all_sinks_of_the_vendor_rest(outbox: Any) -> None:
    stage, other = await banned(outbox, RateLimited(1))
    await stage.run(seconds=10)
    assert len(stage.sink.tried) == 3
    assert (await other.step())[0] > 580
    stage.sink.ends = lambda text: Sent()
    await stage.run(seconds=600)
    assert stage.sink.shown == ["note 1"]


# --- what was accepted and is not routed yet


async def test_a_note_waits_for_its_edit_that_was_accepted(stage: Stage) -> None:
    await stage.accept(1, 2)
    (before,) = await stage.outbox.deliveries(DeliverySearch(event_id=NOTE_1))
    await stage.journal(stage.later(1, "mended"))
    await stage.run(seconds=5)
    assert stage.sink.tried == []
    (after,) = await stage.outbox.deliveries(DeliverySearch(event_id=NOTE_1))
    assert after == before
    await stage.route("team")
    await stage.run(seconds=5)
    assert stage.sink.tried == ["mended", "note 2"]


async def test_a_note_waits_for_its_withdrawal_that_was_accepted(stage: Stage) -> None:
    await stage.accept(1, 2)
    await stage.journal(stage.later(1, "secret", visibility="followers"))
    await stage.run(seconds=5)
    assert stage.sink.tried == []
    await stage.route()
    await stage.run(seconds=5)
    assert stage.sink.tried == ["note 2"]


async def test_a_note_that_quotes_one_waits_for_its_withdrawal(stage: Stage) -> None:
    await stage.accept(2, renote=a_note(1, text="quoted"))
    await stage.journal(stage.later(1, "secret", visibility="followers"))
    await stage.run(seconds=5)
    assert stage.sink.tried == []
    await stage.route()
    await stage.run(seconds=5)
    (text,) = stage.sink.tried
    assert text.startswith("note 2")
    assert "quoted" not in text


async def test_what_waits_for_the_router_keeps_its_attempts(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Failed("502"))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.journal(stage.later(1, "mended"))
    await stage.run(seconds=600)
    (delivery,) = await stage.outbox.deliveries(DeliverySearch(event_id=NOTE_1))
    assert (stage.sink.tried, delivery.attempt, delivery.crashes) == (["note 1"], 1, 0)


async def test_a_batch_ends_before_a_note_that_waits_for_the_router(outbox: Any) -> None:
    stage = Stage(outbox)
    stage.sink.max_batch = 2
    await stage.accept(1, 2, 3, 4)
    await stage.journal(stage.later(2, "mended"))
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1"]
    await stage.route("team")
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1", "mended + note 3", "note 4"]


async def test_what_is_accepted_while_its_batch_is_prepared_is_waited_for(outbox: Any) -> None:
    stage = Stage(outbox)

    async def meanwhile(text: str) -> None:
        if "note 1" in text:
            await until(lambda: len(stage.sink.laid_out) > 1)
            await stage.journal(stage.later(4, "mended"))

    stage.sink.max_batch, stage.sink.meanwhile = 2, meanwhile
    await stage.accept(1, 2, 3, 4)
    await stage.run(seconds=1)
    assert stage.sink.tried == [batch(1, 2), "note 3"]
    await stage.route("team")
    await stage.run(seconds=1)
    assert stage.sink.tried == [batch(1, 2), "note 3", "mended"]


async def test_an_edit_waits_for_a_withdrawal_of_what_its_message_shows(batching: Stage) -> None:
    await batching.accept(1, 2)
    await batching.run(seconds=1)
    await batching.edit(1, "mended")
    await batching.journal(batching.later(2, "secret", visibility="followers"))
    await batching.run(seconds=1)
    assert batching.sink.edited == {}
    await batching.route()
    await batching.run(seconds=1)
    (text,) = batching.sink.edited.values()
    assert text.startswith("mended")
    assert "note 2" not in text


# --- waiting


class Counting:
    """An outbox that counts how often a lane asks it for deliveries."""

    def __init__(self, outbox: Any) -> None:
        self._outbox = outbox
        self.looks = 0

    def __getattr__(self, name: str) -> Any:
        self.looks += name in {"claim", "due_at"}
        return getattr(self._outbox, name)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[None]:
    stop = asyncio.Event()
    stage.lane = stage.new_lane()
    task = asyncio.ensure_future(stage.lane.run(stop))
    yield
    stop.set()
    await task


async def test_events_that_come_within_a_hold_wake_no_lane(outbox: Any) -> None:
    stage = Stage(Counting(outbox), hold=600_000)
    await stage.accept(1)
    async with running(stage):
        await until(lambda: stage.outbox.looks > 0)
        looks = stage.outbox.looks
        await stage.accept(*range(2, 12))
        for _ in range(10):
            stage.lane.wake()
            await asyncio.sleep(0.01)
        assert (stage.outbox.looks, stage.sink.tried) == (looks, [])


async def test_a_lane_that_waits_for_another_attempt_looks_when_it_is_woken(outbox: Any) -> None:
    stage = Stage(Counting(outbox))
    stage.sink.ends = failing({"note 1": 1}, Failed("502"))
    await stage.accept(1)
    async with running(stage):
        await until(lambda: stage.sink.tried == ["note 1"] and stage.outbox.looks > 2)
        await stage.outbox.open_sink("team", now=stage.now)
        stage.lane.wake()
        await until(lambda: stage.sink.shown == ["note 1"])
    assert stage.sink.tried == ["note 1", "note 1"]


# --- several in one request


@pytest.fixture
def batching(stage: Stage) -> Stage:
    stage.sink.max_batch = 10
    return stage


def batch(*numbers: int) -> str:
    return " + ".join(f"note {n}" for n in numbers)


async def test_what_waits_goes_together_in_order(batching: Stage) -> None:
    await batching.accept(*range(1, 13))
    await batching.run(seconds=1)
    assert batching.sink.shown == [batch(*range(1, 11)), batch(11, 12)]
    assert await batching.states() == {State.DELIVERED: 12}


async def test_when_nothing_waits_each_goes_at_once(batching: Stage) -> None:
    for n in (1, 2):
        await batching.accept(n)
        await batching.run(seconds=0.001)
    assert batching.sink.shown == ["note 1", "note 2"]


async def test_no_more_goes_together_than_fits(batching: Stage) -> None:
    batching.sink.room = 20
    await batching.accept(1, 2)
    await batching.accept(3, text="x" * 30)
    await batching.accept(4)
    await batching.run(seconds=1)
    assert batching.sink.shown == [batch(1, 2), "x" * 30, "note 4"]


async def test_a_rejected_batch_is_split_and_costs_only_the_bad_one(batching: Stage) -> None:
    batching.sink.ends = lambda text: Rejected("400 no") if "note 3" in text else Sent()
    await batching.accept(1, 2, 3, 4)
    await batching.run(seconds=1)
    assert batching.sink.shown == ["note 1", "note 2", "note 4"]
    (dead,) = await batching.outbox.dead()
    assert (dead.reason, dead.attempt) == ("400 no", 1)


async def test_a_batch_that_was_split_keeps_its_order(outbox: Any) -> None:
    stage = Stage(outbox, hold=300)
    stage.sink.max_batch = 10
    stage.sink.ends = lambda text: Rejected("400 no") if "+" in text else Sent()
    for number, happened in ((1, 30), (2, 10), (3, 20)):
        await stage.arrive(number, happened=happened)
    await stage.run(seconds=1)
    assert stage.sink.tried == [batch(2, 3, 1), "note 2", "note 3", "note 1"]


async def test_a_batch_that_failed_goes_again_as_it_was(batching: Stage) -> None:
    batching.sink.ends = failing({batch(1, 2): 2}, Failed("502", ambiguous=True))
    await batching.accept(1, 2)
    await batching.run(seconds=1)
    await batching.accept(3)
    await batching.run(seconds=60)
    assert batching.sink.tried == [batch(1, 2)] * 3 + ["note 3"]
    first, *again = batching.sink.keys[:3]
    assert set(again) == {first}
    assert batching.sink.keys[3] != first


async def test_a_note_that_was_edited_before_it_was_told_keeps_its_place(outbox: Any) -> None:
    stage = Stage(outbox, hold=300)
    stage.sink.max_batch = 2
    stage.sink.ends = failing({"mended + note 2": 2}, Failed("502", ambiguous=True))
    for number, happened in ((1, 10), (2, 30), (3, 20)):
        await stage.arrive(number, happened=happened)
        stage.now += 60_000
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    assert stage.sink.shown == ["mended + note 2", "note 3"]
    assert len(set(stage.sink.keys[:3])) == 1


async def test_a_batch_of_which_nobody_knows_whether_it_arrived_dies_where_nothing_may_come_twice(
    outbox: Any,
) -> None:
    stage = Stage(outbox, resend=False)
    stage.sink.max_batch = 10
    stage.sink.ends = failing({batch(1, 2): 1}, Failed("timeout", ambiguous=True))
    await stage.accept(1, 2)
    await stage.run(seconds=60)
    assert (stage.sink.shown, await stage.states()) == ([], {State.DEAD: 2})


async def test_poison_in_a_batch_sets_only_itself_aside(batching: Stage) -> None:
    batching.sink.max_batch = 2
    batching.sink.ends = lambda text: Failed("500") if "note 2" in text else Sent()
    await batching.accept(1, 2, 3, 4)
    await batching.run(seconds=3600)
    assert sorted(" + ".join(batching.sink.shown).split(" + ")) == ["note 1", "note 3", "note 4"]
    (dead,) = await batching.outbox.dead()
    assert b"note 2" in dead.raw


async def test_what_may_not_be_shown_goes_with_nobody(batching: Stage) -> None:
    await batching.accept(1)
    await batching.accept(2, visibility="followers")
    await batching.accept(3)
    await batching.run(seconds=1)
    assert batching.sink.shown == ["note 1", "note 3"]
    assert await batching.states() == {State.DELIVERED: 2, State.DEAD: 1}


# --- the next batch, prepared while one is on its way


async def test_the_next_batch_is_laid_out_while_one_is_on_its_way_and_claimed_at_once(
    batching: Stage,
) -> None:
    extended = []
    extend_claim = batching.outbox.extend_claim

    async def counting(candidates: Any, *, head: Any) -> Any:
        extended.append(head.id)
        return await extend_claim(candidates, head=head)

    async def meanwhile(text: str) -> None:
        if text == batch(1, 2):
            await until(lambda: len(batching.sink.laid_out) > 1)

    batching.outbox.extend_claim = counting
    batching.sink.max_batch, batching.sink.meanwhile = 2, meanwhile
    await batching.accept(1, 2, 3, 4, 5)
    await batching.run(seconds=1)
    assert batching.sink.shown == [batch(1, 2), batch(3, 4), "note 5"]
    assert (len(extended), len(batching.sink.laid_out)) == (1, 3)
    assert await batching.states() == {State.DELIVERED: 5}


async def test_a_note_that_changes_while_its_batch_is_prepared_goes_as_it_is_then(
    outbox: Any,
) -> None:
    stage = Stage(outbox, hold=300)
    stage.sink.max_batch = 2

    async def meanwhile(text: str) -> None:
        if "note 1" in text:
            await until(lambda: len(stage.sink.laid_out) > 1)
            await stage.edit(3, "mended")

    stage.sink.meanwhile = meanwhile
    await stage.accept(1, 2, 3, 4)
    stage.now += 1_000
    await stage.run(seconds=1)
    assert stage.sink.shown == [batch(1, 2), "note 4 + mended"]


async def test_a_note_that_becomes_private_while_its_batch_is_prepared_is_not_sent(
    batching: Stage,
) -> None:
    async def meanwhile(text: str) -> None:
        if "note 1" in text:
            await until(lambda: len(batching.sink.laid_out) > 1)
            await batching.hide(4)

    batching.sink.max_batch, batching.sink.meanwhile = 2, meanwhile
    await batching.accept(1, 2, 3, 4, 5)
    await batching.run(seconds=1)
    assert batching.sink.shown[0] == batch(1, 2)
    assert sorted(" + ".join(batching.sink.shown[1:]).split(" + ")) == ["note 3", "note 5"]


async def test_a_bug_met_while_a_batch_is_prepared_does_not_repeat_the_one_before(
    batching: Stage,
) -> None:
    class Broken(Renderer):
        def notes(self, delivery: Delivery) -> Mapping[str, str]:
            if b"note 3" in delivery.raw:
                raise ValueError
            return super().notes(delivery)

    batching.sink.max_batch = 2
    batching.lane.change(batching.lane_config(renderer=Broken(TEMPLATES, {})))
    await batching.accept(1, 2, 3, 4)
    await batching.lane.step()
    assert batching.sink.tried == [batch(1, 2)]
    assert await batching.states() == {State.DELIVERED: 2, State.PENDING: 2}


async def test_a_batch_that_failed_goes_again_before_the_one_that_was_prepared(
    batching: Stage,
) -> None:
    batching.sink.max_batch = 2
    batching.sink.ends = failing({batch(1, 2): 2}, Failed("502"))
    await batching.accept(1, 2, 3, 4)
    await batching.run(seconds=60)
    assert batching.sink.tried == [batch(1, 2)] * 3 + [batch(3, 4)]


async def test_nothing_is_prepared_beside_a_batch_with_which_relay_crashed(
    batching: Stage,
) -> None:
    batching.sink.max_batch = 2
    await batching.accept(1, 2, 3, 4)
    request = ClaimRequest("team", now=batching.now, lease=LEASE)
    assert await batching.outbox.claim(request) is not None
    batching.now += LEASE
    await batching.run(seconds=0.001)
    assert batching.sink.shown == ["note 1"]
    assert batching.lane._sender.fitting == ()


# --- edits


async def test_an_edited_note_changes_its_message(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "note 1, mended")
    await stage.edit(1, "note 1, mended again")
    await stage.run(seconds=1)
    assert stage.sink.shown == ["note 1"]
    assert stage.sink.edited == {"note 1": "note 1, mended again"}


async def test_an_edit_changes_only_its_part_of_a_message(batching: Stage) -> None:
    await batching.accept(1, 2, 3)
    await batching.run(seconds=1)
    await batching.edit(2, "mended")
    await batching.edit(3, "better")
    await batching.run(seconds=1)
    assert batching.sink.edited == {batch(1, 2, 3): "note 1 + mended + better"}


async def test_an_edit_leaves_the_parts_of_a_message_where_they_are(outbox: Any) -> None:
    stage = Stage(outbox, hold=300)
    stage.sink.max_batch = 10
    for number, happened in ((1, 30), (2, 20), (3, 10)):
        await stage.arrive(number, happened=happened)
        stage.now += 60_000 * (number - 1)  # the first two within one hold
    await stage.run(seconds=1)
    await stage.edit(3, "mended")
    await stage.run(seconds=1)
    assert stage.sink.edited == {batch(2, 1, 3): "note 2 + note 1 + mended"}


async def test_an_edit_is_told_anew_where_the_chat_cannot_change_messages(stage: Stage) -> None:
    stage.sink.can_edit = False
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "mended")
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1", "mended"]


async def test_an_edit_is_told_anew_where_the_message_is_gone(stage: Stage) -> None:
    stage.sink.ends = failing({"edit mended": -1}, Rejected("404 unknown message"))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "mended")
    await stage.run(seconds=1)
    await stage.edit(1, "better")
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1", "edit mended", "mended", "edit better"]
    assert stage.sink.edited == {"mended": "better"}


async def test_an_edit_that_failed_is_tried_again_also_where_nothing_may_come_twice(
    outbox: Any,
) -> None:
    stage = Stage(outbox, resend=False)
    stage.sink.ends = failing({"edit mended": 2}, Failed("timeout", ambiguous=True))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    assert stage.sink.edited == {"note 1": "mended"}
    assert await stage.states() == {State.DELIVERED: 2}


async def test_an_edit_that_is_told_anew_has_one_key_and_one_wording_in_all_attempts(
    stage: Stage,
) -> None:
    stage.sink.can_edit = False
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"mended": 2}, Failed("timeout", ambiguous=True))
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    assert stage.sink.shown == ["note 1", "mended"]
    assert len(set(stage.sink.keys[1:])) == 1
    assert set(stage.sink.titles[1:]) == {"Edited"}


@pytest.mark.parametrize("refusal", [Rejected("400 too old"), None])
async def test_an_edit_that_may_have_been_told_anew_is_dead_where_nothing_may_come_twice(
    outbox: Any, refusal: Outcome | None
) -> None:
    stage = Stage(outbox, resend=False)
    stage.sink.can_edit = refusal is not None
    stage.sink.ends = lambda text: refusal if refusal and text.startswith("edit") else Sent()
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "mended")
    await departed(stage)
    await stage.run(seconds=LEASE / 1000 + 1)
    (dead,) = await outbox.dead()
    assert dead.reason == "may have arrived: relay ended while it was sent"
    assert stage.sink.shown == ["note 1"]


async def test_an_edit_told_anew_without_an_answer_is_dead_where_nothing_may_come_twice(
    outbox: Any,
) -> None:
    stage = Stage(outbox, resend=False)
    stage.sink.can_edit = False
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: Failed("timeout", ambiguous=True)
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    assert stage.sink.tried == ["note 1", "mended"]
    assert await stage.states() == {State.DELIVERED: 1, State.DEAD: 1}


async def test_an_edit_that_was_set_aside_does_not_undo_a_later_one(stage: Stage) -> None:
    stage.sink.ends = failing({"edit second": 5}, Failed("502"))
    await stage.accept(1, text="first")
    await stage.run(seconds=1)
    await stage.edit(1, "second")
    await stage.run(seconds=1)
    await stage.edit(1, "third")
    await stage.run(seconds=600)
    assert stage.sink.tried == ["first", "edit second", "edit third", "edit third"]
    assert stage.sink.edited == {"first": "third"}
    assert await stage.states() == {State.DELIVERED: 3}


@pytest.mark.parametrize("reach", [LimitScope.MESSAGE, LimitScope.EDITS])
async def test_an_edit_that_must_wait_delays_no_new_message(
    batching: Stage, reach: LimitScope
) -> None:
    stage = batching
    await stage.accept(1, 2)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit mended + note 2": 1}, RateLimited(600, reach))
    await stage.edit(1, "mended")
    await stage.accept(3, 4, 5)
    await stage.run(seconds=60)
    await stage.accept(6)
    await stage.run(seconds=60)
    assert stage.sink.shown == ["note 1 + note 2", "note 3 + note 4 + note 5", "note 6"]
    assert await stage.states() == {State.DELIVERED: 6, State.PENDING: 1}
    await stage.run(seconds=600)
    assert stage.sink.edited == {"note 1 + note 2": "mended + note 2"}
    assert await stage.states() == {State.DELIVERED: 7}


async def test_a_hundred_edits_that_must_wait_delay_no_new_message(stage: Stage) -> None:
    notes = range(100)
    await stage.accept(*notes)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: (
        RateLimited(3600, LimitScope.MESSAGE) if "edit" in text else Sent()
    )
    for number in notes:
        await stage.edit(number, f"mended {number}")
    await stage.run(seconds=60)
    await stage.accept(500)
    await stage.run(seconds=60)
    assert stage.sink.shown[-1] == "note 500"
    stage.sink.ends = lambda text: Sent()
    await stage.run(seconds=7200)
    assert len(stage.sink.edited) == 100
    assert await stage.states() == {State.DELIVERED: 201}


@pytest.mark.parametrize(("reach", "asked"), [(LimitScope.EDITS, 1), (LimitScope.MESSAGE, 2)])
async def test_other_edits_do_not_ask_while_all_must_wait_and_do_where_one_must(
    stage: Stage, reach: LimitScope, asked: int
) -> None:
    await stage.accept(1, 2)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit a": -1, "edit b": -1}, RateLimited(600, reach))
    await stage.edit(1, "a")
    await stage.edit(2, "b")
    await stage.run(seconds=60)
    assert len([one for one in stage.sink.tried if one.startswith("edit")]) == asked
    stage.sink.ends = lambda text: Sent()
    await stage.run(seconds=1200)
    assert list(stage.sink.edited.values()) == ["a", "b"]


async def test_an_edit_waits_over_a_restart_and_still_delays_nobody(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit mended": -1}, RateLimited(600, LimitScope.MESSAGE))
    await stage.edit(1, "mended")
    await stage.run(seconds=1)
    stage.lane = stage.new_lane()
    await stage.accept(2)
    await stage.run(seconds=30)
    assert stage.sink.shown == ["note 1", "note 2"]


async def test_a_failing_edit_delays_no_new_message(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit mended": 2}, Failed("502"))
    await stage.edit(1, "mended")
    await stage.accept(2)
    await stage.run(seconds=1)
    assert stage.sink.shown == ["note 1", "note 2"]
    await stage.run(seconds=600)
    assert stage.sink.edited == {"note 1": "mended"}


# --- what somebody removed from the chat

GONE = Rejected("404 10008 Unknown Message", is_removed=True)


async def test_what_somebody_removed_is_not_said_again_by_an_edit(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit mended": -1, "edit again": -1}, GONE)
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    await stage.edit(1, "again")
    await stage.accept(2)
    await stage.run(seconds=60)
    assert stage.sink.tried == ["note 1", "edit mended", "edit again", "note 2"]
    assert [one.reason for one in await stage.outbox.dead()] == [GONE.reason] * 2


async def test_of_a_message_that_was_removed_with_many_notes_none_is_said_again(
    batching: Stage,
) -> None:
    await batching.accept(*range(10))
    await batching.run(seconds=1)
    batching.sink.ends = lambda text: GONE if "edit" in text else Sent()
    await batching.edit(3, "three")
    await batching.edit(4, "four")
    await batching.run(seconds=60)
    assert len(batching.sink.shown) == 1
    assert [one.reason for one in await batching.outbox.dead()] == [GONE.reason] * 2


async def test_what_somebody_removed_and_then_became_private_is_settled(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({f"edit {HIDDEN}": -1}, GONE)
    await stage.hide(1)
    await stage.run(seconds=60)
    assert len(stage.sink.tried) == 2
    assert await stage.states() == {State.DELIVERED: 2}


async def test_what_cannot_be_changed_for_another_reason_is_said_anew(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = failing({"edit mended": -1}, Rejected("400 no"))
    await stage.edit(1, "mended")
    await stage.run(seconds=60)
    assert stage.sink.shown == ["note 1", "mended"]


# --- limits without a word of how long


async def test_limits_that_name_no_pause_come_ever_more_rarely_and_are_told(stage: Stage) -> None:
    banned = RateLimited(5, LimitScope.VENDOR, reason="429 error code: 1015", is_pause_stated=False)
    stage.sink.ends = failing({"note 1": -1}, banned)
    await stage.accept(1)
    await stage.run(seconds=3600)
    assert len(stage.sink.tried) == 10
    assert (await stage.outbox.last_failures())["team"].reason == "429 error code: 1015"
    (waiting,) = await stage.outbox.deliveries(DeliverySearch())
    assert waiting.reason == "429 error code: 1015"
    stage.sink.ends = lambda text: Sent()
    await stage.run(seconds=3600)
    stage.sink.tried.clear()
    stage.sink.ends = failing({"note 2": 2}, banned)
    await stage.accept(2)
    await stage.run(seconds=16)
    assert stage.sink.shown == ["note 1", "note 2"]


async def test_an_edit_keeps_its_place_in_the_line(batching: Stage) -> None:
    await batching.accept(1)
    await batching.run(seconds=1)
    await batching.accept(2)
    await batching.edit(1, "mended")
    await batching.accept(3)
    await batching.run(seconds=1)
    assert batching.sink.tried == ["note 1", "note 2", "edit mended", "note 3"]


# --- a note that becomes private

HIDDEN = "🔒 a note that may not be shown here"
FIRST, SECOND = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"
LATE = "the chat may still show what became private"


async def reasons(stage: Stage) -> list[str | None]:
    return [one.reason for one in await stage.outbox.dead()]


async def test_a_note_that_became_private_while_it_waited_does_not_go(stage: Stage) -> None:
    await stage.accept(1, 2)
    await stage.hide(1)
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 2"]
    assert await reasons(stage) == [WITHHELD]


@pytest.mark.parametrize("outcome", [RateLimited(10), Failed("502"), Closed("404")])
async def test_nor_does_one_that_waited_for_another_attempt(stage: Stage, outcome: Outcome) -> None:
    stage.sink.ends = failing({"note 1": 1}, outcome)
    await stage.accept(1, 2)
    await stage.lane.step()
    await stage.hide(1)
    await stage.outbox.open_sink("team", now=stage.now)
    await stage.run(seconds=60)
    assert stage.sink.tried == ["note 1", "note 2"]
    assert set(await reasons(stage)) == {WITHHELD}


async def test_of_a_batch_that_failed_only_what_became_private_stays(batching: Stage) -> None:
    batching.sink.ends = failing({batch(1, 2, 3): 1}, Failed("502"))
    await batching.accept(1, 2, 3)
    await batching.lane.step()
    await batching.hide(2)
    await batching.run(seconds=60)
    assert batching.sink.shown == ["note 1", "note 3"]


async def test_what_was_told_before_it_became_private_is_taken_back(batching: Stage) -> None:
    await batching.accept(1, 2)
    await batching.run(seconds=1)
    await batching.hide(1, updatedAt=FIRST)
    await batching.run(seconds=1)
    assert batching.sink.edited == {batch(1, 2): f"{HIDDEN} + note 2"}
    await batching.edit(2, "mended")
    await batching.run(seconds=1)
    assert batching.sink.edited == {batch(1, 2): f"{HIDDEN} + mended"}
    await batching.edit(1, "public again", updatedAt=SECOND)
    await batching.run(seconds=1)
    assert batching.sink.edited == {batch(1, 2): "public again + mended"}
    assert "secret" not in str(batching.sink.tried)


async def test_a_change_of_another_part_does_not_show_once_more_what_became_private(
    batching: Stage,
) -> None:
    await batching.accept(1, 2)
    await batching.run(seconds=1)
    await batching.edit(2, "mended")
    await batching.hide(1)
    await batching.run(seconds=1)
    assert batching.sink.tried[1:] == [f"edit {HIDDEN} + mended"] * 2


async def test_what_must_be_taken_back_is_tried_once_more_in_plain_form(batching: Stage) -> None:
    batching.sink.ends = failing({f"edit {HIDDEN} + note 2": 1}, Rejected("400 no"))
    await batching.accept(1, 2)
    await batching.run(seconds=1)
    await batching.hide(1)
    await batching.run(seconds=1)
    assert batching.sink.edited == {batch(1, 2): f"{HIDDEN} + note 2"}
    assert await batching.outbox.dead() == []


async def test_what_cannot_be_taken_back_now_does_not_hold_up_the_others(stage: Stage) -> None:
    outcomes = iter([Sent(), Rejected("400 no"), RateLimited(100)])
    stage.sink.ends = lambda text: next(outcomes, Sent())
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.hide(1)
    await stage.accept(2)
    await stage.run(seconds=200)
    assert stage.sink.tried[:4] == ["note 1", f"edit {HIDDEN}", f"edit {HIDDEN}", "note 2"]
    assert stage.sink.edited == {"note 1": HIDDEN}
    assert await reasons(stage) == []


async def test_where_nothing_can_be_taken_back_the_operator_is_told(stage: Stage) -> None:
    stage.sink.can_edit = False
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.hide(1)
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1"]
    assert await reasons(stage) == [f"{LATE}: messages here cannot be changed: {REMOVE}"]


@pytest.mark.parametrize("how", [Closed("404"), Closed("401"), Rejected("400"), Failed("500")])
async def test_what_was_refused_once_is_taken_back_when_the_chat_lets_us(
    stage: Stage, how: Outcome
) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: how
    stage.sink.answer = lambda: how if isinstance(how, Closed) else Sent()
    await stage.hide(1)
    await stage.run(seconds=60)
    assert bool(await stage.outbox.closed_sinks()) is isinstance(how, Closed)
    stage.sink.ends, stage.sink.answer = lambda text: Sent(), lambda: Sent()
    await stage.outbox.open_sink("team", now=stage.now)
    await stage.run(seconds=600)
    assert stage.sink.edited == {"note 1": HIDDEN}
    assert await reasons(stage) == []


async def test_where_only_this_message_is_refused_the_sink_stays_open_and_others_go(
    stage: Stage,
) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: Closed("403") if text.startswith("edit") else Sent()
    await stage.hide(1)
    await stage.run(seconds=1)
    await stage.accept(2)
    await stage.run(seconds=1)
    assert stage.sink.shown == ["note 1", "note 2"]
    assert list(await stage.outbox.closed_sinks()) == []
    assert not stage.lane.is_failing
    await stage.run(seconds=3600)
    assert await reasons(stage) == [f"{LATE}: 403"]


async def test_what_was_given_up_is_tried_again_when_the_note_comes_again_or_a_person_says_so(
    stage: Stage,
) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: Rejected("400") if text.startswith("edit") else Sent()
    await stage.hide(1)
    await stage.run(seconds=3600)
    (letter,) = await stage.outbox.dead()
    await stage.outbox.revive([letter.id], now=stage.now)
    await stage.run(seconds=3600)
    assert await reasons(stage) == [f"{LATE}: 400"]
    stage.sink.ends = lambda text: Sent()
    await stage.hide(1)
    await stage.run(seconds=1)
    assert stage.sink.edited == {"note 1": HIDDEN}


async def test_what_is_no_more_in_the_chat_is_taken_back(stage: Stage) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: Rejected("404 unknown message", is_removed=True)
    await stage.hide(1)
    await stage.run(seconds=1)
    assert await stage.states() == {State.DELIVERED: 2}


@pytest.mark.parametrize("happened", [0, 10**18])
@pytest.mark.parametrize("is_told", [False, True])
async def test_a_note_that_became_private_is_gone_whatever_its_clock_said(
    stage: Stage, happened: int, is_told: bool
) -> None:
    await stage.accept(1)
    if is_told:
        await stage.run(seconds=1)
    await stage.hide(1, happened=happened)
    await stage.accept(1, kind="reply")
    await stage.edit(1, "as it was before")
    await stage.run(seconds=60)
    assert stage.sink.shown == (["note 1"] if is_told else [])
    assert stage.sink.edited == ({"note 1": HIDDEN} if is_told else {})


async def test_of_two_versions_with_a_time_the_later_one_holds_though_it_came_first(
    stage: Stage,
) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "public again", updatedAt=SECOND)
    await stage.hide(1, updatedAt=FIRST)
    await stage.run(seconds=60)
    assert stage.sink.edited == {"note 1": "public again"}


@pytest.mark.parametrize(
    "change",
    [{"visibility": "specified"}, {"localOnly": True}, {"deletedAt": SECOND}],
    ids=["specified", "local-only", "deleted"],
)
async def test_nothing_of_it_goes_that_waits_inside_other_notes(
    stage: Stage, change: dict[str, Any]
) -> None:
    inner = a_note_event(1, text="careless").event["body"]["note"]
    await stage.accept(2, text="look", renote=inner, renoteId=inner["id"])
    await stage.accept(3, text="answer", reply=inner, replyId=inner["id"])
    await stage.hide(1, **{"visibility": "public", **change})
    await stage.run(seconds=1)
    assert stage.sink.shown
    assert "careless" not in str(stage.sink.messages)


async def test_a_copy_that_says_that_it_is_later_is_shown(stage: Stage) -> None:
    inner = a_note_event(1, text="mended", updatedAt=SECOND).event["body"]["note"]
    await stage.hide(1, updatedAt=FIRST)
    await stage.accept(2, text="look", renote=inner, renoteId=inner["id"])
    await stage.run(seconds=1)
    assert "mended" in str(stage.sink.messages)


async def test_what_comes_after_it_became_private_is_not_told_where_nothing_was_told_before(
    stage: Stage,
) -> None:
    await stage.hide(1)
    await stage.accept(1)
    await stage.run(seconds=1)
    assert stage.sink.tried == []
    assert await reasons(stage) == [WITHHELD]


async def test_what_may_have_arrived_before_it_became_private_is_said_to(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Failed("timeout", ambiguous=True))
    await stage.accept(1)
    await stage.lane.step()
    await stage.hide(1)
    await stage.run(seconds=60)
    assert set(await reasons(stage)) == {
        f"{WITHHELD}, and may have arrived before",
        f"{LATE}: it may have arrived, but its message is not known: {REMOVE}",
    }


async def test_where_a_repetition_is_known_it_is_taken_back_though_no_answer_came(
    outbox: Any,
) -> None:
    stage = Stage(outbox, is_idempotent=True)
    stage.sink.ends = failing({"note 1": 1}, Failed("timeout", ambiguous=True))
    await stage.accept(1)
    await stage.lane.step()
    await stage.hide(1)
    await stage.run(seconds=60)
    assert len(set(stage.sink.keys)) == 1
    assert stage.sink.edited == {HIDDEN: HIDDEN}  # the chat tells which message that is
    assert await reasons(stage) == []


async def test_an_edit_that_waits_does_not_go_once_a_later_one_made_the_note_private(
    stage: Stage,
) -> None:
    stage.sink.ends = failing({"edit careless": 1}, Failed("502"))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.edit(1, "careless")
    await stage.lane.step()
    await stage.hide(1)
    await stage.run(seconds=60)
    assert stage.sink.tried == ["note 1", "edit careless", f"edit {HIDDEN}"]


async def test_nobody_revives_what_became_private(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": -1}, Rejected("400 no"))
    await stage.accept(1)
    await stage.run(seconds=1)
    await stage.hide(1)
    await stage.run(seconds=1)
    stage.sink.tried.clear()
    assert await stage.outbox.revive([one.id for one in await stage.outbox.dead()], now=stage.now)
    await stage.run(seconds=1)
    assert stage.sink.tried == []
    assert await reasons(stage) == [WITHHELD] * 2


async def test_an_earlier_version_that_comes_late_is_not_told_after_a_private_one(
    stage: Stage,
) -> None:
    await stage.accept(1)
    await stage.hide(1)
    await stage.run(seconds=1)
    await stage.accept(1, kind="reply")
    await stage.run(seconds=1)
    assert stage.sink.tried == []


async def test_where_nothing_was_told_nothing_is_taken_back(stage: Stage) -> None:
    await stage.hide(1)
    await stage.run(seconds=1)
    assert await stage.states() == {}


# --- where nothing may come twice


async def doubtful(outbox: Any) -> Stage:
    """A note of which nobody knows whether it arrived."""
    stage = Stage(outbox, resend=False)
    stage.sink.ends = failing({"note 1": 1}, Failed("timeout", ambiguous=True))
    await stage.accept(1)
    await stage.run(seconds=1)
    return stage


async def test_what_may_have_arrived_is_not_told_again_by_a_sibling(outbox: Any) -> None:
    stage = await doubtful(outbox)
    await stage.accept(1, kind="reply")
    await stage.run(seconds=1)
    assert stage.sink.tried == ["note 1"]
    assert await stage.states() == {State.DEAD: 1, State.DELIVERED: 1}


async def test_an_edit_of_what_may_have_arrived_says_that_it_is_one(outbox: Any) -> None:
    stage = await doubtful(outbox)
    await stage.edit(1, "mended")
    await stage.run(seconds=1)
    assert (stage.sink.shown, stage.sink.titles[1:]) == (["mended"], ["Edited"])


# --- attempts


async def test_an_attempt_is_on_record_with_how_it_ended(stage: Stage) -> None:
    stage.sink.ends = failing({"note 1": 1}, Failed("502"))
    await stage.accept(1)
    await stage.run(seconds=60)
    ended = [(one.outcome, one.reason) for one in await stage.outbox.attempts(1)]
    assert ended == [("Failed", "502"), ("Sent", None)]


@pytest.mark.parametrize("refusal", [Rejected("400 too old"), Closed("404 unknown message")])
async def test_a_change_that_is_refused_is_told_anew_and_closes_nothing(
    stage: Stage, refusal: Outcome
) -> None:
    await stage.accept(1)
    await stage.run(seconds=1)
    stage.sink.ends = lambda text: refusal if text.startswith("edit") else Sent()
    await stage.edit(1, "note 1, mended")
    await stage.run(seconds=1)
    assert stage.sink.shown == ["note 1", "note 1, mended"]
    assert list(await stage.outbox.closed_sinks()) == []


# --- another configuration


async def test_what_is_under_way_ends_as_it_began_and_the_next_goes_by_the_new_duty(
    stage: Stage,
) -> None:
    other = Script()

    def change(text: str) -> Outcome:
        stage.lane.change(stage.lane_config(sink=other, fingerprint="another"))
        return Sent()

    stage.sink.ends = change
    await stage.accept(1, 2)
    await stage.run(seconds=1)
    assert (stage.sink.shown, other.shown) == (["note 1"], ["note 2"])


async def test_a_sink_that_was_changed_meanwhile_is_not_closed_for_what_the_old_one_said(
    stage: Stage,
) -> None:
    other = Script()

    def change(text: str) -> Outcome:
        stage.lane.change(stage.lane_config(sink=other, fingerprint="another"))
        return Closed("404 gone")

    stage.sink.ends = change
    await stage.accept(1)
    await stage.run(seconds=1)
    assert list(await stage.outbox.closed_sinks()) == []
    assert other.shown == ["note 1"]


@pytest.mark.parametrize(
    ("fingerprint", "is_sick"),
    [
        pytest.param("print", True, id="the same sink"),
        pytest.param("another", False, id="another sink"),
    ],
)
async def test_only_another_sink_is_taken_for_well(
    stage: Stage, fingerprint: str, is_sick: bool
) -> None:
    stage.sink.ends = lambda text: Failed("502")
    await stage.accept(1)
    await stage.run(seconds=60)
    assert stage.lane.is_failing
    stage.lane.change(stage.lane_config(fingerprint=fingerprint))
    await stage.lane.step()
    assert stage.lane.is_failing is is_sick
