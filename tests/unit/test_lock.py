"""The lock of the page opens to the password, and slows down who guesses."""

import pytest

from relay.secret import Secret
from relay.web.lock import ADDRESSES, FREE, LONGEST, Lock, TooSoonError, network


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lock(clock: Clock) -> Lock:
    return Lock(Secret("sesame"), monotonic=clock)


async def wrong(lock: Lock, *, by: str = "192.0.2.1") -> float:
    """The wait that a wrong password costs; 0 if it was looked at."""
    try:
        assert not await lock.opens("wrong", by=by)
    except TooSoonError as error:
        return error.wait
    return 0.0


async def test_it_opens_to_the_password_alone(lock: Lock) -> None:
    assert await lock.opens("sesame", by="192.0.2.1")
    assert await lock.opens("sesame", by="192.0.2.1")  # by the way that is quick
    assert not await lock.opens("sesam", by="192.0.2.1")
    assert not await lock.opens("", by="192.0.2.1")
    assert not await lock.opens("\udcff", by="192.0.2.1")


async def test_each_wrong_password_after_the_first_ones_doubles_the_wait(
    lock: Lock, clock: Clock
) -> None:
    assert [await wrong(lock) for _ in range(FREE)] == [0.0] * FREE
    waits = []
    for _ in range(12):
        waits.append(await wrong(lock))
        clock.now += waits[-1]
        assert await wrong(lock) == 0.0
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST


async def test_who_has_to_wait_has_to_even_with_the_password(lock: Lock, clock: Clock) -> None:
    for _ in range(FREE):
        await wrong(lock)
    with pytest.raises(TooSoonError):
        await lock.opens("sesame", by="192.0.2.1")
    clock.now += 1.0
    assert await lock.opens("sesame", by="192.0.2.1")
    assert await wrong(lock) == 0.0  # the count begins anew


async def test_others_do_not_wait(lock: Lock) -> None:
    for _ in range(FREE):
        await wrong(lock)
    assert await lock.opens("sesame", by="192.0.2.2")


async def test_as_many_addresses_as_one_likes_take_no_memory_without_end(lock: Lock) -> None:
    for number in range(ADDRESSES + 10):
        await wrong(lock, by=f"name-{number}")
    assert len(lock._tries) == ADDRESSES


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("anything", "anything"),
    ],
)
def test_an_ipv6_household_counts_as_one(address: str, counted: str) -> None:
    assert network(address) == counted
