"""Of several processes on PostgreSQL one asks for a hook, and another takes over."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.delivery.lanes import LaneSupervisor
from relay.outbox.postgres import PostgresOutbox
from relay.polling.polls import group
from tests.e2e.waiting import until
from tests.postgres import empty

pytestmark = pytest.mark.postgres
ALICE = group("alice")


@asynccontextmanager
async def node(address: str) -> AsyncIterator[PostgresOutbox]:
    """A process that has no sinks, and asks for one hook."""
    outbox, stop = await PostgresOutbox.open(address), asyncio.Event()

    def new_lane(*_: object) -> None:
        raise AssertionError("a hook has no lane")

    supervisor = LaneSupervisor(new_lane)  # type: ignore[arg-type]
    supervisor.change({}, [[ALICE]])
    clock = lambda: time.time_ns() // 1_000_000  # noqa: E731
    running = asyncio.create_task(supervisor.run(outbox, clock=clock, stop=stop))
    await until(lambda: outbox._membership is not None)
    try:
        yield outbox
    finally:
        stop.set()
        await running
        await outbox.close()


async def test_one_process_asks_for_a_hook_and_another_takes_over(postgres_database: str) -> None:
    await empty(postgres_database)
    async with node(postgres_database) as second:
        async with node(postgres_database) as first:
            nodes = (first, second)
            await until(lambda: [each.owns(ALICE) for each in nodes].count(True) == 1)
        await until(lambda: second.owns(ALICE))
