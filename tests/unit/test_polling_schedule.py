"""When a list is asked for again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.outcome import Cause, Closed, Failed, RateLimited
from relay.polling.schedule import MAX_PAUSE, RECHECK, PollStatus, refused, succeeded

NOW = 1_800_000_000_000
DOWN = Failed("502", cause=Cause.SICK)


def test_after_a_success_it_is_due_after_the_interval() -> None:
    status = succeeded(now=NOW, interval=60.0)
    assert (status.due_at, status.succeeded_at, status.error) == (NOW + 60_000, NOW, None)


def test_without_an_interval_it_is_asked_for_once() -> None:
    assert succeeded(now=NOW, interval=0).due_at is None
    assert refused(PollStatus(), DOWN, now=NOW, interval=0).due_at == NOW + 60_000


def test_pauses_grow_up_to_a_limit() -> None:
    status, pauses = PollStatus(), []
    for _ in range(6):
        status = refused(status, DOWN, now=NOW, interval=60.0)
        assert status.due_at is not None
        pauses.append((status.due_at - NOW) / 1000)
    assert pauses == [60, 120, 240, 480, MAX_PAUSE, MAX_PAUSE]
    assert status.error == "502"
    assert not status.is_closed


def test_a_limit_is_waited_for_as_long_as_the_server_asks() -> None:
    status = refused(PollStatus(), RateLimited(300.0), now=NOW, interval=60.0)
    assert status.due_at == NOW + 300_000
    assert status.error == "the server limits requests"
    assert refused(PollStatus(), RateLimited(1.0), now=NOW, interval=60.0).due_at == NOW + 60_000


def test_a_refusal_closes_the_list_and_says_why() -> None:
    closed = Closed("401 AUTHENTICATION_FAILED", cause=Cause.TOKEN)
    status = refused(PollStatus(succeeded_at=5), closed, now=NOW, interval=60.0)
    assert status.is_closed
    assert status.due_at == NOW + RECHECK * 1000
    assert (status.error, status.cause) == ("401 AUTHENTICATION_FAILED", Cause.TOKEN)
    assert status.succeeded_at == 5  # the last success stays visible


@pytest.mark.parametrize("interval", [0.0, 10.0, 60.0, 86400.0])
@given(
    st.lists(
        st.sampled_from([DOWN, Closed("x")]) | st.floats(1, 21600).map(RateLimited), max_size=50
    )
)
def test_nothing_is_asked_for_more_often_than_every_interval(
    interval: float, refusals: list[Failed | Closed | RateLimited]
) -> None:
    status = PollStatus()
    for refusal in refusals:
        status = refused(status, refusal, now=NOW, interval=interval)
        assert status.due_at is not None
        least = min(interval or 60.0, RECHECK) if isinstance(refusal, Closed) else interval or 60.0
        assert status.due_at - NOW >= least * 1000
