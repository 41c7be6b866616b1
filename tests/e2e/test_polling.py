"""The real process asks a fake Misskey for what its webhooks did not bring."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, encode, post
from tests.fakes.misskey_api import Entry, FakeMisskeyApi


@pytest.fixture
async def misskey(aiohttp_server: AiohttpServer) -> AsyncIterator[FakeMisskeyApi]:
    fake = FakeMisskeyApi(clock=time.time, is_limited=False)
    fake.base_url = str((await aiohttp_server(fake.app())).make_url("")).rstrip("/")
    yield fake
    assert fake.misuses == []


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(
    misskey: FakeMisskeyApi, discord: FakeDiscord, *, secret: str = "", more: str = ""
) -> str:
    return f"""
listen: 127.0.0.1:0
hold: 100ms
hooks:
  alice: {{{secret}server: "{misskey.base_url}", token: {misskey.token}, poll_interval: 10s{more}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""


def shown(discord: FakeDiscord) -> list[str]:
    """The texts of all embeds in the chat, one line for each."""
    embeds = [each for accepted in discord.accepted for each in accepted.payload["embeds"]]
    return [str(embed.get("description", embed.get("title"))) for embed in embeds]


def count(discord: FakeDiscord, text: str) -> int:
    return sum(text in line for line in shown(discord))


def webhook(misskey: FakeMisskeyApi, entry: Entry, number: int = 1) -> Request:
    """The webhook that Misskey sends for a notification of a mention."""
    event = {
        "server": misskey.base_url,
        "hookId": "h",
        "userId": misskey.alice.id,
        "eventId": f"00000000-0000-4000-8000-{number:012}",
        "createdAt": misskey.now - 150,
        "type": "mention",
        "body": {"note": entry.notification["note"] | {"reactionAndUserPairCache": []}},
    }
    headers = (("Content-Type", "application/json"), ("X-Misskey-Host", "misskey.example"))
    return Request(1, headers, encode(event), "made", "misskey", "mention")


async def asked(relay: Relay) -> None:
    """Let relay ask now."""
    code, _, err = await relay.command("catch-up", "alice", "--since", "0")
    assert code == 0, err


async def test_a_hook_without_a_webhook_needs_a_token_only(
    misskey: FakeMisskeyApi, discord: FakeDiscord, tmp_path: Path
) -> None:
    misskey.mention("of the past")
    async with serving(
        tmp_path, config(misskey, discord, more=", notifications: pollEnded")
    ) as relay:
        await until(lambda: bool(misskey.requests))
        misskey.mention("without any webhook")
        misskey.notify("follow", user=misskey.user("carol"))
        await until(lambda: len(shown(discord)) >= 2)
        assert count(discord, "without any webhook") == 1
        assert count(discord, "of the past") == 0
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{relay.address}/hooks/alice", json={}) as answer,
        ):
            assert answer.status == 404


async def test_what_came_while_relay_was_down_comes_once_and_webhooks_are_recognized(
    misskey: FakeMisskeyApi, discord: FakeDiscord, tmp_path: Path
) -> None:
    text = config(misskey, discord, secret="secret: s3cret, ")
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        await until(lambda: bool(misskey.requests))

        async def told(entry: Entry, number: int) -> None:
            request = webhook(misskey, entry, number)
            answer = await post(session, relay.address, "alice", request, secret="s3cret")
            assert answer.status == 204

        both = misskey.mention("by both ways")
        await told(both, 1)
        await until(lambda: count(discord, "by both ways") == 1)
        await relay.kill()
        late = misskey.mention("webhook comes again after it was caught up")
        misskey.mention("webhook never came")
        await relay.start()
        await until(lambda: count(discord, "never came") == 1)
        await told(late, 2)
        await told(both, 1)
        last = misskey.mention("the last one")
        await until(lambda: count(discord, "the last one") == 1)
        await told(last, 3)
        await told(unlisted(misskey, "an end"), 4)
        await until(lambda: count(discord, "an end") == 1)
    texts = ("by both ways", "comes again", "never came", "the last one")
    assert [count(discord, each) for each in texts] == [1, 1, 1, 1]


def unlisted(misskey: FakeMisskeyApi, text: str) -> Entry:
    """A mention that is in no list of notifications: its author is muted."""
    entry = misskey.mention(text)
    misskey.alice.entries.remove(entry)
    return entry


async def test_catch_up_brings_some_of_the_past_once(
    misskey: FakeMisskeyApi, discord: FakeDiscord, tmp_path: Path
) -> None:
    misskey.mention("of the past")
    async with serving(tmp_path, config(misskey, discord)) as relay:
        relay_asks = ("catch-up", "alice", "--since", "1h")
        await until(lambda: bool(misskey.requests))
        for _ in range(2):
            code, out, err = await relay.command(*relay_asks)
            while code == 1:  # not asked yet
                code, out, err = await relay.command(*relay_asks)
            assert (code, err) == (0, "")
            assert out == "alice: asks again for notifications; the running relay continues now\n"
        await until(lambda: count(discord, "of the past") == 1)
        misskey.mention("an end")
        await asked(relay)
        await until(lambda: count(discord, "an end") == 1)
        assert count(discord, "of the past") == 1
        code, _, err = await relay.command("catch-up", "bob", "--since", "1h")
        assert (code, "no hook is called bob" in err) == (2, True)


async def test_a_token_that_is_taken_back_is_logged_and_a_reload_brings_a_new_one(
    misskey: FakeMisskeyApi, discord: FakeDiscord, tmp_path: Path
) -> None:
    text = config(misskey, discord)
    async with serving(tmp_path, text) as relay:
        await until(lambda: bool(misskey.requests))
        del misskey.tokens[misskey.token]
        await asked_until_closed(relay)
        assert misskey.token not in relay.log.read_text()
        misskey.mention("while nobody could ask")
        misskey.token = misskey.add_token(misskey.alice, "read:notifications")
        relay.file.write_text(config(misskey, discord))
        code, _, err = await relay.command("reload")
        assert code == 0, err
        await until(lambda: count(discord, "while nobody could ask") == 1)


async def asked_until_closed(relay: Relay) -> None:
    async def is_closed() -> bool:
        await relay.command("catch-up", "alice", "--since", "0")
        return "polling is closed" in relay.log.read_text()

    await until(is_closed)


async def test_a_flood_of_reactions_is_one_message_with_the_right_totals(
    misskey: FakeMisskeyApi, discord: FakeDiscord, tmp_path: Path
) -> None:
    note = misskey.note("my own note", "alice")

    def react(number: int) -> None:
        """A reaction; every notification of the note shows the current totals."""
        emoji = "🎉" if number % 5 == 0 else "❤"
        note["reactions"][emoji] = note["reactions"].get(emoji, 0) + 1
        user = misskey.user(f"fan{number}")
        misskey.notify("reaction", note=note, user=user, userId=user["id"], reaction=emoji)

    text = config(misskey, discord, more=", notifications: reaction")
    async with serving(tmp_path, text) as relay:
        await until(lambda: bool(misskey.requests))
        for part in range(5):
            for number in range(100):
                react(100 * part + number)
            totals = f"❤ **{80 * (part + 1)}** · 🎉 **{20 * (part + 1)}**"
            await asked(relay)
            await until(lambda totals=totals: count(discord, totals) == 1)  # type: ignore[misc]
    posts = [accepted for accepted in discord.accepted if accepted.action == "post"]
    assert len(posts) == 1
    assert len(discord.accepted) <= 6
