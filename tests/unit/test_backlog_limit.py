"""How much may wait, and how often that is counted."""

import pytest

from relay.errors import BacklogFullError, BrokenError, OutboxError
from relay.intake.backlog_limit import BacklogLimit

MOST = 2_000_000


class Outbox:
    """Tells how many wait, and remembers how often it was asked."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.asked = 0
        self.fails: type[OutboxError] | None = None

    async def count(self) -> int:
        self.asked += 1
        if self.fails is not None:
            raise self.fails("it does not answer in time")
        return self.waiting


async def asked_within(seconds: int, outbox: Outbox) -> int:
    limit = BacklogLimit(outbox.count)
    for now in range(0, seconds * 1000, 100):
        await limit.check(MOST, now=now)
    return outbox.asked


async def test_little_is_counted_once_a_second_and_much_more_rarely() -> None:
    assert await asked_within(60, Outbox(10)) == 60
    assert await asked_within(60, Outbox(1_000_000)) == 3


async def test_what_reaches_the_ceiling_between_two_counts_is_refused() -> None:
    outbox = Outbox(8)
    limit = BacklogLimit(outbox.count)
    await limit.check(10, now=0)
    limit.add(2)
    with pytest.raises(BacklogFullError, match="10 messages wait, and max_waiting is 10"):
        await limit.check(10, now=500)
    await limit.check(10, now=1000)  # some have gone meanwhile


async def test_a_clock_that_is_set_back_keeps_nobody_out() -> None:
    outbox = Outbox(10)
    limit = BacklogLimit(outbox.count)
    with pytest.raises(BacklogFullError):
        await limit.check(10, now=10**6)
    outbox.waiting = 0
    await limit.check(10, now=0)


async def test_where_nobody_can_count_in_time_events_are_taken_up_to_the_ceiling() -> None:
    outbox = Outbox(8)
    limit = BacklogLimit(outbox.count)
    await limit.check(10, now=0)
    outbox.fails = OutboxError
    await limit.check(10, now=1000)
    limit.add(2)
    with pytest.raises(BacklogFullError):
        await limit.check(10, now=2000)


async def test_a_broken_outbox_is_told_as_such() -> None:
    outbox = Outbox(0)
    outbox.fails = BrokenError
    with pytest.raises(BrokenError):
        await BacklogLimit(outbox.count).check(10, now=0)
