"""Commands and the relay that runs: over a socket beside the outbox, or without it."""

import json
import stat
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post

WORD = "known to alice alone"


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord()
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord, **more: str) -> str:
    keys = {
        "listen": "127.0.0.1:0",
        "hold": "0",
        "hooks": '{alice: {secret: "${ALICE}"}}',
        "sinks": f'{{team: {{type: discord, url: "{discord.url}", rate: 5/2s}}}}',
        "routes": "[{to: team}]",
    }
    return "".join(f"{key}: {value}\n" for key, value in (keys | more).items())


def socket_of(relay: Relay) -> Path:
    return relay.folder / "relay.db.sock"


async def test_reload_tells_whoever_asks_what_has_changed(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        assert (await relay.command("reload"))[:2] == (0, "reloaded; new or changed sinks: none\n")
        changed = config(
            discord, sinks="{here: {type: console}}", routes="[]", listen="127.0.0.1:1"
        )
        relay.file.write_text(changed, encoding="utf-8")
        code, out, err = await relay.command("reload")
        assert (code, out) == (0, "reloaded; new or changed sinks: here\n")
        assert err == "listen has changed, and takes effect at the next start\n"


async def test_a_reload_with_mistakes_tells_them_all_and_changes_nothing(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        relay.file.write_text(config(discord, locale="fr", hodl="0"), encoding="utf-8")
        code, out, err = await relay.command("reload")
        assert (code, out) == (2, "")
        assert "config.yaml:6:1: locale: should be en" in err
        assert "config.yaml:7:1: hodl: unknown key hodl: did you mean hold?" in err
        assert err.endswith("not reloaded: relay continues with its old configuration\n")
        async with aiohttp.ClientSession() as session:
            answer = await post(session, relay.address, "alice", a_note_event(1), secret=WORD)
            assert answer.status == 204
        await until(lambda: len(discord.posts()) == 1)


async def test_reload_needs_no_secret_that_only_relay_has(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        del relay.environ["ALICE"]
        assert (await relay.command("reload"))[0] == 0
        assert (await relay.command("sinks"))[0] == 0
        code, _, err = await relay.command("check")
        assert (code, "variable ALICE is not set" in err) == (2, True)


async def test_nobody_but_the_owner_may_use_the_socket_which_is_gone_with_relay(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        mode = socket_of(relay).stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        assert await relay.terminate() == 0
        assert not socket_of(relay).exists()


async def test_a_socket_that_a_killed_relay_has_left_is_nobody(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        await relay.kill()
        assert socket_of(relay).exists()
        code, _, err = await relay.command("reload")
        assert (code, "no running relay has the outbox sqlite:relay.db" in err) == (1, True)
        assert (await relay.command("sinks"))[0] == 0
        await relay.start()
        assert (await relay.command("reload"))[0] == 0


async def test_a_resumed_sink_is_looked_at_at_once_or_when_relay_is_started(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        assert (await relay.command("sinks", "pause", "team"))[0] == 0
        async with aiohttp.ClientSession() as session:
            await post(session, relay.address, "alice", a_note_event(1), secret=WORD)
        code, out, _ = await relay.command("sinks", "resume", "team")
        assert (code, out) == (0, "team is resumed; the running relay continues now\n")
        await until(lambda: len(discord.posts()) == 1, seconds=20)  # of itself after 30
        await relay.command("sinks", "pause", "team")
        await relay.terminate()
        code, out, _ = await relay.command("sinks", "resume", "team")
        assert (code, out) == (0, "team is resumed; relay is not running: see relay serve\n")


async def test_sinks_have_their_pace_and_what_only_the_relay_that_runs_knows(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    async with serving(tmp_path, config(discord), {"ALICE": WORD}) as relay:
        (team,) = json.loads((await relay.command("sinks", "--json"))[1])
        assert (team["state"], team["pace"], team["rest_seconds"]) == ("ok", "5/2s", 0.0)
        await relay.terminate()
        (team,) = json.loads((await relay.command("sinks", "--json"))[1])
        assert (team["state"], team["pace"], team["rest_seconds"]) == ("ok", "5/2s", None)


async def test_where_no_socket_can_be_events_come_and_go_all_the_same(
    tmp_path: Path, discord: FakeDiscord
) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)  # a socket's path has at most 107 bytes
    deep.mkdir(parents=True)
    async with serving(
        tmp_path, config(discord, outbox=f"sqlite:{deep}/relay.db"), {"ALICE": WORD}
    ) as relay:
        assert "no control socket" in relay.log.read_text(encoding="utf-8")
        assert "too long" in relay.log.read_text(encoding="utf-8")
        async with aiohttp.ClientSession() as session:
            await post(session, relay.address, "alice", a_note_event(1), secret=WORD)
        await until(lambda: len(discord.posts()) == 1)
        assert (await relay.command("sinks"))[0] == 0
