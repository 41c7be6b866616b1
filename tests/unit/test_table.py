"""Columns stay columns, whatever stands in them."""

import pytest

from relay.colour import Colour
from relay.commands.table import one_line, span, stamp, table


def test_columns_are_aligned_by_what_a_terminal_shows():
    painted = Colour(on=True).good("ok")
    rows = [("sink", "state", ""), ("部屋", painted, "last error"), ("a", "paused", "")]
    assert list(table(rows, room=None)) == [
        "sink  state",
        f"部屋  {painted}      last error",
        "a     paused",
    ]


def test_only_the_last_column_is_cut_where_the_room_ends():
    rows = [("team", "connection refused"), ("ops", "接続できません")]
    assert list(table(rows, room=12)) == ["team  conne…", "ops   接続…"]
    assert list(table(rows, room=3)) == ["team  …", "ops   …"]


def test_no_rows_are_no_lines():
    assert list(table([], room=80)) == []


def test_a_strangers_words_are_one_line_that_steers_no_terminal():
    assert one_line("a\x1b[31m\nb\u202e  c") == "a[31m b c"
    assert one_line(None) == ""


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0s"), (0.4, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (200_000, "2d")],
)
def test_a_span_is_told_in_its_largest_unit(seconds, told):
    assert span(seconds) == told


def test_programs_get_times_in_utc():
    assert stamp(1_795_309_533_815) == "2026-11-22T01:05:33+00:00"
