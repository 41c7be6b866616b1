"""The database does what it is asked, and the answer is lost: nobody has to wait for that."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post
from tests.lossy import Line, line_to
from tests.postgres import empty

pytestmark = pytest.mark.postgres

SECRET = "secret"
CARRYING = ("claim", "join", "save")
"""The commits of an attempt."""
SOON = 20.0  # seconds; before a lease ends, or anybody looks for himself


@pytest.fixture
async def address(postgres_database: str) -> str:
    await empty(postgres_database)
    return postgres_database


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord) -> str:
    return f"""
listen: 127.0.0.1:0
hold: 1s
outbox: ${{OUTBOX}}
hooks: {{alice: {{secret: {SECRET}}}}}
sinks:
  team: {{type: discord, url: "{discord.url}", rate: 1/3s}}
  quiet: {{type: discord, url: "{discord.url}", rate: 1/3s}}
routes:
  - {{match: {{text: "note [0-3]"}}, to: team}}
  - {{match: {{text: "note 4"}}, to: quiet}}
"""


Take = Callable[[int], Awaitable[None]]


async def taken(relay: Relay, session: aiohttp.ClientSession, n: int) -> None:
    """As Misskey does it: the same event again until it is answered with 2xx."""

    async def is_taken() -> bool:
        event = a_note_event(n, text=f"note {n}.")
        answer = await post(session, relay.address, "alice", event, secret=SECRET)
        assert answer.status in {204, 503}
        return answer.status == 204

    await until(is_taken)


def shown(discord: FakeDiscord) -> list[str]:
    return list(dict.fromkeys(one.get("description", "") for one in discord.told()))


@asynccontextmanager
async def carrying(
    address: str, discord: FakeDiscord, folder: Path
) -> AsyncIterator[tuple[Line, Take]]:
    """A relay that has shown note 0, so that its sink rests; and how the next notes come to it."""
    async with (
        line_to(address) as line,
        serving(folder, config(discord), {"OUTBOX": line.address}) as relay,
        aiohttp.ClientSession() as session,
    ):
        await taken(relay, session, 0)
        await until(lambda: shown(discord) == ["note 0."])
        yield line, lambda n: taken(relay, session, n)


async def test_an_event_that_is_stored_without_an_answer_arrives_soon_after_it_comes_again(
    address: str, discord: FakeDiscord, tmp_path: Path
) -> None:
    async with carrying(address, discord, tmp_path) as (line, take):
        line.lose(b"note 4.")
        await take(4)  # its lane has nothing else that would keep it awake
        assert line.has_lost
        await until(lambda: shown(discord) == ["note 0.", "note 4."], seconds=SOON)


async def test_an_event_that_is_routed_without_an_answer_arrives_soon_and_once(
    address: str, discord: FakeDiscord, tmp_path: Path
) -> None:
    async with carrying(address, discord, tmp_path) as (line, take):
        line.lose_commit()
        await take(4)
        await until(lambda: shown(discord) == ["note 0.", "note 4."], seconds=SOON)
        await until(lambda: line.has_lost)
    assert len(discord.told()) == 2


@pytest.mark.parametrize("lost", CARRYING)
async def test_what_is_carried_without_an_answer_arrives_soon(
    address: str, discord: FakeDiscord, tmp_path: Path, lost: str
) -> None:
    async with carrying(address, discord, tmp_path) as (line, take):
        for n in range(1, 4):
            await take(n)
        line.lose_commit(after=CARRYING.index(lost))
        await until(lambda: shown(discord) == [f"note {n}." for n in range(4)], seconds=SOON)
        await until(lambda: line.has_lost)
    assert len(discord.told()) == 4
