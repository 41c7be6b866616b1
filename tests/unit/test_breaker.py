"""Whether a sink is failing, or one message is poison."""

from collections.abc import Callable
from itertools import accumulate, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.breaker import (
    JITTER,
    PASSING,
    SUSPECT,
    Breaker,
    Isolating,
    Open,
    Retrying,
    ambiguous_backoff,
    backoff,
    is_open,
    judge,
    on_no_others,
    on_outcome,
    on_probe_failure,
    passed_over,
    pause,
    sink_refuses,
    suspects,
)
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent

NO = Failed("502")
UNSENT = Failed("connection refused", unsent=True)


def after(*ends: tuple[int, Outcome], first: Breaker = PASSING) -> Breaker:
    breaker = first
    for batch, outcome in ends:
        breaker = on_outcome(breaker, batch, outcome)
    return breaker


def retrying(*batches: int) -> Retrying:
    return Retrying(frozenset(batches))


def test_three_failures_in_a_row_open_the_breaker() -> None:
    assert [is_open(after(*[(1, NO)] * n)) for n in range(5)] == [False, False, False, True, True]


@pytest.mark.parametrize("answer", [Sent(), RateLimited(1), Rejected("400"), Closed("404")])
def test_an_answer_of_the_sink_closes_it(answer: Outcome) -> None:
    assert not is_open(after((1, NO), (1, NO), (1, NO), (1, answer), (1, NO), (1, NO)))


@pytest.mark.parametrize("pause", [backoff, ambiguous_backoff])
def test_pauses_grow_and_end_growing(pause: Callable[[int], float]) -> None:
    pauses = [pause(number) for number in range(60)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2]
    assert 0 < pauses[0] < pauses[-1] <= 1800


@pytest.mark.parametrize(
    ("pause", "minutes"),
    [
        pytest.param(backoff, 11, id="by requests that show nothing twice"),
        pytest.param(ambiguous_backoff, 4, id="by requests that may"),
    ],
)
def test_a_chat_that_is_back_is_found_within_a_minute(
    pause: Callable[[int], float], minutes: int
) -> None:
    passed, number = 8.0, 0
    while passed < minutes * 60:
        assert pause(number) * JITTER <= 60
        passed += pause(number) * (2 - JITTER)
        number += 1


def test_what_may_have_been_shown_is_repeated_seldom() -> None:
    hour = list(takewhile(lambda at: at < 3600, accumulate(map(ambiguous_backoff, range(60)))))
    assert len(hour) < 15


def test_a_batch_that_fails_twice_though_the_sink_answers_lets_the_next_one_be_tried() -> None:
    assert passed_over(after(*[(7, NO)] * 4)) == frozenset()
    assert passed_over(after(*[(7, NO)] * 5)) == {7}


def test_a_sink_that_does_not_answer_is_no_matter_of_a_message() -> None:
    breaker = after(*[(7, NO)] * 4)
    for _ in range(10):
        breaker = on_probe_failure(breaker)
    assert isinstance(breaker, Open)
    assert breaker.failures.number == 14
    assert isinstance(after((7, NO), first=breaker), Open)
    assert passed_over(after((7, NO), (7, NO), first=breaker)) == {7}


def test_nor_is_one_that_could_not_be_reached() -> None:
    breaker = after(*[(7, UNSENT)] * 9)
    assert isinstance(breaker, Open)
    assert (breaker.evidence.failed, sink_refuses(breaker)) == (frozenset(), False)
    assert judge(retrying(7), 7, UNSENT) == UNSENT


def test_when_the_next_fails_too_it_is_the_sink() -> None:
    breaker = after(*[(7, NO)] * 5, (8, NO))
    assert isinstance(breaker, Open)
    assert sink_refuses(breaker)
    assert not sink_refuses(after((7, Sent()), first=breaker))


def test_then_one_is_tried_that_was_not_tried_yet() -> None:
    breaker = after(*[(7, NO)] * 5, (8, NO), (7, NO), (7, NO))
    assert passed_over(breaker) == {7, 8}
    assert after((9, Sent()), first=breaker) == retrying(7, 8)


def test_of_the_suspects_each_is_judged_by_itself() -> None:
    breaker = retrying(7, 8)
    assert suspects(after((7, NO), first=breaker)) == {8}
    assert after((7, NO), first=breaker) == Retrying(frozenset({8}), frozenset({7}), failures=1)
    assert after((7, Sent()), first=breaker) == retrying(8)
    assert passed_over(after((7, NO), (8, NO), first=breaker)) == {7, 8}
    assert after((7, NO), (8, Sent()), first=breaker) == Retrying(frozenset({7}), frozenset({7}))


def test_when_the_next_arrives_the_first_is_a_suspect() -> None:
    assert after(*[(7, NO)] * 5, (8, Sent())) == retrying(7)


def test_a_batch_that_fails_twice_while_others_arrive_is_rejected() -> None:
    once = retrying(7)
    assert judge(once, 7, NO) == NO
    breaker = after((7, NO), (9, Sent()), first=once)
    assert suspects(breaker) == {7}
    assert isinstance(judge(breaker, 7, NO), Rejected)
    assert judge(breaker, 8, NO) == NO
    assert judge(breaker, 7, Sent()) == Sent()
    assert judge(PASSING, 7, NO) == NO
    assert after((7, NO), first=breaker) == PASSING


def test_crashes_bring_a_batch_no_nearer_to_being_passed_over() -> None:
    breaker: Breaker = SUSPECT
    assert is_open(breaker)
    for _ in range(4):
        breaker = on_outcome(breaker, 7, NO)
        assert not passed_over(breaker)
    assert passed_over(on_outcome(breaker, 7, NO)) == {7}


def test_a_suspect_gets_one_attempt() -> None:
    assert after((7, Sent()), first=retrying(7)) == PASSING
    assert suspects(after((8, NO), first=retrying(7))) == frozenset()


def test_where_nothing_else_waits_the_failed_ones_have_their_turn() -> None:
    isolating = after(*[(7, NO)] * 5)
    assert isinstance(isolating, Isolating)
    assert passed_over(on_no_others(isolating)) == frozenset()
    struck = after((7, NO), first=retrying(7))
    assert on_no_others(struck) == struck  # a batch that comes later goes first
    waiting = Retrying(frozenset({8}), frozenset({7}), failures=1)
    assert passed_over(waiting) == {7}
    assert passed_over(on_no_others(waiting)) == frozenset()


STEPS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from([Sent(), RateLimited(1), NO, NO, NO, UNSENT, Failed("reset", True)]),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_it_is_known_what_is_claimed_next(
    steps: list[tuple[int, Outcome]],
) -> None:
    breaker: Breaker = PASSING
    for batch, outcome in steps:
        if batch in passed_over(breaker):
            breaker = on_no_others(breaker)
        breaker = on_outcome(breaker, batch, outcome)
        assert not passed_over(breaker) & suspects(breaker)
        assert (pause(breaker) is None) is not is_open(breaker)
        if isinstance(outcome, Sent):
            assert not is_open(breaker)
            assert not sink_refuses(breaker)
