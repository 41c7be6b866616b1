"""The soak notices what it is there for: losses, doubles, and growth."""

import pytest

from bench.soak.census import census, text_of
from bench.soak.gauge import Gauge, Reading
from tests.fakes.faults import Faults, status, stored
from tests.fakes.records import Accepted


def shown(*numbers: int) -> Accepted:
    """One request that shows these events."""
    payload = {"embeds": [{"description": text_of(number)} for number in numbers]}
    return Accepted("post", "1", "1", "1", None, payload, payload, 0.0)


@pytest.mark.parametrize(
    ("requests", "holds"),
    [
        pytest.param([shown(0, 1), shown(2)], True, id="each event once, in any requests"),
        pytest.param([shown(0), shown(2)], False, id="one is lost"),
        pytest.param([shown(0, 1, 2), shown(7)], False, id="one never went in"),
        pytest.param([shown(0, 1, 2), shown(1)], False, id="one came twice without an excuse"),
    ],
)
def test_what_came_out_is_compared_with_what_went_in(requests, holds):
    assert census([0, 1, 2], requests, Faults(), kills=0).holds is holds


def test_a_double_is_excused_by_a_kill_or_an_answer_that_was_lost():
    came_twice = [shown(0), shown(0)]
    lost_answer, heard = Faults(), Faults()
    lost_answer.played.append(stored(status(500)))
    heard.played.append(status(500))
    assert census([0], came_twice, lost_answer, kills=0).holds
    assert census([0], came_twice, Faults(), kills=1).holds
    assert not census([0], came_twice, heard, kills=0).holds


def test_growth_is_told_by_the_later_half_after_the_process_is_warm(tmp_path):
    gauge = Gauge(lambda: 0, tmp_path / "relay.db")
    warming = [Reading(memory=10, file=10, events=1)] * 2
    early, late = Reading(50, 2000, 100), Reading(75, 4000, 200)
    gauge.readings = [*warming, *[early] * 4, *[late] * 4]
    assert gauge.grown() == {"memory": 1.5, "file per event": 1.0}
