"""
Sends events from a process of its own: at a steady rate, or many at once where there is no wrk.

``python -m bench.generator URL EVENTS FIRST (--rate N | --connections N) --seconds N`` prints JSON.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import aiohttp

from bench.workload import SECRET, numbered

HEADERS = {"X-Misskey-Hook-Secret": SECRET, "Content-Type": "application/json"}
TIMEOUT = aiohttp.ClientTimeout(total=10)


class Sender:
    """Sends one numbered event after the other."""

    def __init__(self, session: aiohttp.ClientSession, url: str, events: Path, first: int) -> None:
        self.sent: dict[int, float] = {}
        """When each left, in monotonic seconds: the same clock in all processes of a machine."""
        self.answered: list[float] = []
        """How long each good answer took, in milliseconds."""
        self._session = session
        self._url = url
        self._lines = events.read_text(encoding="utf-8").splitlines()
        self._next = first

    async def send(self) -> None:
        number = self._next
        self._next += 1
        body = numbered(self._lines[number % len(self._lines)], number)
        self.sent[number] = began = time.monotonic()
        try:
            async with self._session.post(self._url, data=body, headers=HEADERS) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return
        if answer.ok:
            self.answered.append((time.monotonic() - began) * 1000)


async def crowd(sender: Sender, *, connections: int, seconds: float) -> dict[str, float]:
    """Every connection sends its next event as soon as the last one is answered."""
    began = time.monotonic()

    async def one() -> None:
        while time.monotonic() < began + seconds:
            await sender.send()

    await asyncio.gather(*(one() for _ in range(connections)))
    shares = quantiles(sender.answered, n=100, method="inclusive")
    return {
        "answered": len(sender.sent),
        "seconds": time.monotonic() - began,
        "failed": len(sender.sent) - len(sender.answered),
        "p50": shares[49],
        "p99": shares[98],
        "longest": max(sender.answered),
    }


async def steady(sender: Sender, *, rate: int, seconds: float) -> dict[int, float]:
    """An event at each tick, whether or not the ones before are answered."""
    async with asyncio.TaskGroup() as tasks:
        for at in _ticks(rate, seconds):
            await asyncio.sleep(at - time.monotonic())
            tasks.create_task(sender.send())
    return sender.sent


def _ticks(rate: int, seconds: float) -> Iterator[float]:
    began = time.monotonic()
    return (began + number / rate for number in range(round(rate * seconds)))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("events", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("--rate", type=int)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    connector = aiohttp.TCPConnector(limit=0 if given.rate else given.connections)
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
        sender = Sender(session, given.url, given.events, given.first)
        if given.rate:
            print(json.dumps(await steady(sender, rate=given.rate, seconds=given.seconds)))
        else:
            told = await crowd(sender, connections=given.connections, seconds=given.seconds)
            print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
