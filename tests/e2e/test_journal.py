"""What was answered 204 is stored, and is delivered once, whatever happens before it is routed."""

import asyncio
from multiprocessing.process import BaseProcess
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from relay.outbox import SQLiteOutbox
from tests.e2e import forked
from tests.e2e.test_kill import free_port, shown
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, a_note_event, post

NEVER = 10**6  # seconds
MOST = 30
LIVES = 6


class Installation:
    """A folder with a configuration, a chat, and the process that serves it."""

    def __init__(self, folder: Path, discord: FakeDiscord) -> None:
        self.folder = folder
        self.discord = discord
        self.port = free_port()
        self.process: BaseProcess | None = None
        (folder / "config.yaml").write_text(f"""
listen: 127.0.0.1:{self.port}
max_waiting: {MOST}
hooks: {{alice: {{secret: secret}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
""")

    async def start(self, *, routes_after: float = 0.0) -> None:
        self.process = await asyncio.to_thread(forked.start, self.folder, routes_after=routes_after)

    async def end(self, *, by: str) -> None:
        assert self.process is not None
        await asyncio.to_thread(getattr(forked, by), self.process)

    async def post(self, event: Request) -> int:
        """Its answer; a relay that does not listen yet is waited for."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    address = f"http://127.0.0.1:{self.port}"
                    answer = await post(session, address, "alice", event, secret="secret")
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.02)
                else:
                    return answer.status

    async def waiting(self) -> tuple[int, int]:
        """The number of events and deliveries that wait, and of the deliveries among them."""
        outbox = SQLiteOutbox.view(self.folder / "relay.db")
        try:
            backlog = await outbox.backlog()
            return await outbox.pending_count(), sum(one.number for one in backlog.values())
        finally:
            await outbox.close()


@pytest.fixture
async def installation(aiohttp_server: AiohttpServer, tmp_path: Path) -> Installation:
    discord = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    return Installation(tmp_path, discord)


@pytest.mark.parametrize("by", ["kill", "terminate"])
async def test_what_ends_before_it_is_routed_is_delivered_once_after_the_next_start(
    installation: Installation, by: str
) -> None:
    events = [a_note_event(n, text=f"note {n}") for n in range(LIVES)]
    for event in events:
        await installation.start(routes_after=NEVER)
        assert await installation.post(event) == 204
        assert await installation.post(event) == 204  # Misskey repeats what was answered too late
        await installation.end(by="kill" if event is not events[-1] else by)
    assert await installation.waiting() == (LIVES, 0)
    await installation.start()
    await until(lambda: len(shown(installation.discord)) >= LIVES)
    await until_nothing_waits(installation)
    await installation.end(by="terminate")
    assert shown(installation.discord) == [f"note {n}" for n in range(LIVES)]


async def until_nothing_waits(installation: Installation) -> None:
    async def is_empty() -> bool:
        return await installation.waiting() == (0, 0)

    await until(is_empty)


async def test_what_is_not_routed_counts_as_waiting(installation: Installation) -> None:
    await installation.start(routes_after=NEVER)
    answers = [await installation.post(a_note_event(n)) for n in range(MOST + 1)]
    assert answers == [204] * MOST + [503]
    await installation.end(by="kill")
