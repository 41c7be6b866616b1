"""The promise: what was answered with 2xx is delivered, whenever the process dies."""

import asyncio
import random
import socket
from pathlib import Path

import aiohttp
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, a_note_event, post

SECRET = "secret"
EVENTS = 500
TOGETHER = 10  # events in a request
KILLS = 20


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def config(discord: FakeDiscord) -> str:
    return f"""
listen: 127.0.0.1:{free_port()}
hold: 0
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""


async def post_until_taken(session: aiohttp.ClientSession, relay: Relay, event: Request) -> None:
    """As Misskey does, only sooner: the same event again until it is answered with 2xx."""
    while True:
        try:
            answer = await post(session, relay.address, "alice", event, secret=SECRET)
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)  # nobody listens: relay is being started again
            continue
        assert answer.status == 204
        return


async def kill_often(relay: Relay, posted: list[Request], chance: random.Random) -> None:
    """Kill the process at random moments, spread over the whole stream of events."""
    for share in range(1, KILLS + 1):
        await until(lambda share=share: len(posted) >= EVENTS * share // (KILLS + 1))  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, 0.05))
        await relay.kill()
        await relay.start()


async def test_kill_9_at_random_instants_loses_nothing_and_keeps_the_order(
    aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    discord = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    events = [a_note_event(n, text=f"note {n}") for n in range(EVENTS)]
    posted: list[Request] = []
    async with serving(tmp_path, config(discord)) as relay, aiohttp.ClientSession() as session:
        killing = asyncio.create_task(kill_often(relay, posted, random.Random(7)))
        for event in events:
            await post_until_taken(session, relay, event)
            posted.append(event)
        await killing
        await until(lambda: len(set(shown(discord))) == EVENTS)
        assert await relay.terminate() == 0
    first_times = list(dict.fromkeys(shown(discord)))
    assert first_times == [f"note {n}" for n in range(EVENTS)]
    # One request is in flight at each death: no more than what it held can have come twice.
    assert len(shown(discord)) - EVENTS <= KILLS * TOGETHER
    assert discord.refused == []


def shown(discord: FakeDiscord) -> list[str]:
    return [one["description"] for one in discord.told()]
