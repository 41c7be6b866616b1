"""Vendors that fail before and after they have stored: nothing lost, and twice only if unknown."""

from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import BEFORE_STORE, disconnect, nonsense, rate_limited, status, stored
from tests.fakes.misskey import a_note_event, post

SECRET = "secret"
EVENTS = 60


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord, more: str = "") -> str:
    return f"""
listen: 127.0.0.1:0
hold: 0
retry: [50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms]
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited{more}}}}}
routes: [{{to: team}}]
"""


async def post_notes(relay: Relay, count: int) -> None:
    async with aiohttp.ClientSession() as session:
        for n in range(count):
            event = a_note_event(n, text=f"note {n}")
            assert (await post(session, relay.address, "alice", event, secret=SECRET)).status == 204


def texts(discord: FakeDiscord) -> list[str]:
    return [one["description"] for one in discord.told()]


async def test_what_fails_before_it_is_stored_comes_again_once_and_in_order(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    discord.faults.fail_randomly(0.3, seed=3, pool=BEFORE_STORE)
    async with serving(tmp_path, config(discord)) as relay:
        await post_notes(relay, EVENTS)
        await until(lambda: len(discord.told()) == EVENTS)
        assert await relay.terminate() == 0
    assert texts(discord) == [f"note {n}" for n in range(EVENTS)]
    assert discord.faults.played


async def test_what_fails_after_it_was_stored_may_come_twice_and_never_more_often_than_it_failed(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    faults = [stored(disconnect()), stored(status(502)), nonsense("<html>")]
    discord.faults.fail_next(*faults)
    async with serving(tmp_path, config(discord)) as relay:
        await post_notes(relay, 10)
        await until(lambda: len(set(texts(discord))) == 10)
        assert await relay.terminate() == 0
    assert list(dict.fromkeys(texts(discord))) == [f"note {n}" for n in range(10)]
    assert max(Counter(texts(discord)).values()) == 1 + len(faults)


async def test_where_nothing_may_come_twice_it_becomes_a_dead_letter(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    discord.faults.fail_next(stored(disconnect()))
    async with serving(tmp_path, config(discord, ", on_ambiguous: drop")) as relay:
        await post_notes(relay, 3)
        await until(lambda: len(discord.told()) == 3)
        assert await relay.terminate() == 0
        code, listed, _ = await relay.command("dead", "list", "--config", str(relay.file))
    assert texts(discord) == ["note 0", "note 1", "note 2"]
    assert (code, "may have arrived" in listed) == (0, True)


async def test_a_rate_limit_is_waited_for(discord: FakeDiscord, tmp_path: Path) -> None:
    discord.faults.fail_next(rate_limited("1"))
    async with serving(tmp_path, config(discord)) as relay:
        await post_notes(relay, 3)
        await until(lambda: len(discord.told()) == 3)
    assert texts(discord) == ["note 0", "note 1", "note 2"]
    times = [one.at for one in discord.posts()]
    assert len(discord.requests) == 1 + len(discord.posts())
    assert times == sorted(times)


async def test_a_deleted_webhook_closes_the_sink_until_the_configuration_changes(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    text = config(discord)
    discord.remove_webhook(discord.webhook)
    async with serving(tmp_path, text) as relay:
        await post_notes(relay, 3)
        await until(lambda: len(discord.refused) == 1)
        await relay.terminate()
        await relay.start()  # the same configuration: nobody is asked again
        await relay.terminate()
        assert len(discord.requests) == 1
        assert "still closed" in relay.log.read_text(encoding="utf-8")
        _, listed, _ = await relay.command("sinks", "--config", str(relay.file))
        assert listed.splitlines()[1].split()[:3] == ["team", "closed", "3"]
        relay.file.write_text(
            text.replace(discord.url, discord.url_of(discord.add_webhook())), encoding="utf-8"
        )
        await relay.start()
        await until(lambda: len(discord.told()) == 3)
    assert texts(discord) == ["note 0", "note 1", "note 2"]


async def test_a_closed_sink_goes_on_when_it_is_told_to(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    discord.faults.fail_next(status(404))
    async with serving(tmp_path, config(discord)) as relay:
        await post_notes(relay, 2)
        await until(lambda: len(discord.requests) == 1)
        await relay.terminate()
        resumed = await relay.command("sinks", "resume", "team", "--config", str(relay.file))
        assert resumed[0] == 0
        await relay.start()
        await until(lambda: len(discord.told()) == 2)
    assert texts(discord) == ["note 0", "note 1"]
