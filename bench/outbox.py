"""
How fast an outbox takes events and gives deliveries out, while nothing, much and very much waits.

``python -m bench.outbox``; ``--quick`` only tries whether this works. On both outboxes, each commit
on the disk. The backlogs are measured in turns, in many short rounds, forwards and backwards: what
can be compared between machines, and on one that others use too, is the rate with a backlog beside
the rate without one, in the same round.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from relay.outbox import ClaimRequest, JournalEntry, Outbox, RoutedEvent, open_outbox
from relay.outcome import Attempt, State
from tests import postgres

BACKLOGS = (0, 100_000, 1_000_000)
SINKS = [f"sink-{n}" for n in range(100)]
LANES = SINKS[:8]
ROUNDS = 31
ACCEPTED = 600
CLAIMED = 40  # by each lane
TOGETHER = 64
RAW = b"x" * 1700
LEASE = 300_000

Rates = Mapping[str, float]


async def _decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
    return [RoutedEvent(sinks=dict.fromkeys(entry.hook.split(","), "all")) for entry in entries]


class Bench:
    """One outbox with its backlog."""

    def __init__(self, outbox: Outbox, backlog: int) -> None:
        self._outbox = outbox
        self._backlog = backlog
        self._number = 0

    async def fill(self) -> None:
        """An event for every sink at a time: what waits are deliveries."""
        waiting = asyncio.Semaphore(TOGETHER)
        await asyncio.gather(
            *(self._accept(SINKS, waiting) for _ in range(self._backlog // len(SINKS)))
        )
        await self._route()

    async def measured(self) -> Rates:
        waiting = asyncio.Semaphore(TOGETHER)
        began = time.perf_counter()
        await asyncio.gather(
            *(self._accept([LANES[n % len(LANES)]], waiting) for n in range(ACCEPTED))
        )
        await self._route()
        accepted = time.perf_counter()
        await asyncio.gather(*(self._carry(sink) for sink in LANES))
        claimed = time.perf_counter()
        return {
            "intake": ACCEPTED / (accepted - began),
            "claim": CLAIMED * len(LANES) / (claimed - accepted),
        }

    async def _accept(self, sinks: Sequence[str], waiting: asyncio.Semaphore) -> None:
        self._number += 1
        number = self._number
        entry = JournalEntry(
            hook=",".join(sinks),
            event_id=f"{number}",
            kind="note",
            server="https://misskey.example",
            created_at=number,
            accepted_at=number,
            raw=RAW,
        )
        async with waiting:
            await self._outbox.journal(entry)

    async def _route(self) -> None:
        while (await self._outbox.route(_decide, limit=TOGETHER)).has_more:
            pass

    async def _carry(self, sink: str) -> None:
        """What a lane asks of the outbox: claim, save."""
        for _ in range(CLAIMED):
            claim = await self._outbox.claim(ClaimRequest(sink, now=10**12, lease=LEASE, hold=300))
            if claim is None:
                return
            done = [replace(one, state=State.DELIVERED, message="m") for one in claim.deliveries]
            attempt = Attempt(at=10**12, took=100, outcome="Sent")
            await self._outbox.save(done, claimed=claim.deliveries, attempt=attempt)


@asynccontextmanager
async def benches(addresses: Sequence[str], backlogs: Sequence[int]) -> AsyncIterator[list[Bench]]:
    async with AsyncExitStack() as stack:
        found = []
        for address, backlog in zip(addresses, backlogs, strict=True):
            outbox = await stack.enter_async_context(open_outbox(address))
            found.append(Bench(outbox, backlog))
            await found[-1].fill()
        yield found


async def rounds(
    addresses: Sequence[str], backlogs: Sequence[int], number: int
) -> Sequence[Sequence[Rates]]:
    """Of each round the rates of each backlog, after one that does not count."""
    async with benches(addresses, backlogs) as found:
        measured = []
        for turn in range(number + 1):
            order = range(len(found))[:: -1 if turn % 2 else 1]
            rates = {place: await found[place].measured() for place in order}
            measured.append([rates[place] for place in range(len(found))])
    return measured[1:]


def show(kind: str, backlogs: Sequence[int], measured: Sequence[Sequence[Rates]]) -> None:
    for what in ("intake", "claim"):
        for place, backlog in enumerate(backlogs):
            rate = statistics.median(one[place][what] for one in measured)
            ratio = statistics.median(one[place][what] / one[0][what] for one in measured)
            print(f"{kind:<10} {what:<6} {backlog:>9} waiting  {rate:>6.0f}/s  {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast an outbox is, whatever waits in it.")
    parser.add_argument("--quick", action="store_true", help="a hundredth of what waits, once")
    quick = parser.parse_args().quick
    number = 1 if quick else ROUNDS
    backlogs = [backlog // 100 if quick else backlog for backlog in BACKLOGS]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [f"sqlite:{folder}/{backlog}.db" for backlog in backlogs]
        show("sqlite", backlogs, asyncio.run(rounds(files, backlogs, number)))
        server = postgres.given() or stack.enter_context(postgres.started()).address
        databases = [stack.enter_context(postgres.new_database(server)) for _ in backlogs]
        show("postgresql", backlogs, asyncio.run(rounds(databases, backlogs, number)))


if __name__ == "__main__":
    main()
