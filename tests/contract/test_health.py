"""Whether a relay is ready is judged by its parts: lanes that come round, an outbox that writes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay.aio import Heartbeat
from relay.errors import OutboxError
from relay.monitoring import health as health_module
from relay.monitoring.health import FRESH, MARGIN, HealthCheck
from relay.outbox import Outbox


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Disk:
    """An intake of which only the disk matters."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.refusal: str | None = None
        self.hangs = False
        self.touched = 0

    async def try_write(self) -> None:
        self.touched += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def health_check(
    disk: Disk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HealthCheck]:
    monkeypatch.setattr(health_module, "WRITE_TIMEOUT", 0.01)
    heartbeat = Heartbeat(monotonic=clock)
    heartbeat.beat(within=100)
    made: Any = HealthCheck(disk, lambda: {"the lane of team": heartbeat}, monotonic=clock)
    yield made
    await made.close()


async def test_all_is_well(health_check: HealthCheck) -> None:
    report = await health_check.check()
    assert (report.is_ready, report.reasons) == (True, ())


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 5 * 1024 * 1024])
async def test_every_outbox_can_be_touched_and_keeps_nothing_of_it(
    outbox: Outbox, size: int
) -> None:
    await outbox.touch(size)
    await outbox.touch(size)
    assert await outbox.stored_events("") == []
    assert await outbox.counts() == {}


async def test_a_refused_event_is_remembered_until_one_as_large_was_stored(
    health_check: HealthCheck, disk: Disk
) -> None:
    assert (await health_check.check()).is_ready
    disk.refusal = "relay.db: database or disk is full"
    report = await health_check.check()  # though what was probed is fresh
    assert report.unable == (
        "the last event could not be stored: relay.db: database or disk is full",
    )
    disk.refusal = None
    assert (await health_check.check()).is_ready


async def test_a_lane_that_hangs_is_named_after_a_margin(
    health_check: HealthCheck, clock: Clock
) -> None:
    clock.now += 100 + MARGIN
    assert (await health_check.check()).is_ready
    clock.now += 1
    assert (await health_check.check()).stuck == (
        "the lane of team should have come round 31 s ago",
    )


async def test_an_outbox_that_cannot_write_is_not_ready_but_does_not_hang(
    health_check: HealthCheck, disk: Disk, clock: Clock
) -> None:
    disk.trouble = OutboxError("relay.db: disk is full")
    report = await health_check.check()
    assert (report.stuck, report.unable) == (
        (), ("no event can be stored: relay.db: disk is full",),
    )  # fmt: skip
    disk.trouble = None
    clock.now += FRESH
    assert (await health_check.check()).is_ready


async def test_an_outbox_that_does_not_answer_hangs_after_a_while(
    health_check: HealthCheck, disk: Disk, clock: Clock
) -> None:
    disk.hangs = True
    report = await health_check.check()
    assert (report.stuck, report.unable) == ((), ("the outbox has not written for 0 s",))
    clock.now += MARGIN
    report = await health_check.check()
    assert (report.stuck, report.unable) == (("the outbox has not written for 30 s",), ())
    assert disk.touched == 1


async def test_who_asks_often_costs_no_more_writes(
    health_check: HealthCheck, disk: Disk, clock: Clock
) -> None:
    for _ in range(10):
        await health_check.check()
    assert disk.touched == 1
    clock.now += FRESH
    await asyncio.gather(*(health_check.check() for _ in range(10)))
    assert disk.touched == 2


async def test_a_bug_is_not_taken_for_a_full_disk(health_check: HealthCheck, disk: Disk) -> None:
    disk.trouble = KeyError("bug")
    with pytest.raises(KeyError):
        await health_check.check()
