"""A pace keeps to all its windows, and never waits without need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from relay.sinks.pacing import Pace, Rate, Window, windows


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5/2s", ((5, 2.0),)),
        ("1/s", ((1, 1.0),)),
        (" 30 / m ", ((30, 60.0),)),
        ("5/2s, 28/60s", ((5, 2.0), (28, 60.0))),
        ("1/250ms", ((1, 0.25),)),
        ("unlimited", ()),
        (((5, 2.0),), ((5, 2.0),)),
    ],
)
def test_a_pace_is_written_as_people_say_it(written: object, meant: tuple[Window, ...]) -> None:
    assert windows(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "5", "0/2s", "-1/2s", "5/", "5/2", "5/0s", "5/2s,", "fast", "1.5/s", 5, True, None],
)
def test_what_is_no_pace_is_told(written: object) -> None:
    with pytest.raises(ValidationError, match="should be a"):
        TypeAdapter(Rate).validate_python(written)


def test_the_first_requests_go_at_once_and_the_next_waits_for_the_oldest() -> None:
    pace = Pace(((2, 10.0),))
    for now in (0.0, 4.0):
        assert pace.pause(now=now) == 0
        pace.note(now=now)
    assert pace.pause(now=5.0) == 5.0
    assert pace.pause(now=10.0) == 0
    pace.note(now=10.0)
    assert pace.pause(now=10.0) == 4.0


def test_the_slowest_window_decides() -> None:
    pace = Pace(((1, 1.0), (2, 60.0)))
    pace.note(now=0.0)
    pace.note(now=1.0)
    assert pace.pause(now=1.0) == 59.0


def test_without_windows_nothing_is_remembered() -> None:
    pace = Pace()
    for now in range(1000):
        pace.note(now=now)
    assert pace.pause(now=0.0) == 0
    assert not pace._past.sent


WINDOWS = st.lists(st.tuples(st.integers(1, 6), st.floats(0.5, 20)), max_size=3).map(tuple)


@given(WINDOWS, st.lists(st.floats(0, 5), max_size=40))
def test_no_window_ever_holds_more_than_it_may(
    given_windows: tuple[Window, ...], gaps: list[float]
) -> None:
    pace, now, sent = Pace(given_windows), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += pace.pause(now=now)
        assert pace.pause(now=now) <= 1e-6
        pace.note(now=now)
        sent.append(now)
    for count, length in given_windows:
        for first, over in zip(sent, sent[count:], strict=False):
            assert over - first >= length - 1e-6


# --- what all sinks of a vendor share


def test_a_rest_of_all_is_kept_by_all_and_a_rest_of_one_by_that_one() -> None:
    vendor = Pace()
    one, other = Pace(vendor=vendor), Pace(vendor=vendor)
    one.rest(10.0, now=0.0)
    assert (one.pause(now=0.0), other.pause(now=0.0)) == (10.0, 0.0)
    one.rest_everywhere(60.0, now=0.0)
    assert (one.pause(now=20.0), other.pause(now=20.0)) == (40.0, 40.0)


def test_too_many_refusals_of_any_let_all_rest_until_the_vendor_has_forgotten_them() -> None:
    vendor = Pace(((3, 600.0),))
    one, other = Pace(vendor=vendor), Pace(vendor=vendor)
    for pace, now in ((one, 0.0), (other, 10.0), (one, 20.0)):
        assert other.pause(now=now) == 0
        pace.refused(now=now)
    assert (one.pause(now=20.0), other.pause(now=20.0)) == (580.0, 580.0)
    assert other.pause(now=600.0) == 0


def test_where_nobody_says_how_long_pauses_grow_until_something_is_taken() -> None:
    vendor = Pace()
    pace = Pace(vendor=vendor)
    for one in (pace, vendor):
        assert [one.next_pause() for _ in range(12)] == [
            5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600,
        ]  # fmt: skip
    pace.taken()
    assert (pace.next_pause(), vendor.next_pause()) == (5, 5)


def test_changes_rest_by_themselves() -> None:
    pace = Pace()
    pace.rest_edits(600.0, now=0.0)
    pace.rest_edits(5.0, now=0.0)
    assert (pace.pause(now=1.0), pace.pause_of_edits(now=1.0)) == (0.0, 599.0)
    assert pace.under(((1, 1.0),)).pause_of_edits(now=700.0) == 0.0


def test_who_shares_with_nobody_rests_alone() -> None:
    pace = Pace()
    pace.refused(now=0.0)
    pace.rest_everywhere(5.0, now=0.0)
    assert pace.pause(now=1.0) == 4.0


def test_other_windows_know_what_has_left_before():
    pace = Pace(((1, 10.0),))
    pace.note(now=0)
    pace.rest(2, now=0)
    assert pace.under(((1, 30.0),)).pause(now=1) == 29
    assert pace.under(()).pause(now=1) == 1
    pace.under(()).rest(50, now=1)
    assert pace.pause(now=1) == 50


def test_who_shares_a_limit_keeps_to_windows_of_its_own() -> None:
    shared = Pace()
    free, slow = shared.under(()), shared.under(((2, 10.0),))
    for now in (0.0, 1.0):
        free.note(now=now)
    assert (free.pause(now=1.0), slow.pause(now=1.0)) == (0.0, 9.0)
