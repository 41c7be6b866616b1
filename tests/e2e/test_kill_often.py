"""Two hundred deaths while slow, limited and failing chats are served: the promises hold."""

import asyncio
import random
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e import forked
from tests.e2e.test_kill import free_port
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import AFTER_STORE, BEFORE_STORE, rate_limited
from tests.fakes.misskey import a_note_event, post
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import Synapse

SECRET = "secret"
KILLS = 200
LIFE = 0.2  # seconds at most, beyond a start


def config(discord: FakeDiscord, slack: FakeSlack, synapse: Synapse, room: str, port: int) -> str:
    return f"""
listen: 127.0.0.1:{port}
hold: 0
retry: [10ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms]
hooks: {{alice: {{secret: {SECRET}}}}}
sinks:
  discord: {{type: discord, url: "{discord.url}", rate: unlimited}}
  slack: {{type: slack, url: "{slack.url}", rate: unlimited}}
  matrix: {{type: matrix, homeserver: "{synapse.base_url}", room: "{room}", emojis: names,
           token: "{synapse.bot.token}", rate: unlimited}}
routes: [{{to: [discord, slack, matrix]}}]
"""


async def live_and_die(
    folder: Path, posted: list[int], chance: random.Random, *, kills: int = KILLS
) -> None:
    """
    Every fourth life ends during its start, the others in the middle of their work.

    In every third the router is late, so that they end between the answer to an event and routing.
    """
    for life in range(kills):
        taken = len(posted)
        late = 0.0 if life % 3 else LIFE / 2
        process = await asyncio.to_thread(forked.start, folder, routes_after=late)
        if life % 4:
            await until(lambda taken=taken: len(posted) > taken)  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, LIFE))
        await asyncio.to_thread(forked.kill, process)


async def post_on(
    session: aiohttp.ClientSession, address: str, posted: list[int], dying: asyncio.Task[None]
) -> None:
    """Post one event after the other until the dying is over."""
    while not dying.done():
        await post_until_taken(session, address, len(posted))
        posted.append(len(posted))


async def post_until_taken(session: aiohttp.ClientSession, address: str, number: int) -> None:
    """As Misskey does, only sooner: the same event again until it is answered with 2xx."""
    event = a_note_event(number, text=text(number))
    while True:
        try:
            answer = await post(session, address, "alice", event, secret=SECRET)
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.01)
            continue
        assert answer.status == 204
        return


def text(number: int) -> str:
    return f"note {number} of many"


def numbers(written: object) -> tuple[int, ...]:
    """The notes that a message shows, in its order, each once: fallbacks repeat them."""
    return tuple(dict.fromkeys(map(int, re.findall(r"note (\d+) of many", str(written)))))


def in_turn(messages: Sequence[tuple[int, ...]]) -> list[int]:
    """All notes in the order of messages, of which each may come again right after itself."""
    return [number for message, _ in groupby(messages) for number in message]


@pytest.mark.timeout(3600)  # it takes five minutes on a quiet machine
@pytest.mark.synapse
async def test_two_hundred_deaths_lose_nothing_and_double_only_what_nobody_could_know(
    aiohttp_server: AiohttpServer, synapse: Synapse, tmp_path: Path
) -> None:
    discord = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    slack = FakeSlack(rate=None)
    for fake in (discord, slack):
        fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    discord.faults.fail_randomly(0.1, seed=1, pool=(*BEFORE_STORE, *AFTER_STORE))
    slack.faults.fail_randomly(0.1, seed=2, pool=(*AFTER_STORE, rate_limited("1")))
    discord.faults.delay = 0.02
    port, room = free_port(), await synapse.create_room()
    (tmp_path / "config.yaml").write_text(config(discord, slack, synapse, room, port))

    async with aiohttp.ClientSession() as session:
        expected: list[int] = []
        dying = asyncio.create_task(live_and_die(tmp_path, expected, random.Random(11)))
        address = f"http://127.0.0.1:{port}"
        posting = asyncio.create_task(post_on(session, address, expected, dying))
        await dying
        last = await asyncio.to_thread(forked.start, tmp_path)
        await posting
    for fake in (discord, slack):
        fake.faults.fail_randomly(0)

    async def shown_in_room() -> list[tuple[int, ...]]:
        found = await synapse.messages(room)
        return [numbers(one["content"]["formatted_body"]) for one in found]

    async def is_through() -> bool:
        rooms = [shown(discord), shown(slack), await shown_in_room()]
        return all(messages and messages[-1][-1] == expected[-1] for messages in rooms)

    await until(is_through, seconds=1200)
    await asyncio.to_thread(forked.kill, last)
    assert len(expected) > KILLS
    assert [number for message in await shown_in_room() for number in message] == expected
    for fake in (discord, slack):
        assert in_turn(shown(fake)) == expected
        # At each death one request at most was on its way, and its answer found nobody.
        doubled = len(shown(fake)) - len(list(groupby(shown(fake))))
        assert doubled <= KILLS + sum(fault.stored for fault in fake.faults.played)
        assert [one for one in fake.refused if numbers(one.payload)] == []  # but for probes


def shown(fake: FakeDiscord | FakeSlack) -> list[tuple[int, ...]]:
    return [numbers(one.payload) for one in fake.posts()]
