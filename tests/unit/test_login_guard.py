"""The lock of the page opens to the password, and slows down who guesses."""

import asyncio
from contextlib import suppress

import pytest

from relay.admin.session import (
    ADDRESSES,
    AGAIN,
    FREE,
    MAX_WAIT,
    TOGETHER,
    WAITING,
    LoginGuard,
    TooManyAttemptsError,
    network,
)
from relay.secret import Secret


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> LoginGuard:
    return LoginGuard(Secret("sesame"), monotonic=clock)


async def wrong(guard: LoginGuard, *, by: str = "192.0.2.1") -> float:
    """The wait that a wrong password costs; 0 if it was looked at."""
    try:
        assert not await guard.accepts("wrong", by=by)
    except TooManyAttemptsError as error:
        return error.wait
    return 0.0


async def test_it_opens_to_the_password_alone(guard: LoginGuard) -> None:
    assert await guard.accepts("sesame", by="192.0.2.1")
    assert await guard.accepts("sesame", by="192.0.2.1")  # by the way that is quick
    assert not await guard.accepts("sesam", by="192.0.2.1")
    assert not await guard.accepts("", by="192.0.2.1")
    assert not await guard.accepts("\udcff", by="192.0.2.1")


async def test_each_wrong_password_after_the_first_ones_doubles_the_wait(
    guard: LoginGuard, clock: Clock
) -> None:
    assert [await wrong(guard) for _ in range(FREE)] == [0.0] * FREE
    waits = []
    for _ in range(12):
        waits.append(await wrong(guard))
        clock.now += waits[-1]
        assert await wrong(guard) == 0.0
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == MAX_WAIT


async def test_who_has_to_wait_has_to_even_with_the_password(
    guard: LoginGuard, clock: Clock
) -> None:
    for _ in range(FREE):
        await wrong(guard)
    with pytest.raises(TooManyAttemptsError):
        await guard.accepts("sesame", by="192.0.2.1")
    clock.now += 1.0
    assert await guard.accepts("sesame", by="192.0.2.1")
    assert await wrong(guard) == 0.0  # the count begins anew


async def test_others_do_not_wait(guard: LoginGuard) -> None:
    for _ in range(FREE):
        await wrong(guard)
    assert await guard.accepts("sesame", by="192.0.2.2")


async def test_as_many_addresses_as_one_likes_take_no_memory_without_end(
    guard: LoginGuard, clock: Clock
) -> None:
    for number in range(ADDRESSES + 10):
        assert await wrong(guard, by=f"name-{number}") == 0.0
        clock.now += AGAIN
    assert len(guard._failures) == ADDRESSES


@pytest.mark.parametrize("is_local_peer", [True, False])
async def test_all_addresses_together_have_a_budget_that_grows_again(
    guard: LoginGuard, clock: Clock, is_local_peer: bool
) -> None:
    tried = 0
    for number in range(2000):
        with suppress(TooManyAttemptsError):
            await guard.accepts("wrong", by=f"name-{number}", is_local_peer=is_local_peer)
            tried += 1
        clock.now += 0.01
    assert tried == TOGETHER
    with pytest.raises(TooManyAttemptsError) as refused:
        await guard.accepts("sesame", by="192.0.2.1", is_local_peer=is_local_peer)
    assert 0 < refused.value.wait <= AGAIN
    clock.now += refused.value.wait
    assert await guard.accepts("sesame", by="192.0.2.1", is_local_peer=is_local_peer)


async def test_who_brought_the_password_before_waits_for_no_stranger(guard: LoginGuard) -> None:
    assert await guard.accepts("sesame", by="192.0.2.1", is_local_peer=True)
    for number in range(2 * TOGETHER):
        with suppress(TooManyAttemptsError):
            await guard.accepts("wrong", by=f"name-{number}", is_local_peer=True)
    assert await guard.accepts("sesame", by="192.0.2.1", is_local_peer=True)


async def test_a_scraper_with_the_password_opens_no_way_for_who_guesses_beside_it(
    guard: LoginGuard, clock: Clock
) -> None:
    tried = 0
    for _ in range(1000):
        with suppress(TooManyAttemptsError):
            await guard.accepts("sesame", by="127.0.0.1", is_local_peer=True)
        with suppress(TooManyAttemptsError):
            await guard.accepts("wrong", by="127.0.0.1", is_local_peer=True)
            tried += 1
        clock.now += 1.0
    assert tried <= 2 * TOGETHER + 1000 / AGAIN + 1


async def test_who_scrapes_for_years_uses_nothing_up(guard: LoginGuard) -> None:
    for _ in range(1000):
        assert await guard.accepts("sesame", by="127.0.0.1", is_local_peer=True)


async def test_no_more_than_a_few_passwords_wait_to_be_looked_at(guard: LoginGuard) -> None:
    guesses = [guard.accepts("wrong", by=f"192.0.2.{number}") for number in range(TOGETHER)]
    ends = await asyncio.gather(*guesses, return_exceptions=True)
    assert ends.count(False) == WAITING + 1
    assert sum(isinstance(end, TooManyAttemptsError) for end in ends) == TOGETHER - WAITING - 1


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
