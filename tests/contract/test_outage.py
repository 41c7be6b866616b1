"""Every way in which a chat can be away for an hour: nothing is lost, and nobody is flooded."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from relay import misskey
from relay.app.plan import policy
from relay.config import Config
from relay.delivery.lane import Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.renderer import Renderer
from relay.outbox import Outbox
from relay.outcome import State
from relay.rendering.templates import Templates
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.http import open_session
from tests.factories import accept
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import (
    ABSURD_RETRY_AFTER,
    Fault,
    disconnect,
    html,
    nonsense,
    rate_limited,
    reset,
    slow,
    status,
    stored,
    truncated,
)
from tests.fakes.limits import ManualClock
from tests.fakes.misskey import a_note_event

HOUR = 3600.0
PATIENT = aiohttp.ClientTimeout(total=60)  # a loaded machine is no bug
IMPATIENT = aiohttp.ClientTimeout(total=1)
EVENTS = 12
TEMPLATES = Templates()


class Stage:
    """One lane to a Discord, and a clock that only the stage moves."""

    def __init__(self, outbox: Outbox, discord: FakeDiscord, lane: Lane) -> None:
        self.outbox, self.discord, self.lane = outbox, discord, lane
        self.clock = discord.clock
        self.posted = 0

    async def run(self, seconds: float) -> None:
        """Let the lane work for that long, as the clock says, while an event comes now and then."""
        end, next_event = self.clock() + seconds, self.clock()
        while self.clock() < end:
            if self.posted < EVENTS and self.clock() >= next_event:
                await self.post()
                next_event += seconds / EVENTS
            pause, _ = await self.lane.step()
            self.clock.advance(max(0.001, min(pause, end - self.clock(), seconds / EVENTS)))

    async def post(self) -> None:
        raw = a_note_event(self.posted, text=f"note {self.posted}").body
        event = misskey.parse(raw, hook="alice")
        now = round(self.clock() * 1000)
        assert await accept(self.outbox, event, raw, {"team": "all"}, now=now)
        self.posted += 1

    @property
    def shown(self) -> list[list[str]]:
        """The texts of each message."""
        return [
            [embed["description"] for embed in one.payload["embeds"]]
            for one in self.discord.posts()
        ]

    def check(self) -> None:
        """All came, in order, and again only what was stored without an answer."""
        texts = [text for message in self.shown for text in message]
        assert list(dict.fromkeys(texts)) == [f"note {n}" for n in range(EVENTS)]
        once = list(dict.fromkeys(map(tuple, self.shown)))
        unknown = sum(fault.stored for fault in self.discord.faults.played)
        assert len(self.shown) - len(once) <= unknown


@pytest.fixture
def patience() -> aiohttp.ClientTimeout:
    return PATIENT


@pytest.fixture
async def stage(
    outbox: Outbox, aiohttp_server: AiohttpServer, patience: aiohttp.ClientTimeout
) -> AsyncIterator[Stage]:
    clock = ManualClock()
    discord = FakeDiscord(clock=clock)
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    sink = DiscordSettings.model_validate({"type": "discord", "url": discord.url})
    async with open_session(timeout=patience) as session:
        lane = Lane(
            "team",
            LaneConfig(
                sink=sink.open(session),
                policy=policy(Config(), sink),
                renderer=Renderer(TEMPLATES, {}),
                fingerprint="",
            ),
            outbox=outbox,
            clock=lambda: round(clock() * 1000),
            monotonic=clock,
        )
        yield Stage(outbox, discord, lane)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(status(503), id="it answers 503"),
        pytest.param(html(502), id="a proxy answers with a page"),
        pytest.param(disconnect(), id="it hangs up before it stores"),
        pytest.param(reset(), id="it resets connections"),
        pytest.param(stored(disconnect()), id="it hangs up after it has stored"),
        pytest.param(stored(status(500)), id="it stores and answers 500"),
        pytest.param(truncated(), id="its answers break off"),
        pytest.param(nonsense(), id="it answers 200 with nonsense"),
        pytest.param(nonsense("[]"), id="it answers 200 with other JSON"),
    ],
)
async def test_an_hour_of_failures_loses_nothing_and_burns_no_attempts(
    stage: Stage, fault: Fault
) -> None:
    await an_hour_of(fault, stage)


@pytest.mark.parametrize("patience", [IMPATIENT], ids=["impatient"])
async def test_an_hour_without_answers_loses_nothing_and_burns_no_attempts(stage: Stage) -> None:
    await an_hour_of(slow(), stage)


async def an_hour_of(fault: Fault, stage: Stage) -> None:
    stage.discord.faults.fail_randomly(1.0, pool=[fault])
    await stage.run(HOUR)
    assert 3 < len(stage.discord.requests) < 40
    assert len(stage.shown) < 24  # what is stored without an answer must not come for ever
    assert await stage.outbox.counts() == {("team", State.PENDING): EVENTS}
    stage.discord.faults.fail_randomly(0)
    # A probe comes every 36 minutes at the latest, and a fault may be left for the first of them.
    await stage.run(2 * HOUR)
    assert await stage.outbox.counts() == {("team", State.DELIVERED): EVENTS}
    stage.check()


async def test_a_chat_that_flaps_gets_everything(stage: Stage) -> None:
    for _ in range(6):
        stage.discord.faults.go_down()
        await stage.run(HOUR / 12)
        stage.discord.faults.come_back()
        await stage.run(HOUR / 12)
    await stage.run(HOUR / 4)
    assert await stage.outbox.counts() == {("team", State.DELIVERED): EVENTS}
    stage.check()


@pytest.mark.parametrize("retry_after", [None, *ABSURD_RETRY_AFTER])
async def test_whatever_a_limit_asks_for_is_waited_for_and_no_longer_than_six_hours(
    stage: Stage, retry_after: str | None
) -> None:
    stage.discord.faults.fail_next(rate_limited(retry_after), times=3)
    await stage.run(19 * HOUR)
    assert len(stage.discord.faults.played) == 3
    assert await stage.outbox.counts() == {("team", State.DELIVERED): EVENTS}
    stage.check()
