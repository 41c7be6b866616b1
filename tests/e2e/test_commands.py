"""The commands as people run them: a process, its exit code, and what it prints."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from relay.cli import demo
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "samples" / "configs" / "a-file-with-eight-mistakes.yaml"
EMPTY = "hooks: {alice: {secret: s3cret}}\nlisten: 127.0.0.1:0\n"


async def test_check_tells_eight_mistakes_with_their_lines_and_no_secret(tmp_path: Path) -> None:
    text = BAD.read_text(encoding="utf-8")
    relay = Relay(tmp_path, text, {"MATRIX_TOKEN": "s3cret"})
    code, out, err = await relay.command("check", "--config", "config.yaml")
    assert (code, out) == (2, "")
    expected = [line for line in text.splitlines() if line.startswith("#= ")]
    assert len(expected) == 8
    assert err.splitlines() == [f"config.yaml:{line.removeprefix('#= ')}" for line in expected]
    assert "s3cret" not in err


@pytest.mark.parametrize("command", ["check", "serve"])
async def test_a_template_that_fails_on_any_sample_lets_nothing_start(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "follow.j2").write_text("{{ user.nmae }}", encoding="utf-8")
    relay = Relay(tmp_path, f"{EMPTY}templates: mine\n", {})
    code, out, err = await relay.command(command)
    assert (code, out) == (2, "")
    assert err.startswith("mine/follow.j2:")
    assert "nmae" in err
    assert not (tmp_path / "relay.db").exists()


async def test_check_online_asks_the_vendors(aiohttp_server: AiohttpServer, tmp_path: Path) -> None:
    discord = FakeDiscord()
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    config = f"""
hooks: {{alice: {{secret: s3cret}}}}
sinks:
  good: {{type: discord, url: "{discord.url}"}}
  gone: {{type: discord, url: "{discord.base_url}/api/webhooks/1/s3cret"}}
routes: [{{to: [good, gone]}}]
"""
    relay = Relay(tmp_path, config, {})
    code, out, err = await relay.command("check", "--online")
    good, gone = out.splitlines()
    assert (code, good, err) == (1, "good: ok", "")
    assert gone.startswith("gone: ")
    assert "404 10015 Unknown Webhook" in gone
    assert "s3cret" not in out
    assert discord.posts() == []


async def test_a_poisoned_message_is_listed_shown_and_revived(
    aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    discord = FakeDiscord(webhook_limit=None, channel_limit=None, automod=["poison"])
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    config = f"""
listen: 127.0.0.1:0
hold: 0
hooks: {{alice: {{secret: secret}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""
    async with serving(tmp_path, config) as relay, aiohttp.ClientSession() as session:
        for n, text in enumerate(("poison", "hello"), start=1):
            await post(session, relay.address, "alice", a_note_event(n, text=text), secret="secret")
        await until(lambda: len(discord.told()) == 1)
        code, out, _ = await relay.command("dead", "list")
        _, *letters = out.splitlines()
        assert (code, len(letters)) == (0, 1)
        letter = letters[0].split()[0]
        code, out, _ = await relay.command("dead", "show", letter)
        assert (code, "│ poison" in out) == (0, True)
        discord.automod = ()
        code, out, _ = await relay.command("dead", "revive", letter)
        assert (code, out.split(";")[0]) == (0, "1 revived")
        assert await relay.terminate() == 0
        await relay.start()  # a running one looks for them twice a minute only
        await until(lambda: len(discord.told()) == 2)


async def test_demo_shows_what_relay_does_in_an_empty_folder_without_a_network(
    tmp_path: Path,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "demo",
        cwd=tmp_path, env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = (found.decode() for found in await process.communicate())
    assert (process.returncode, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith("╭")] == [
        line for line in out.splitlines() if line.startswith("╭─ ")
    ]
    frames = [line.split("─")[1].strip() for line in out.splitlines() if line.startswith("╭")]
    assert frames == [
        "Discord #fediverse", "Discord #fediverse", "Slack #team", "Matrix, the moderators' room",
    ]  # fmt: skip
    assert "Osaka" not in out  # the note for followers
    assert "gardener" not in out  # what is behind a spoiler
    assert "4 events came in" in out
    assert os.listdir(tmp_path) == []


async def test_the_demo_tells_each_event_before_its_messages() -> None:
    said: list[str] = []
    await demo.run(said.append)
    scenes = [line for line in said if line[:2] in {"1.", "2.", "3.", "4."}]
    assert scenes == [
        "1. Bob mentions you  mention → discord",
        "2. Your team posts a note behind a content warning  note → discord, slack",
        "3. Bob answers, for his followers only  reply → nowhere",
        "4. Somebody reports a spammer  abuseReport → moderators",
    ]


async def test_a_reader_that_goes_away_ends_a_command_quietly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m relay demo | head -n 1", cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (len(out.splitlines()), err) == (1, b"")


async def test_an_ascii_terminal_shows_what_it_can(tmp_path: Path) -> None:
    relay = Relay(tmp_path, EMPTY, {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    relay.file.unlink()
    code, out, err = await relay.command("preview", "mention", "--sink", "discord")
    assert (code, err) == (0, "")
    assert "\\u3053" in out


async def test_serve_tells_warnings_and_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path, f"{EMPTY}sinks: {{spare: {{type: console}}}}\n") as relay:
        assert await relay.terminate() == 0
    log = relay.log.read_text(encoding="utf-8")
    assert ":3:9: sinks.spare: no route leads here" in log
    assert "WARNING  doubtful configuration" in log
    assert "hook alice: its secret has fewer than 16 characters: it could be guessed" in log
    assert "s3cret" not in log
