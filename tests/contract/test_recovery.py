"""How soon messages come when a chat is well again, by a clock that only the test moves."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from relay import misskey
from relay.delivery.lane import LEASE, Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.outbox import ClaimRequest, DeliverySearch
from relay.outcome import Delivery, Failed, Outcome, Sent, State
from relay.rendering.templates import Templates
from relay.sinks.base import Layout
from relay.text.message import Message
from relay.text.tree import text_of
from tests.factories import accept
from tests.fakes.misskey import a_note_event

TEMPLATES = Templates()
SCHEDULE = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0)
MINUTE = 60_000
REFUSED = Failed("connection refused", unsent=True)
BUSY = Failed("503", ambiguous=True)


@dataclass
class Chat:
    """Ends a send as ``ends`` says of its text, and a probe as ``answers`` says."""

    ends: Callable[[str], Outcome] = lambda text: Sent()
    answers: Callable[[], Outcome] = lambda: Sent()
    shown: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    max_batch: int = 1
    can_edit: bool = True

    async def probe(self) -> Outcome:
        return self.answers()

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        return Layout({"text": text_of(messages[0].body)}, 1)

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        text = layout.payload["text"]
        self.tried.append(text)
        outcome = self.ends(text)
        if isinstance(outcome, Sent):
            self.shown.append(text)
        return outcome


class Stage:
    """A chat, and a lane to it that may be killed and started again."""

    def __init__(self, outbox: Any, **policy: Any) -> None:
        self.outbox, self.chat, self.now = outbox, Chat(), 10**9
        self.policy = DeliveryPolicy(schedule=SCHEDULE, **policy)
        self.shown_at: dict[str, int] = {}
        self.number = 0
        self.start()

    def start(self) -> None:
        lane_config = LaneConfig(
            sink=self.chat,  # type: ignore[arg-type]
            policy=self.policy,
            renderer=Renderer(TEMPLATES, {}),
            fingerprint="",
        )
        self.lane = Lane(
            "team",
            lane_config,
            outbox=self.outbox,
            clock=lambda: self.now,
            monotonic=lambda: self.now / 1000,
        )

    async def restart(self) -> None:
        """As after ``kill -9``: what the lane knew is gone."""
        await self.outbox.recover(now=self.now)
        self.start()

    async def accept(self, *texts: str) -> None:
        for text in texts:
            self.number += 1
            raw = a_note_event(self.number, text=text).body
            event = misskey.parse(raw, hook="alice")
            assert await accept(self.outbox, event, raw, {"team": "all"}, now=self.now)

    async def run(self, *, seconds: float) -> None:
        end = self.now + round(seconds * 1000)
        while self.now < end:
            pause, _ = await self.lane.step()
            for text in self.chat.shown:
                self.shown_at.setdefault(text, self.now)
            self.now += max(1, round(min(pause, (end - self.now) / 1000) * 1000))

    async def states(self) -> dict[str, int]:
        return {state: number for (_, state), number in (await self.outbox.counts()).items()}

    async def one(self) -> Delivery:
        (found,) = await self.outbox.deliveries(DeliverySearch())
        return found  # type: ignore[no-any-return]


@pytest.fixture
def stage(outbox: Any) -> Stage:
    return Stage(outbox)


MATRIX = {"is_idempotent": True}


@pytest.mark.parametrize("is_idempotent", [False, True])
@pytest.mark.parametrize("seconds", [1, 7, 30, 60, 100, 180, 240, 270])
@pytest.mark.parametrize("answers", [Sent(), BUSY])
async def test_messages_come_within_a_minute_of_the_end_of_an_outage(
    outbox: Any, seconds: int, is_idempotent: bool, answers: Outcome
) -> None:
    stage = Stage(outbox, is_idempotent=is_idempotent)
    stage.chat.ends, stage.chat.answers = lambda text: BUSY, lambda: answers
    began = stage.now
    for number in range(3):
        await stage.accept(f"during {number}")
        await stage.run(seconds=seconds / 3)
    ended = stage.now
    stage.chat.ends, stage.chat.answers = lambda text: Sent(), lambda: Sent()
    await stage.accept("after")
    await stage.run(seconds=600)
    assert max(stage.shown_at.values()) - ended < MINUTE, (ended - began, stage.shown_at)
    assert stage.chat.shown == [f"during {number}" for number in range(3)] + ["after"]


@pytest.mark.parametrize("hours", [1, 6, 24, 72])
async def test_where_a_repetition_is_harmless_they_come_within_minutes_of_any_outage(
    outbox: Any, hours: int
) -> None:
    stage = Stage(outbox, **MATRIX)
    stage.chat.ends = lambda text: BUSY
    await stage.accept("one", "two", "three")
    await stage.run(seconds=hours * 3600)
    ended = stage.now
    stage.chat.ends = lambda text: Sent()
    await stage.run(seconds=3600)
    assert max(stage.shown_at.values()) - ended < 6 * MINUTE
    assert await stage.states() == {State.DELIVERED: 3}


async def test_a_restart_in_the_middle_of_an_outage_makes_nothing_wait_longer(stage: Stage) -> None:
    stage.chat.ends = lambda text: BUSY
    await stage.accept("one", "two")
    await stage.run(seconds=200)
    await stage.restart()
    await stage.run(seconds=40)
    ended = stage.now
    stage.chat.ends = lambda text: Sent()
    await stage.run(seconds=600)
    assert max(stage.shown_at.values()) - ended < MINUTE


@pytest.mark.parametrize("seed", range(8))
async def test_a_chat_that_flaps_gets_everything_that_is_no_poison(outbox: Any, seed: int) -> None:
    stage, dice = Stage(outbox), random.Random(seed)
    stage.chat.ends = lambda text: BUSY if dice.random() < 0.3 else Sent()
    for number in range(40):
        await stage.accept(f"note {number}")
        await stage.run(seconds=dice.random() * 60)
    await stage.run(seconds=3600)
    assert await stage.states() == {State.DELIVERED: 40}


@pytest.mark.parametrize("big", [1, 2, 3, 5])
async def test_messages_that_a_chat_cannot_take_are_set_aside_and_the_others_come(
    stage: Stage, big: int
) -> None:
    stage.chat.ends = lambda text: BUSY if "big" in text else Sent()
    await stage.accept(*(f"big {number}" for number in range(big)), "small", "smaller")
    await stage.run(seconds=24 * 3600)
    assert stage.chat.shown == ["small", "smaller"]
    assert await stage.states() == {State.DELIVERED: 2, State.DEAD: big}
    assert max(stage.chat.tried.count(f"big {number}") for number in range(big)) < 24


async def test_one_poisoned_message_delays_its_own_sink_only_briefly(stage: Stage) -> None:
    stage.chat.ends = lambda text: BUSY if text == "big" else Sent()
    await stage.accept("big", "small")
    await stage.run(seconds=600)
    assert stage.shown_at["small"] - 10**9 < 3 * MINUTE
    began = stage.now
    await stage.accept("next")
    await stage.run(seconds=600)
    assert stage.shown_at["next"] - began < 3 * MINUTE
    assert await stage.states() == {State.DELIVERED: 2, State.DEAD: 1}


@pytest.mark.parametrize("policy", [{}, MATRIX, {"resend": False}])
async def test_a_message_that_alone_keeps_failing_is_dead_in_the_end(
    outbox: Any, policy: dict[str, Any]
) -> None:
    stage = Stage(outbox, **policy)
    stage.chat.ends = lambda text: BUSY
    await stage.accept("one")
    await stage.run(seconds=3 * 86_400)
    assert await stage.states() == {State.DEAD: 1}


# --- restarts


@pytest.mark.parametrize("resend", [True, False])
@pytest.mark.parametrize("answers", [REFUSED, BUSY, Sent()])
async def test_restarts_in_an_outage_burn_no_attempts(
    outbox: Any, answers: Outcome, resend: bool
) -> None:
    stage = Stage(outbox, resend=resend)
    stage.chat.ends, stage.chat.answers = lambda text: REFUSED, lambda: answers
    await stage.accept("one")
    for _ in range(40):
        await stage.run(seconds=7)
        await stage.restart()
    stage.chat.ends, stage.chat.answers = lambda text: Sent(), lambda: Sent()
    await stage.run(seconds=60)
    assert stage.chat.shown == ["one"]


async def test_nor_do_restarts_while_a_chat_answers_that_it_is_busy(stage: Stage) -> None:
    stage.chat.ends, stage.chat.answers = lambda text: BUSY, lambda: BUSY
    await stage.accept("one")
    for _ in range(40):
        await stage.run(seconds=7)
        await stage.restart()
    assert (await stage.one()).attempt <= 4  # as the schedule has it in five minutes


@pytest.mark.parametrize("resend", [True, False])
async def test_kills_before_anything_was_sent_burn_no_attempts(outbox: Any, resend: bool) -> None:
    stage = Stage(outbox, resend=resend)
    await stage.accept("one")
    for _ in range(15):
        assert await outbox.claim(ClaimRequest("team", now=stage.now, lease=LEASE)) is not None
        stage.now += 1000
        await stage.restart()
    assert (await stage.one()).attempt == 1
    await stage.run(seconds=60)
    assert stage.chat.shown == ["one"]


async def test_kills_in_quick_succession_set_nothing_aside(stage: Stage) -> None:
    await stage.accept("one")
    for _ in range(60):
        assert (
            await stage.outbox.claim(ClaimRequest("team", now=stage.now, lease=LEASE)) is not None
        )
        stage.now += 1000
        await stage.restart()
    await stage.run(seconds=300)
    assert stage.chat.shown == ["one"]


async def test_kills_while_a_sick_sink_is_probed_count_for_nothing(stage: Stage) -> None:
    class KilledError(BaseException):
        pass

    def killed() -> Outcome:
        raise KilledError

    stage.chat.ends = lambda text: REFUSED
    await stage.accept("one")
    await stage.run(seconds=30)
    stage.chat.answers = killed
    for _ in range(40):
        with pytest.raises(KilledError):
            await stage.run(seconds=600)
        await stage.restart()
    assert ((await stage.one()).attempt, (await stage.one()).crashes) == (0, 0)


async def test_a_message_with_which_relay_always_ends_is_set_aside(stage: Stage) -> None:
    class EndError(BaseException):
        pass

    def end(text: str) -> Outcome:
        if text == "deadly":
            raise EndError
        return Sent()

    stage.chat.ends = end
    await stage.accept("deadly", "harmless")
    ends = 0
    while await stage.outbox.pending_count():
        try:
            await stage.run(seconds=60)
        except EndError:
            ends += 1
            await stage.restart()
    assert ends == 100
    assert stage.chat.shown == ["harmless"]
    (letter,) = await stage.outbox.dead()
    assert letter.reason == "relay ended 100 times while it was sent"
