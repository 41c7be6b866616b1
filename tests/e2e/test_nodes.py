"""Several processes on one PostgreSQL, of which any may die: nothing is lost or out of order."""

import asyncio
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from pytest_aiohttp import AiohttpServer

from relay.outbox.postgres.connection import SETTINGS
from tests import postgres
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, a_note_event, post
from tests.fakes.synapse import Synapse
from tests.postgres import Postgres

pytestmark = pytest.mark.postgres

SECRET = "secret"
EVENTS = 5000
CHANNELS = 8
NODES = 3
AWAY = 15.0  # seconds; longer than a lease
PATIENCE = 600.0  # seconds; how fast events are taken depends on the machine
DEATHS = 3
TOGETHER = 10  # messages in one request

LEFT = """
SELECT delivery.id, delivery.sink, event_id, state, attempt, claimed, batch, reason,
       round(due_at / 1000.0 - extract(epoch FROM clock_timestamp())) AS due_in_seconds,
       lane.node, node.until - clock_timestamp() AS node_lives_for
FROM delivery JOIN event ON event.id = delivery.event
LEFT JOIN lane ON lane.sink = delivery.sink LEFT JOIN node ON node.id = lane.node
WHERE state <> 'delivered' ORDER BY delivery.id LIMIT 50
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of our own, for it is stopped and started."""
    with postgres.started() as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    with postgres.new_database(server.address) as address:
        yield address


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    """It has the limit by which Discord is known, and as many channels as we need."""
    fake = FakeDiscord(webhook_limit=(5, 2.0), channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(sinks: Sequence[str], routes: Sequence[str]) -> str:
    return f"""
listen: 127.0.0.1:0
outbox: ${{OUTBOX}}
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{{", ".join(sinks)}}}
routes: [{", ".join(routes)}]
"""


async def nodes_on(
    stack: AsyncExitStack, folder: Path, config: str, database: str
) -> Sequence[Relay]:
    found = []
    for n in range(NODES):
        (folder / f"{n}").mkdir()
        relay = serving(folder / f"{n}", config, {"OUTBOX": database})
        found.append(await stack.enter_async_context(relay))
    return found


class Balancer:
    """As nginx does it: round robin, and the next one where the first does not answer."""

    def __init__(self, nodes: Sequence[Relay], session: aiohttp.ClientSession) -> None:
        self._nodes = nodes
        self._session = session
        self.posted = 0

    async def post(self, event: Request) -> None:
        """As Misskey does it, only sooner: the same event again until it is answered with 2xx."""
        turn = self.posted
        while True:
            turn += 1
            node = self._nodes[turn % len(self._nodes)]
            try:
                async with asyncio.timeout(5.0):
                    answer = await post(self._session, node.address, "alice", event, secret=SECRET)
            except (TimeoutError, aiohttp.ClientError):
                continue
            if answer.status == 204:
                break
            assert answer.status == 503
            await asyncio.sleep(0.01)
        self.posted += 1


async def trouble(nodes: Sequence[Relay], server: Postgres, balancer: Balancer) -> None:
    """Processes are killed, stopped and continued, and so is the database, all under load."""
    await until(lambda: balancer.posted > EVENTS * 1 // 6, seconds=PATIENCE)
    await nodes[0].kill()
    await until(lambda: balancer.posted > EVENTS * 2 // 6, seconds=PATIENCE)
    await nodes[0].start()
    await asyncio.to_thread(server.restart, "immediate")
    await until(lambda: balancer.posted > EVENTS * 3 // 6, seconds=PATIENCE)
    nodes[1].signal(signal.SIGSTOP)
    await asyncio.sleep(AWAY)  # that is what is tested: it is away for longer than its lease
    nodes[1].signal(signal.SIGCONT)
    await until(lambda: balancer.posted > EVENTS * 4 // 6, seconds=PATIENCE)
    await nodes[2].kill()
    await nodes[2].start()
    await until(lambda: balancer.posted > EVENTS * 5 // 6, seconds=PATIENCE)
    assert await nodes[0].terminate() == 0
    await nodes[0].start()


def channel(n: int) -> int:
    return n % (CHANNELS + 1)


@pytest.mark.timeout(3600)  # five thousand events, however slow a busy machine takes them
@pytest.mark.synapse
async def test_nothing_is_lost_or_out_of_order_whoever_dies(
    server: Postgres, database: str, discord: FakeDiscord, synapse: Synapse, tmp_path: Path
) -> None:
    room = await synapse.create_room()
    webhooks = [discord.add_webhook() for _ in range(CHANNELS)]
    sinks = [
        f'd{n}: {{type: discord, url: "{discord.url_of(webhook)}", rate: 5/2s}}'
        for n, webhook in enumerate(webhooks)
    ]
    sinks.append(
        f'd{CHANNELS}: {{type: matrix, homeserver: "{synapse.base_url}", room: "{room}",'
        f' token: "{synapse.bot.token}"}}'
    )
    routes = [f'{{match: {{text: "to {n}$"}}, to: d{n}}}' for n in range(CHANNELS + 1)]
    events = [a_note_event(n, text=f"note {n} to {channel(n)}") for n in range(EVENTS)]
    async with AsyncExitStack() as stack:
        nodes = await nodes_on(stack, tmp_path, config(sinks, routes), database)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        balancer = Balancer(nodes, session)
        troubling = asyncio.create_task(trouble(nodes, server, balancer))
        for event in events:
            await balancer.post(event)
        await troubling
        by_channel = {webhook.id: n for n, webhook in enumerate(webhooks)}
        wanted = {n: [one for one in range(EVENTS) if channel(one) == n] for n in range(CHANNELS)}
        in_room = [one for one in range(EVENTS) if channel(one) == CHANNELS]
        with suppress(TimeoutError):
            await until(lambda: all_there(shown_by(discord, by_channel), wanted), seconds=PATIENCE)
            await until(lambda: has_shown(synapse, room, in_room), seconds=PATIENCE)
        assert await left_in(database) == []
    shown = shown_by(discord, by_channel)
    assert {n: list(dict.fromkeys(seen)) for n, seen in shown.items()} == wanted
    assert await texts_in(synapse, room) == in_room
    # One request of each lane is in flight when its process dies: it can have come twice.
    assert sum(map(len, shown.values())) + len(in_room) - EVENTS <= DEATHS * CHANNELS * TOGETHER
    assert (discord.refused, discord.limited) == ([], [])


def shown_by(discord: FakeDiscord, by_channel: Mapping[str, int]) -> Mapping[int, list[int]]:
    """The notes in each channel, in order."""
    found: dict[int, list[int]] = {}
    for one in discord.posts():
        texts = " ".join(embed["description"] for embed in one.payload["embeds"])
        found.setdefault(by_channel[one.via], []).extend(numbers(texts))
    return found


def all_there(shown: Mapping[int, list[int]], wanted: Mapping[int, list[int]]) -> bool:
    return {n: set(seen) for n, seen in shown.items()} == {n: set(all) for n, all in wanted.items()}


async def texts_in(synapse: Synapse, room: str) -> list[int]:
    messages = await synapse.messages(room)
    return [n for one in messages for n in numbers(one["content"]["body"])]


async def has_shown(synapse: Synapse, room: str, wanted: list[int]) -> bool:
    return set(await texts_in(synapse, room)) >= set(wanted)


async def left_in(database: str) -> Sequence[str]:
    """What has not arrived, with what tells why."""
    db = await asyncpg.connect(database, server_settings=SETTINGS)
    try:
        rows = await db.fetch(LEFT)
    finally:
        await db.close()
    return [", ".join(f"{name}={value}" for name, value in row.items()) for row in rows]


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"note (\d+) to", text)]
