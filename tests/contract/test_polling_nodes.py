"""Of several processes on PostgreSQL one asks for a hook, and another takes over."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from relay.delivery.lanes import LaneSupervisor
from relay.outbox.postgres import PostgresOutbox
from relay.polling.polls import group
from tests.e2e.waiting import until
from tests.postgres import empty

pytestmark = pytest.mark.postgres
ALICE = group("alice")


@dataclass(frozen=True, slots=True)
class Node:
    """A process that has no sinks, and asks for one hook."""

    outbox: PostgresOutbox
    running: asyncio.Task[None]

    def asks(self) -> bool:
        return self.outbox.owns(ALICE)

    async def die(self) -> None:
        """As by ``kill -9``: nothing more is said to anybody."""
        self.running.cancel()
        await asyncio.wait([self.running])


@asynccontextmanager
async def started(address: str) -> AsyncIterator[Node]:
    outbox, stop = await PostgresOutbox.open(address), asyncio.Event()

    def new_lane(*_: object) -> None:
        raise AssertionError("a hook has no lane")

    supervisor = LaneSupervisor(new_lane)  # type: ignore[arg-type]
    supervisor.change({}, [[ALICE]])
    clock = lambda: time.time_ns() // 1_000_000  # noqa: E731
    running = asyncio.create_task(supervisor.run(outbox, clock=clock, stop=stop))
    await until(lambda: outbox._membership is not None)
    try:
        yield Node(outbox, running)
    finally:
        stop.set()
        await asyncio.wait([running])
        await outbox.close()


@pytest.mark.parametrize("how", ["stops", "dies"])
async def test_one_process_asks_for_a_hook_and_another_takes_over(
    postgres_database: str, how: str
) -> None:
    await empty(postgres_database)
    async with started(postgres_database) as second:
        async with started(postgres_database) as first:
            nodes = (first, second)
            await until(lambda: [node.asks() for node in nodes].count(True) == 1)
            if how == "dies":
                await next(node for node in nodes if node.asks()).die()
                left = next(node for node in nodes if not node.running.done())
                await until(left.asks)
                assert [node.asks() for node in nodes].count(True) == 1
        if how == "stops":
            await until(second.asks)
            assert not first.asks()
