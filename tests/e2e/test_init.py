"""init waits for the first event, and tells how it ended."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.person import person_at
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post

SERVER = "https://misskey.example"


class Init:
    """A process that sets relay up for mentions, in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.address = folder, f"http://127.0.0.1:{port}"

    async def start(self, url: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "relay", "init", "--use", "mentions", "--server", SERVER,
            "--address", self.address, "--listen", self.address.removeprefix("http://"),
            "--url-file", "-",
            cwd=self.folder, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(url.encode())
        self.process.stdin.close()

    async def waits(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(300):
            while b"waits for that event" not in await self.process.stdout.readline():
                assert not self.process.stdout.at_eof()

    async def end(self) -> tuple[int, str, str]:
        out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def init(tmp_path: Path, unused_tcp_port: int) -> Init:
    return Init(tmp_path, unused_tcp_port)


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord()
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


async def test_the_first_event_that_arrives_shows_that_it_works(
    init: Init, discord: FakeDiscord
) -> None:
    await init.start(discord.url)
    await init.waits()
    secret = (init.folder / "secrets" / "mentions").read_text(encoding="utf-8").strip()
    event = a_note_event(1, kind="mention")
    async with aiohttp.ClientSession() as session:
        assert (await post(session, init.address, "mentions", event, secret="x")).status == 401
        answer = await post(session, init.address, "mentions", event, secret=secret)
        assert answer.status == 204
    code, out, err = await init.end()
    assert (code, "It works" in out) == (0, True)
    assert len(discord.posts()) == 1
    assert secret not in out + err


async def test_a_chat_that_refuses_is_told_before_misskey_is_asked_for_anything(
    init: Init, discord: FakeDiscord
) -> None:
    await init.start(f"{discord.base_url}/api/webhooks/1/t0psecret")
    code, out, err = await init.end()
    assert (code, "waits" in out) == (1, False)
    assert "404 10015 Unknown Webhook" in err
    assert "t0psecret" not in out + err


@pytest.mark.parametrize(
    "key", [pytest.param("\x03", id="ctrl-c"), pytest.param("\x04", id="ctrl-d")]
)
async def test_who_gives_up_half_way_leaves_nothing_behind(tmp_path: Path, key: str) -> None:
    command = (sys.executable, "-m", "relay", "init", "--use", "mentions")
    async with person_at(*command, folder=tmp_path, environ=os.environ) as person:
        await person.answers("Your Misskey server", SERVER)
        await person.reads_hidden("(hidden)")
        person.presses(key)
        assert await person.process.wait() == 130
        assert "Traceback" not in person.seen
    assert list(tmp_path.iterdir()) == []


async def test_who_waits_no_longer_is_told_how_to_go_on(init: Init, discord: FakeDiscord) -> None:
    await init.start(discord.url)
    await init.waits()
    init.process.terminate()
    code, out, _ = await init.end()
    assert (code, "relay serve continues to wait" in out) == (1, True)
