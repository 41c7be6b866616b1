"""Soaks relay in faults for some minutes; exit code 1 if a promise was broken."""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
from aiohttp import web

from bench.process import free_port
from bench.soak.census import Census, census, numbers, text_of
from bench.soak.gauge import MORE, Gauge
from bench.soak.mishap import mishaps
from bench.soak.weather import weather
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post
from tests.fakes.slack import FakeSlack

RATE = 20  # events in a second
PATIENCE = 180.0  # seconds until all that waits is through, once the sky is clear
SECRET = "the-secret-of-the-hook"
CONFIG = """
listen: 127.0.0.1:{port}
hooks: {{soak: {{secret: {secret}}}}}
retry: [{retry}]
sinks:
  discord: {{type: discord, url: "{discord}", rate: unlimited}}
  slack: {{type: slack, url: "{slack}", rate: unlimited}}
routes: [{{to: [discord, slack]}}]
"""
OFTEN = ", ".join(["1s"] * 200)  # nothing may die of bad weather

Chat = FakeDiscord | FakeSlack


class Stream:
    """Events, one after the other, each again until it is taken: as Misskey does, only sooner."""

    def __init__(self, relay: Relay) -> None:
        self.taken: list[int] = []
        self._relay = relay

    async def run(self, *, until: asyncio.Event) -> None:
        async with aiohttp.ClientSession() as session:
            while not until.is_set():
                await self._send(session, len(self.taken))
                await asyncio.sleep(1 / RATE)

    async def _send(self, session: aiohttp.ClientSession, number: int) -> None:
        event = a_note_event(number, text=text_of(number))
        while True:
            try:
                answer = await post(session, self._relay.address, "soak", event, secret=SECRET)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.05)  # nobody listens: relay is being started again
                continue
            if answer.status == 204:
                self.taken.append(number)
                return
            if answer.status != 503:
                raise RuntimeError(f"relay refused an event: {answer.status}")


async def soak(seconds: float, *, seed: int) -> bool:
    """Whether every promise held."""
    chance = random.Random(seed)
    discord = FakeDiscord(
        webhook_limit=(100, 2.0), channel_limit=None, global_limit=None, invalid_limit=None
    )
    slack = FakeSlack(rate=50.0, burst=100)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_open(discord))
        await stack.enter_async_context(_open(slack))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-soak-"))
        config = _config(discord, slack)
        relay = await stack.enter_async_context(serving(Path(folder), config))
        stream, kills, gauge = await _troubled(relay, (discord, slack), seconds, chance)
        with suppress(TimeoutError):  # the census tells what is missing
            await until(lambda: _all_came(stream, discord, slack), seconds=PATIENCE)
        ended = await relay.terminate()
    found = {
        "discord": census(stream.taken, discord.posts(), discord.faults, kills=kills),
        "slack": census(stream.taken, slack.posts(), slack.faults, kills=kills),
    }
    return _told(len(stream.taken), kills, found, gauge.grown()) and ended == 0


def _all_came(stream: Stream, *chats: Chat) -> bool:
    taken = set(stream.taken)
    return all(taken <= numbers(chat.posts()) for chat in chats)


async def _troubled(
    relay: Relay, chats: tuple[Chat, ...], seconds: float, chance: random.Random
) -> tuple[Stream, int, Gauge]:
    """The two halves; what went in meanwhile, how often it was killed, and what was read."""
    middle, end = asyncio.Event(), asyncio.Event()
    stream = Stream(relay)
    async with asyncio.TaskGroup() as tasks:
        for chat in chats:
            own = random.Random(chance.getrandbits(32))
            tasks.create_task(weather(chat.faults, own, until=end))
        streaming = tasks.create_task(stream.run(until=end))
        falling = tasks.create_task(mishaps(relay, chance, until=middle))
        await asyncio.sleep(seconds / 2)
        middle.set()
        kills = await falling
        if relay.process is None:
            raise RuntimeError("relay does not run")
        process = psutil.Process(relay.process.pid)
        gauge = Gauge(lambda: int(process.memory_info().rss), relay.folder / "relay.db")
        reading = tasks.create_task(gauge.run(stream.taken, until=end))
        await asyncio.sleep(seconds / 2)
        end.set()
        await asyncio.gather(streaming, reading)
    return stream, kills, gauge


def _told(taken: int, kills: int, found: dict[str, Census], grown: dict[str, float]) -> bool:
    print(f"{taken} events went in; relay was killed {kills} times")
    for name, one in found.items():
        print(f"{name}: {one.lost} lost, {one.unasked} unasked, {one.doubled} doubled", end="")
        print(f" (up to {one.excused} excused): {'as promised' if one.holds else 'BROKEN'}")
    for name, ratio in grown.items():
        print(f"{name}: × {ratio:.2f} in the later half: {'flat' if ratio <= MORE else 'GROWS'}")
    return all(one.holds for one in found.values()) and max(grown.values()) <= MORE


def _config(discord: FakeDiscord, slack: FakeSlack) -> str:
    return CONFIG.format(
        port=free_port(), secret=SECRET, retry=OFTEN, discord=discord.url, slack=slack.url
    )


@asynccontextmanager
async def _open(chat: Chat) -> AsyncIterator[None]:
    runner = web.AppRunner(chat.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    chat.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="to see it again")
    given = parser.parse_args()
    # A killed relay breaks off in the middle of requests: no news about the fakes.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    print(f"seed {given.seed}", flush=True)
    return 0 if asyncio.run(soak(60 * given.minutes, seed=given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
