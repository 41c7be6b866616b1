"""A fork of Misskey, and what authors ask for, through the real process to a chat."""

import json
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests import cases
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note

SECRET = "a secret of the hook"
CONFIG = """
listen: 127.0.0.1:0
hold: 0
hooks: {{alice: {{secret: {secret}}}}}
sinks:
  all: {{type: discord, url: "{url}", rate: unlimited}}
  open: {{type: discord, url: "{url}", rate: unlimited, signin_only: true}}
routes:
  - {{to: all, match: {{author: bob}}}}
  - {{to: open, match: {{event: mention}}}}
"""


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=(50, 0.2), channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def a_reaction(who: str) -> bytes:
    """As Iceshrimp-JS and Firefish send it."""
    user = a_note(1, author=who)["user"]
    body = {"note": a_note(1, author="alice"), "reaction": {"user": user, "emojiName": "👍"}}
    return json.dumps(
        {"hookId": "h", "userId": "u", "eventId": f"by {who}", "type": "reaction", "body": body}
    ).encode()


async def send(relay: Relay, body: bytes, **headers: str) -> int:
    url = f"{relay.address}/hooks/alice"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_a_reaction_from_a_fork_arrives_by_who_reacted(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    headers = {"X-Iceshrimp-Hook-Secret": SECRET, "X-Iceshrimp-Host": "shrimp.example"}
    async with serving(tmp_path, CONFIG.format(url=discord.url, secret=SECRET)) as relay:
        assert await send(relay, a_reaction("bob"), **headers) == 204
        assert await send(relay, a_reaction("carol"), **headers) == 204
        wrong = headers | {"X-Misskey-Hook-Secret": "a guess"}
        assert await send(relay, a_reaction("bob"), **wrong) == 401
        await until(lambda: len(discord.told()) == 1)
        assert await relay.terminate() == 0
    [told] = discord.told()
    assert told["title"] == "Reaction 👍"
    assert told["author"]["url"] == "https://shrimp.example/@bob"
    assert "no route matches" in relay.log.read_text("utf-8")


async def test_a_note_for_signed_in_readers_goes_only_where_that_is_allowed(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, CONFIG.format(url=discord.url, secret=SECRET)) as relay:
        headers = {"X-Misskey-Hook-Secret": SECRET}
        assert await send(relay, cases.raw("b06"), **headers) == 204
        assert await send(relay, cases.raw("b08"), **headers) == 204
        await until(lambda: len(discord.told()) == 2)
        assert await relay.terminate() == 0
    first, second = sorted(it["description"] for it in discord.told())
    assert first.startswith("> ↩️ 🔒")
    assert second == "only for people who are signed in"
    assert "all: its author shows it to signed-in readers only" in relay.log.read_text("utf-8")
