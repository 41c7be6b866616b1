"""A backlog is drained as fast as Discord lets it, with as few requests as can be."""

from pathlib import Path

from pytest_aiohttp import AiohttpServer

from relay import misskey
from relay.app.plan import policy
from relay.config import Config
from relay.delivery.lane import Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.renderer import Renderer
from relay.outbox import SQLiteOutbox
from relay.outcome import State
from relay.rendering.templates import Templates
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.http import open_session
from tests.factories import accept
from tests.fakes.discord import FakeDiscord
from tests.fakes.limits import ManualClock
from tests.fakes.misskey import a_note_event

EVENTS = 10_000
DAY = 86_400.0


async def test_ten_thousand_events_take_few_requests_and_never_meet_a_limit(
    aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    clock = ManualClock()
    discord = FakeDiscord(clock=clock)
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    outbox = SQLiteOutbox.open(tmp_path / "relay.db")
    await fill(outbox, now=milliseconds(clock))
    async with open_session() as session:
        lane = lane_to(discord, outbox, session, clock)
        began = clock()
        while await outbox.pending_count():
            assert clock() < began + DAY
            pause, _ = await lane.step()
            clock.advance(pause)
    assert await outbox.counts() == {("team", State.DELIVERED): EVENTS}
    await outbox.close()
    embeds = [embed for post in discord.posts() for embed in post.payload["embeds"]]
    assert [embed["description"] for embed in embeds] == [f"note {n}" for n in range(EVENTS)]
    assert len(discord.requests) <= 0.12 * EVENTS
    assert (discord.limited, discord.refused) == ([], [])


def lane_to(discord: FakeDiscord, outbox: SQLiteOutbox, session, clock: ManualClock) -> Lane:
    sink = DiscordSettings.model_validate({"type": "discord", "url": discord.url})
    return Lane(
        "team",
        LaneConfig(
            sink=sink.open(session),
            policy=policy(Config(), sink),
            renderer=Renderer(Templates(), {}),
            fingerprint="",
        ),
        outbox=outbox,
        clock=lambda: milliseconds(clock),
        monotonic=clock,
    )


def milliseconds(clock: ManualClock) -> int:
    return round(clock() * 1000)


async def fill(outbox: SQLiteOutbox, *, now: int) -> None:
    for n in range(EVENTS):
        raw = a_note_event(n, text=f"note {n}").body
        event = misskey.parse(raw, hook="alice")
        assert await accept(outbox, event, raw, {"team": "all"}, now=now)
