"""
Any order of webhooks, Misskey's repetitions, polls, routing, deliveries, restarts and kills.

Whatever happens, a sink shows each note once, and everything that Misskey still knows. Outbox,
routes, merging and the walk are the real ones; Misskey is the fake, asked without a network.
"""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from relay import misskey
from relay.app.plan import Plan
from relay.config import parse
from relay.errors import OutboxError
from relay.intake.rules import RoutingRules
from relay.outbox import ClaimRequest, DeliverySearch, JournalEntry, RoutedEvent, SQLiteOutbox
from relay.outbox.records import journal_entry
from relay.outcome import State
from relay.polling.client import Endpoint, Listed
from relay.polling.lists import NOTIFICATIONS
from relay.polling.poller import PollConfig, Poller
from relay.polling.walk import Ask
from tests.fakes.limits import ManualClock
from tests.fakes.misskey import encode
from tests.fakes.misskey_api import FakeMisskeyApi

SERVER = "https://misskey.example"
TEXT = f"""
hooks: {{alice: {{secret: s3cret, server: "{SERVER}", token: {"x" * 32}}}}}
sinks: {{team: {{type: discord, url: "https://d.example/webhooks/1/x"}}}}
routes: [{{to: team}}]
"""
KINDS = {
    "mention": ["mention"],
    "reply": ["reply", "mention"],
    "renote": ["renote"],
    "quote": ["renote", "mention"],
    "follow": ["followed"],
}
"""By a notification's type, the webhooks that Misskey sends for the same."""


class Direct:
    """The client without a network."""

    def __init__(self, fake: FakeMisskeyApi) -> None:
        self.fake = fake

    async def listed(self, endpoint: Endpoint, ask: Ask, body: Any) -> Listed:
        place = {"limit": ask.limit, "sinceId": ask.since, "untilId": ask.until}
        place = {key: value for key, value in place.items() if value}
        return Listed(self.fake.answer(endpoint.path, {**place, **endpoint.body}, self.fake.token))

    async def version(self) -> str:
        return self.fake.version


class Mortal:
    """An outbox whose process is killed around a commit."""

    def __init__(self, outbox: SQLiteOutbox, dies: str) -> None:
        self.outbox, self.dies = outbox, dies

    async def cursor(self, blank: Any) -> Any:
        return await self.outbox.cursor(blank)

    async def journal_polled(self, *args: Any, **given: Any) -> int:
        if self.dies == "before":
            raise OutboxError("killed")
        number = await self.outbox.journal_polled(*args, **given)
        if self.dies == "after":
            raise OutboxError("killed")
        return number


