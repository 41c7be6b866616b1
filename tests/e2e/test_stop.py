"""Stopping: what is in flight ends, the rest waits for the next start."""

import signal
import socket
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord) -> str:
    return f"""
listen: 127.0.0.1:0
hold: 0
hooks: {{alice: {{secret: secret}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_send_in_flight_end_and_keeps_the_rest(
    discord: FakeDiscord, tmp_path: Path, number: int
) -> None:
    discord.faults.delay = 0.5
    async with serving(tmp_path, config(discord)) as relay, aiohttp.ClientSession() as session:
        for n in range(3):
            await post(session, relay.address, "alice", a_note_event(n), secret="secret")
        await until(lambda: len(discord.requests) == 1)
        assert relay.process is not None
        relay.process.send_signal(number)
        await relay.process.communicate()
        assert relay.process.returncode == 0
        assert len(discord.posts()) == 1
        discord.faults.delay = 0
        await relay.start()
        await until(lambda: len(discord.told()) == 3)
        assert await relay.terminate() == 0
    assert len(discord.told()) == 3


async def test_a_second_signal_ends_at_once(discord: FakeDiscord, tmp_path: Path) -> None:
    discord.faults.delay = 30
    async with serving(tmp_path, config(discord)) as relay, aiohttp.ClientSession() as session:
        await post(session, relay.address, "alice", a_note_event(1), secret="secret")
        await until(lambda: len(discord.requests) == 1)
        assert relay.process is not None
        relay.process.send_signal(signal.SIGTERM)
        await until(lambda: not accepts(relay.address))
        assert relay.process.returncode is None
        relay.process.send_signal(signal.SIGTERM)
        await relay.process.communicate()
        assert relay.process.returncode == 128 + signal.SIGTERM


def accepts(address: str) -> bool:
    host, port = address.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


async def test_a_second_process_on_the_same_outbox_refuses_to_start(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, config(discord)) as relay:
        code, _, errors = await relay.command("serve", "--config", str(relay.file))
        assert (code, "another relay is running" in errors) == (2, True)
        assert (tmp_path / "relay.db").exists()
