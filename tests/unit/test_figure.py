"""A figure of the benchmark is told by its ratio, round by round, and survives being written."""

import json

import pytest

from bench.figure import Figure, Wanted, read, written


def a_figure(**changes) -> Figure:
    named = {"part": "accept", "name": "events taken", "unit": "1/s", "beside": "bare handler"}
    return Figure(**named | changes)


def test_the_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians():
    figure = a_figure(ours=(10.0, 40.0, 90.0), theirs=(100.0, 50.0, 100.0))
    assert (figure.value, figure.other) == (40.0, 100.0)
    assert figure.ratio == 0.8


def test_a_machine_that_slows_down_for_both_changes_no_ratio():
    figure = a_figure(ours=(100.0, 10.0, 1.0), theirs=(200.0, 20.0, 2.0))
    assert figure.ratios == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        pytest.param(None, None, id="nothing was wanted"),
        pytest.param(Wanted("≥", 0.5), True, id="the ratio is just enough"),
        pytest.param(Wanted("≥", 0.6), False, id="the ratio is too small"),
        pytest.param(Wanted("≤", 2.0, of="value"), False, id="the value is too large"),
        pytest.param(Wanted("≤", 3.0, of="value"), True, id="the value is small enough"),
    ],
)
def test_what_was_wanted_is_judged_by_what_it_is_about(wanted: Wanted | None, reached):
    assert a_figure(ours=(3.0,), theirs=(6.0,), wanted=wanted).reached is reached


def test_what_could_not_be_measured_is_neither_reached_nor_missed():
    assert a_figure(wanted=Wanted("≥", 1.0), remark="not installed").reached is None


def test_figures_come_back_from_json_as_they_were():
    figures = [
        a_figure(ours=(1.0, 2.0), theirs=(3.0, 4.0), wanted=Wanted("≤", 3.0, of="value")),
        a_figure(remark="not installed"),
    ]
    assert read(json.loads(json.dumps(written(figures)))) == figures