class World:
    """Misskey, relay's outbox, and all that was sent."""

    def __init__(self, folder: Path, *, is_old: bool) -> None:
        self.clock = ManualClock(1_800_000_000.0)
        old = {"storage": "redis", "redis_behind": 20_000, "version": "2024.10.1"} if is_old else {}
        self.fake = FakeMisskeyApi(clock=self.clock, is_limited=False, **old)
        self.file = folder / "relay.db"
        config = parse(TEXT, file="config.yaml", base=folder, environ={})
        self.rules: RoutingRules = Plan.build(config, salt="", session=None).rules  # type: ignore[arg-type]
        self.outbox = SQLiteOutbox.open(self.file)
        self.poller = self.new_poller()
        self.webhooks: list[bytes] = []
        """Those that Misskey sends, and repeats."""
        self.expected: list[str] = []

    def new_poller(self, dies: str = "") -> Poller:
        async def check_room() -> None:
            return None

        config = PollConfig(hook="alice", server=SERVER, list=NOTIFICATIONS, interval=60.0)
        return Poller(
            config,
            Direct(self.fake),  # type: ignore[arg-type]
            Mortal(self.outbox, dies),  # type: ignore[arg-type]
            check_room=check_room,
            on_polled=lambda: None,
            clock=lambda: self.fake.now,
        )

    def happen(self, kind: str, *, has_webhook: bool, is_notified: bool) -> None:
        fake = self.fake
        number = len(self.expected)
        user = fake.user("bob", id=f"bob{number}")
        own = fake.note("mine", "alice")
        parts: dict[str, Any] = {"user": user, "userId": user["id"]}
        if kind != "follow":
            named = kind in {"quote", "mention"}
            parts["note"] = fake.note(f"note {number}") | {
                "mentions": [fake.alice.id] if named else [],
                **({"reply": own, "replyId": own["id"]} if kind == "reply" else {}),
                **({"renote": own, "renoteId": own["id"]} if kind in {"renote", "quote"} else {}),
            }
        entry = fake.notify(kind, **parts)
        if not is_notified:  # its author is muted
            fake.alice.entries.remove(entry)
        for each in KINDS[kind] if has_webhook else ():
            body = {"user": user} if kind == "follow" else {"note": parts["note"]}
            event = {
                "server": SERVER,
                "hookId": "h",
                "userId": fake.alice.id,
                "eventId": f"{each} {number}",
                "createdAt": fake.now + 100,
                "type": each,
                "body": body,
            }
            self.webhooks.append(encode(event))
        if has_webhook or is_notified:
            self.expected.append(user["id"] if kind == "follow" else parts["note"]["id"])

    async def post(self, raw: bytes) -> None:
        await self.outbox.journal(
            journal_entry(raw, hook="alice", server=SERVER, now=self.fake.now)
        )

    async def route(self, limit: int) -> bool:
        async def decide(entries: Any) -> list[RoutedEvent]:
            return [self._decision(entry) for entry in entries]

        return (await self.outbox.route(decide, limit=limit)).has_more

    def _decision(self, entry: JournalEntry) -> RoutedEvent:
        return self.rules.decide(
            misskey.parse(entry.raw, hook=entry.hook, server=entry.server, now=entry.accepted_at)
        )

    async def deliver(self) -> None:
        now = self.fake.now
        request = ClaimRequest("team", now=now, lease=1000, limit=10)
        if (claim := await self.outbox.claim(request)) is not None:
            settled = [_delivered(each) for each in claim.deliveries]
            assert await self.outbox.save(settled, claimed=claim.deliveries)

    async def restart(self) -> None:
        await self.outbox.close()
        self.outbox = SQLiteOutbox.open(self.file)
        self.poller = self.new_poller()

    async def shown(self) -> list[str]:
        """What the sink shows or will show, in order: each new message, by its note or user."""
        found = await self.outbox.deliveries(DeliverySearch(sink="team"), limit=10_000)
        bodies = [
            json.loads(each.raw)["body"]
            for each in reversed(found)
            if each.merged is None and each.edits is None
        ]
        return [str((body.get("note") or body["user"])["id"]) for body in bodies]


def _delivered(delivery: Any) -> Any:
    return replace(delivery, state=State.DELIVERED, message=f"m{delivery.id}")


STEPS = st.sampled_from(
    ["happen", "happen", "happen", "post", "repeat", "poll", "die", "route", "deliver", "restart"]
)


async def play(data: st.DataObject, folder: Path) -> None:
    world = World(folder, is_old=data.draw(st.booleans()))
    posted: list[bytes] = []
    try:
        await world.poller.step()
        for step in data.draw(st.lists(STEPS, max_size=30)):
            world.clock.advance(data.draw(st.sampled_from([0.05, 1.0, 15.0])))
            match step:
                case "happen":
                    kind = data.draw(st.sampled_from(sorted(KINDS)))
                    ways = data.draw(st.sampled_from(["both", "both", "webhook", "notified"]))
                    world.happen(
                        kind,
                        has_webhook=ways != "notified",
                        is_notified=ways != "webhook",
                    )
                case "post" if world.webhooks:
                    place = data.draw(st.integers(0, len(world.webhooks) - 1))
                    posted.append(world.webhooks.pop(place))
                    await world.post(posted[-1])
                case "repeat" if posted:
                    await world.post(data.draw(st.sampled_from(posted)))
                case "poll":
                    await world.poller.step()
                case "die":
                    dying = world.new_poller(data.draw(st.sampled_from(["before", "after"])))
                    await dying.step()
                    await world.restart()
                case "route":
                    await world.route(data.draw(st.integers(1, 5)))
                case "deliver":
                    await world.deliver()
                case "restart":
                    await world.restart()
        for raw in [*world.webhooks, *posted]:
            await world.post(raw)
        await world.restart()
        await world.poller.step()
        while await world.route(100):
            pass
        assert Counter(await world.shown()) == Counter(world.expected)
        assert world.fake.misuses == []
    finally:
        await world.outbox.close()


@given(st.data())
@settings(max_examples=50)
def test_each_note_is_shown_once_whatever_happens(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(data, Path(folder)))


def test_what_one_poll_brings_is_in_order() -> None:
    async def poll_many(folder: Path) -> None:
        world = World(folder, is_old=False)
        await world.poller.step()
        for number in range(230):
            world.clock.advance(0.01)
            world.happen(sorted(KINDS)[number % 5], has_webhook=False, is_notified=True)
        await world.poller.step()
        while await world.route(50):
            pass
        assert await world.shown() == world.expected
        await world.outbox.close()

    with TemporaryDirectory() as folder:
        asyncio.run(poll_many(Path(folder)))
