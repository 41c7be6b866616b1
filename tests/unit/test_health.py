"""Is the sink sick, or one message poison?"""

from collections.abc import Callable
from itertools import accumulate, takewhile

import pytest

from relay.delivery.breaker import JITTER, SUSPECT, WELL, Health, doubtful_pause, harmless_pause
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent

NO = Failed("502")
UNSENT = Failed("connection refused", unsent=True)


def after(*ends: tuple[int, Outcome]) -> Health:
    health = WELL
    for delivery, outcome in ends:
        health = health.after(delivery, outcome)
    return health


def test_three_failures_in_a_row_make_a_sink_sick() -> None:
    assert [after(*[(1, NO)] * n).is_sick for n in range(5)] == [False, False, False, True, True]


@pytest.mark.parametrize("answer", [Sent(), RateLimited(1), Rejected("400"), Closed("404")])
def test_a_sink_that_answers_is_well(answer: Outcome) -> None:
    assert not after((1, NO), (1, NO), (1, NO), (1, answer), (1, NO), (1, NO)).is_sick


@pytest.mark.parametrize("pause", [harmless_pause, doubtful_pause])
def test_pauses_grow_and_end_growing(pause: Callable[[int], float]) -> None:
    pauses = [pause(number) for number in range(60)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2]
    assert 0 < pauses[0] < pauses[-1] <= 1800


@pytest.mark.parametrize(
    ("pause", "minutes"),
    [
        pytest.param(harmless_pause, 11, id="by requests that show nothing twice"),
        pytest.param(doubtful_pause, 4, id="by requests that may"),
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
    hour = list(takewhile(lambda at: at < 3600, accumulate(map(doubtful_pause, range(60)))))
    assert len(hour) < 15


def test_a_batch_that_fails_twice_though_the_sink_answers_lets_the_next_in_line_try() -> None:
    assert after(*[(7, NO)] * 4).passed_over == frozenset()
    assert after(*[(7, NO)] * 5).passed_over == {7}


def test_a_sink_that_does_not_answer_is_no_matter_of_a_message() -> None:
    health = after(*[(7, NO)] * 4)
    for _ in range(10):
        health = health.missed()
    assert (health.failures, health.is_open) == (14, False)
    assert not health.after(7, NO).is_open
    assert health.after(7, NO).after(7, NO).passed_over == {7}


def test_nor_is_one_that_could_not_be_reached() -> None:
    health = after(*[(7, Failed("connection refused", unsent=True))] * 9)
    assert (health.is_sick, health.tried, health.refuses_all) == (True, frozenset(), False)
    assert Health(doubted=frozenset({7})).verdict(7, UNSENT) == UNSENT


def test_when_the_next_fails_too_it_is_the_sink() -> None:
    health = after(*[(7, NO)] * 5, (8, NO))
    assert (health.is_open, health.doubted, health.is_sick) == (False, frozenset(), True)
    assert health.refuses_all
    assert not health.after(7, Sent()).refuses_all


def test_then_one_is_tried_that_was_not_tried_yet() -> None:
    health = after(*[(7, NO)] * 5, (8, NO), (7, NO), (7, NO))
    assert health.passed_over == {7, 8}
    assert health.after(9, Sent()) == Health(doubted=frozenset({7, 8}))


def test_of_those_that_are_doubted_each_is_judged_by_itself() -> None:
    health = Health(doubted=frozenset({7, 8}))
    assert health.after(7, NO).doubted == {8}
    assert health.after(7, NO).struck == {7}
    assert health.after(7, Sent()) == Health(doubted=frozenset({8}))
    assert health.after(7, NO).after(8, NO).passed_over == {7, 8}
    assert health.after(7, NO).after(8, Sent()) == Health(
        doubted=frozenset({7}), struck=frozenset({7})
    )


def test_when_the_next_arrives_the_first_is_doubted() -> None:
    assert after(*[(7, NO)] * 5, (8, Sent())) == Health(doubted=frozenset({7}))


def test_who_fails_twice_while_others_arrive_is_rejected() -> None:
    once = Health(doubted=frozenset({7}))
    assert once.verdict(7, NO) == NO
    health = once.after(7, NO).after(9, Sent())
    assert health.doubted == {7}
    assert isinstance(health.verdict(7, NO), Rejected)
    assert health.verdict(8, NO) == NO
    assert health.verdict(7, Sent()) == Sent()
    assert WELL.verdict(7, NO) == NO
    assert health.after(7, NO) == WELL


def test_who_only_ended_again_and_again_is_no_nearer_to_be_passed() -> None:
    health = SUSPECT
    assert health.is_sick
    for _ in range(4):
        health = health.after(7, NO)
        assert not health.passed_over
    assert health.after(7, NO).passed_over == {7}


def test_a_doubt_is_for_one_attempt() -> None:
    assert Health(doubted=frozenset({7})).after(7, Sent()) == WELL
    assert Health(doubted=frozenset({7})).after(8, NO).doubted == frozenset()
