"""Durations and sizes are what people mean, or a mistake that says what would be right."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from relay.units import Duration, Size, elapsed, seconds, size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("300ms", 0.3, id="milliseconds"),
        pytest.param("5s", 5, id="seconds"),
        pytest.param("2m", 120, id="minutes"),
        pytest.param("12h", 43_200, id="hours"),
        pytest.param("7d", 604_800, id="days"),
        pytest.param("1.5h", 5_400, id="a fraction"),
        pytest.param(" 5 s ", 5, id="blanks around and between"),
        pytest.param("0s", 0, id="nothing with a unit"),
        pytest.param(0, 0, id="a bare nothing needs no unit"),
        pytest.param("0", 0, id="nor as a text, as variables give it"),
    ],
)
def test_a_duration_is_in_seconds(written, meant):
    assert seconds(written) == pytest.approx(meant)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(5, id="a number without a unit"),
        pytest.param("5", id="a text without a unit"),
        pytest.param("", id="nothing"),
        pytest.param("s", id="a unit without a number"),
        pytest.param("-5s", id="a negative one"),
        pytest.param("5 s 3 ms", id="two of them"),
        pytest.param("5S", id="a capital unit"),
        pytest.param("1w", id="a unit that is not known"),
        pytest.param(".5s", id="a fraction without a whole"),
        pytest.param("1e3s", id="an exponent"),
        pytest.param("infs", id="infinity"),
        pytest.param("nand", id="not a number"),
        pytest.param("5s\n5s", id="two lines"),
        pytest.param("9" * 400 + "d", id="more than a float can hold"),
        pytest.param(math.nan, id="NaN"),
        pytest.param(True, id="true"),
        pytest.param(False, id="false, though it equals 0"),
        pytest.param(None, id="null"),
        pytest.param(["5s"], id="a list"),
        pytest.param({}, id="a mapping"),
    ],
)
def test_what_is_no_duration_is_told_with_an_example(written):
    with pytest.raises(ValueError, match="like 300ms, 30s, 5m, 1h or 7d"):
        seconds(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param(512, 512, id="a bare number is bytes"),
        pytest.param("512B", 512, id="bytes"),
        pytest.param("190kB", 190_000, id="kilobytes"),
        pytest.param("190KB", 190_000, id="kilobytes with a capital"),
        pytest.param("500KiB", 512_000, id="kibibytes"),
        pytest.param("500kiB", 512_000, id="kibibytes without a capital"),
        pytest.param("4MB", 4_000_000, id="megabytes"),
        pytest.param(" 4 MiB ", 4_194_304, id="mebibytes with blanks"),
    ],
)
def test_a_size_is_in_bytes(written, meant):
    assert size(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param("4M", id="a unit cut short"),
        pytest.param("4mb", id="millibits"),
        pytest.param("-4MiB", id="a negative one"),
        pytest.param("1.5MiB", id="a fraction"),
        pytest.param("MiB", id="a unit without a number"),
        pytest.param("9" * 5000 + "B", id="more digits than Python reads"),
        pytest.param(True, id="true"),
        pytest.param(None, id="null"),
        pytest.param([4], id="a list"),
    ],
)
def test_what_is_no_size_is_told_with_an_example(written):
    with pytest.raises(ValueError, match="like 500KiB or 4MiB"):
        size(written)


@pytest.mark.parametrize("kind", [Duration, Size])
def test_in_the_settings_a_wrong_one_is_a_validation_error(kind):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python("soon")


def test_in_the_settings_they_are_numbers():
    assert TypeAdapter(Duration).validate_python("5m") == 300.0
    assert TypeAdapter(Size).validate_python("4MiB") == 4 * 2**20


@pytest.mark.parametrize(
    ("written", "meant"),
    [("7 days", "7d"), ("1 Hour", "1h"), ("90sec", "90s"), ("5 mins", "5m"), ("3 hrs", "3h")],
)
def test_a_duration_in_words_is_understood(written, meant):
    with pytest.raises(ValueError, match=f"did you mean {meant}"):
        seconds(written)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1m"),
        (66, "1m 6s"),
        (3599, "59m 59s"),
        (3600, "1h"),
        (7140, "1h 59m"),
        (7199, "1h 59m"),
        (86_400, "1d"),
        (86_460, "1d"),
        (183_600, "2d 3h"),
        (400 * 86_400, "400d"),
    ],
)
def test_an_elapsed_time_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
