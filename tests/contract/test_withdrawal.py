"""
Whatever happens to a note and to its chat: what became private is not shown, or a letter says so.

The machine plays authors with wrong clocks, a chat that fails in every way, and crashes, against a
real outbox and a real lane.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from relay.delivery.lane import Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.intake.backlog_limit import BacklogLimit
from relay.intake.router import Router
from relay.intake.rules import RoutingRules
from relay.model import Gate
from relay.outbox import Outbox
from relay.outbox.records import journal_entry
from relay.outcome import STILL_SHOWN, Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.rendering.templates import Templates
from relay.routing.index import RouteIndex
from relay.routing.match import Route
from relay.sinks.base import Layout
from relay.text.message import Message
from tests.factories import Opener
from tests.fakes.misskey import a_note_event

T = TypeVar("T")
TEMPLATES = Templates()
DAY = 86_400
NOTES = 3
KINDS = ("note", "mention", "reply", "edited")

notes = st.integers(1, NOTES)
clocks = st.integers(-(10**9), 10**9)
times = st.none() | st.integers(1, 5)
REFUSALS: Sequence[Outcome] = (
    RateLimited(20.0),
    Failed("502"),
    Failed("no answer", ambiguous=True),
    Failed("refused", unsent=True),
    Rejected("400"),
    Closed("403"),
)


@dataclass(frozen=True)
class Version:
    """A note as its author wrote it at one time."""

    note: int
    text: str
    is_private: bool
    updated: int | None

    def hides(self, other: "Version") -> bool:
        """Whether nobody may be shown the other one any more."""
        if not self.is_private or self.note != other.note:
            return False
        return not (self.updated and other.updated and other.updated > self.updated)

    @property
    def fields(self) -> dict[str, Any]:
        fields = {"text": self.text, "visibility": "followers" if self.is_private else "public"}
        if self.updated is None:
            return fields
        return fields | {"updatedAt": f"2026-01-01T00:00:0{self.updated}.000Z"}


class Chat:
    """Gives one ``answer`` to all sends; ``stores``: whether it shows all the same what it got."""

    max_batch = 1
    can_edit = True
    is_idempotent = False
    """Whether it takes what comes under a key that it has seen for a repetition."""

    def __init__(self, check: Callable[[str], None]) -> None:
        self.answer: Outcome = Sent()
        self.edits: Outcome | None = None
        self.stores = False
        self.shown: dict[str, str] = {}
        self._check = check

    async def probe(self) -> Outcome:
        return self.answer if isinstance(self.answer, Closed) else Sent()

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        return Layout({"messages": messages}, len(messages))

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        messages = layout.payload["messages"]
        name = key if self.is_idempotent else f"{key} {len(self.shown)}"
        if name in self.shown and isinstance(self.answer, Sent):
            self._check(str(messages))
            return Sent(message=name)
        return self._take(name, messages, self.answer)

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        return self._take(posted, layout.payload["messages"], self.edits or self.answer)

    def _take(self, name: str, messages: Sequence[Message], answer: Outcome) -> Outcome:
        self._check(str(messages))
        is_doubtful = isinstance(answer, Failed) and answer.ambiguous and self.stores
        if isinstance(answer, Sent) or is_doubtful:
            self.shown[name] = str(messages)
        return replace(answer, message=name) if isinstance(answer, Sent) else answer


class Machine(RuleBasedStateMachine):
    """``opener`` is set by a subclass of each kind of outbox."""

    opener: Callable[[Path], AbstractAsyncContextManager[Outbox]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.context = type(self).opener(Path(self.folder.name))
        self.outbox = self.do(self.context.__aenter__())
        self.now = 10**12
        self.came: list[Version] = []
        """All versions that relay was told of, also inside other notes."""
        self.told: list[Version] = []
        """Those of an event of its own."""
        self.leaks: list[Version] = []
        self.number = 0
        self.chat = Chat(self.check)
        rules = RoutingRules(
            table=RouteIndex([Route(name="all", to=("team",))]),
            server_bound=(),
            gates={"team": Gate()},
            alike={Gate(): ("team",)},
            hold=300,
            log_content=False,
        )
        self.router = Router(
            self.outbox,
            BacklogLimit(self.outbox.pending_count),
            rules=lambda: rules,
            wake=lambda sinks: None,
        )
        self.resend = True

    @initialize(most=st.sampled_from([1, 3]), can_edit=st.booleans(), policy=st.integers(0, 2))
    def the_chat_is_of_some_kind(self, most: int, can_edit: bool, policy: int) -> None:
        self.chat.max_batch, self.chat.can_edit = most, can_edit
        self.chat.is_idempotent, self.resend = policy == 1, policy != 2
        self.start()

    def start(self) -> None:
        policy = DeliveryPolicy(
            schedule=(5.0, 30.0, 600.0, 3600.0),
            hold=300,
            resend=self.resend,
            is_idempotent=self.chat.is_idempotent,
        )
        lane_config = LaneConfig(
            sink=self.chat,  # type: ignore[arg-type]
            policy=policy,
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

    def teardown(self) -> None:
        try:
            self.in_the_end()
        finally:
            self.do(self.context.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def check(self, sent: str) -> None:
        """What leaves though it is known to be private is kept: a lane takes an error for a bug."""
        self.leaks += [
            version
            for version in self.came
            if version.text in sent
            and (version.is_private or any(one.hides(version) for one in self.told))
        ]

    @invariant()
    def nothing_leaves_that_is_known_to_be_private(self) -> None:
        assert self.leaks == []

    # --- what happens

    def written(self, note: int, is_private: bool, updated: int | None) -> Version:
        self.number += 1
        text = f"note{note}x{self.number}x"
        version = Version(note, text, is_private, updated)
        self.came.append(version)
        return version

    @rule(
        note=notes, private=st.booleans(), updated=times, clock=clocks, kind=st.sampled_from(KINDS)
    )
    def a_note_comes(
        self, note: int, private: bool, updated: int | None, clock: int, kind: str
    ) -> None:
        version = self.written(note, private, updated)
        self.told.append(version)
        self.post(a_note_event(note, kind=kind, **version.fields), clock=clock)

    @rule(note=notes, updated=times, clock=clocks, inside=st.sampled_from(["renote", "reply"]))
    def it_comes_inside_another(
        self, note: int, updated: int | None, clock: int, inside: str
    ) -> None:
        version = self.written(note, False, updated)
        inner = a_note_event(note, **version.fields).event["body"]["note"]
        outer = {"text": f"look{self.number}x", inside: inner, f"{inside}Id": inner["id"]}
        self.post(a_note_event(1000 + self.number, **outer), clock=clock)

    def post(self, request: Any, *, clock: int) -> None:
        body = {**request.event, "eventId": f"e{self.number}", "createdAt": 10**12 + clock}
        event = request.with_event(body)
        entry = journal_entry(event.body, hook="alice", now=self.now)
        assert self.do(self.outbox.journal(entry))

    @rule()
    def the_router_takes_all(self) -> None:
        self.do(self.router.route())

    @rule(answer=st.sampled_from(REFUSALS), stores=st.booleans())
    def the_chat_refuses(self, answer: Outcome, stores: bool) -> None:
        self.chat.answer, self.chat.stores = answer, stores

    @rule(answer=st.sampled_from(REFUSALS))
    def the_chat_refuses_changes(self, answer: Outcome) -> None:
        self.chat.edits = answer

    @rule()
    def the_chat_is_well(self) -> None:
        self.chat.answer, self.chat.edits = Sent(), None

    @rule()
    def a_second_passes_and_the_router_is_late(self) -> None:
        self.do(self.run(1))

    @rule(seconds=st.sampled_from([1, 40, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.the_router_takes_all()
        self.do(self.run(seconds))

    async def run(self, seconds: int) -> None:
        end, steps = self.now + seconds * 1000, 0
        while self.now < end:
            steps += 1
            assert steps < 5_000, "it never rests"
            pause, _ = await self.lane.step()
            self.now += max(1, round(min(pause, (end - self.now) / 1000) * 1000))

    @rule()
    def relay_ends_and_starts_again(self) -> None:
        self.do(self.outbox.recover(now=self.now))
        self.start()

    @rule()
    def the_operator_opens_the_sink(self) -> None:
        self.do(self.outbox.open_sink("team", now=self.now))

    @rule()
    def the_operator_revives_all(self) -> None:
        dead = self.do(self.outbox.dead())
        self.do(self.outbox.revive([one.id for one in dead], now=self.now))

    # --- what holds

    def in_the_end(self) -> None:
        """When the chat is well for long enough nothing is shown, or a letter says so."""
        self.the_chat_is_well()
        self.the_operator_opens_the_sink()
        self.the_router_takes_all()
        self.do(self.run(3 * DAY))
        assert self.do(self.outbox.pending_count()) == 0
        assert self.leaks == []
        reasons = [one.reason or "" for one in self.do(self.outbox.dead())]
        if any("may have arrived" in reason or STILL_SHOWN in reason for reason in reasons):
            return
        shown = "".join(self.chat.shown.values())
        for version in self.told:
            if any(one.hides(version) for one in self.told):
                assert version.text not in shown


def test_what_became_private_is_not_shown_or_a_letter_says_so(opener: Opener) -> None:
    machine = type("Machine", (Machine,), {"opener": staticmethod(opener)})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=20, deadline=None)
    )


def test_what_was_accepted_overtakes_the_text_that_it_replaces_though_the_router_is_late(
    opener: Opener,
) -> None:
    machine = type("Machine", (Machine,), {"opener": staticmethod(opener)})()
    machine.the_chat_is_of_some_kind(most=3, can_edit=True, policy=0)
    machine.a_note_comes(note=1, private=False, updated=None, clock=0, kind="note")
    machine.the_router_takes_all()
    machine.a_note_comes(note=1, private=True, updated=None, clock=1, kind="note")
    machine.a_second_passes_and_the_router_is_late()
    assert (machine.chat.shown, machine.leaks) == ({}, [])
    machine.teardown()
