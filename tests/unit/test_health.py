"""Is the sink sick, or one message poison?"""

import pytest

from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.retry import WELL, Health

NO = Failed("502")


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


def test_pauses_grow_and_end_growing() -> None:
    pauses = [Health(failures).pause for failures in range(3, 40)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 300


def test_a_batch_that_fails_twice_though_the_sink_answers_lets_the_next_in_line_try() -> None:
    assert after(*[(7, NO)] * 4).behind is None
    assert after(*[(7, NO)] * 5).behind == 7


def test_a_sink_that_does_not_answer_is_no_matter_of_a_message() -> None:
    health = after(*[(7, NO)] * 4)
    for _ in range(10):
        health = health.missed()
    assert (health.failures, health.behind) == (14, None)
    assert health.after(7, NO).behind is None
    assert health.after(7, NO).after(7, NO).behind == 7


def test_when_the_next_fails_too_it_is_the_sink() -> None:
    health = after(*[(7, NO)] * 5, (8, NO))
    assert (health.behind, health.doubted, health.is_sick) == (None, None, True)
    assert health.refuses_all
    assert health.after(7, NO).after(7, NO).behind == 7
    assert not health.after(7, Sent()).refuses_all


def test_a_sink_that_refuses_all_is_tried_seldom() -> None:
    pauses = [Health(failures, refuses_all=True).pause for failures in range(3, 40)]
    assert (pauses[0], pauses[-1]) == (5, 1800)


def test_when_the_next_arrives_the_first_is_doubted() -> None:
    assert after(*[(7, NO)] * 5, (8, Sent())) == Health(doubted=7)


def test_who_is_doubted_and_fails_is_rejected() -> None:
    health = Health(doubted=7)
    assert isinstance(health.verdict(7, NO), Rejected)
    assert health.verdict(8, NO) == NO
    assert health.verdict(7, Sent()) == Sent()
    assert WELL.verdict(7, NO) == NO


def test_a_doubt_is_for_one_attempt() -> None:
    assert Health(doubted=7).after(7, Sent()) == WELL
    assert Health(doubted=7).after(8, NO).doubted is None
