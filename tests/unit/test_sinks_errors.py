"""What an answer means before a vendor's own words are looked at; and what is told of it."""

import json
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.errors import (
    DEFAULT_PAUSE,
    MAX_PAUSE,
    MIN_PAUSE,
    Answer,
    by_status,
    pause_from,
    rate_limited,
    speaker,
    trouble,
)
from relay.sinks.layout import encoded
from tests.fakes.faults import ABSURD_RETRY_AFTER


@pytest.mark.parametrize(
    ("hints", "seconds"),
    [
        (("2",), 2),
        (("0.3", 0.25), 0.3),
        ((None, None), DEFAULT_PAUSE),
        ((), DEFAULT_PAUSE),
        (("nan",), DEFAULT_PAUSE),
        (("-1",), DEFAULT_PAUSE),
        (("soon", ""), DEFAULT_PAUSE),
        (("soon", "7"), 7),
        (([], {}, True), DEFAULT_PAUSE),
        (("1e9",), MAX_PAUSE),
        (("inf",), MAX_PAUSE),
        ((10**400,), MAX_PAUSE),
        ((-(10**400),), DEFAULT_PAUSE),
        (("9" * 400,), MAX_PAUSE),
        (("Wed, 21 Oct 2015 07:28:00 GMT",), 0),
        (("Wed, 21 Oct 9999 07:28:00 GMT",), MAX_PAUSE),
        (("Wed, 31 Dec 9999 23:59:59 -2359",), MAX_PAUSE),
        (("Wed, 21 Oct 2026 07:28:00 +99999999999",), DEFAULT_PAUSE),
    ],
)
def test_the_longest_sensible_hint_is_the_pause(hints: tuple[object, ...], seconds: float) -> None:
    assert pause_from(*hints) == seconds


@pytest.mark.parametrize("zone", [UTC, None])
def test_a_date_is_a_pause_until_then(zone: object) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=100))
    assert 90 < pause_from(at if zone else at.removesuffix(" +0000") + " -0000") <= 100


HINT = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from("+-:.,Z 1"),
    st.sampled_from(ABSURD_RETRY_AFTER), st.dates().map(str), st.lists(st.integers()),
)  # fmt: skip


@given(st.lists(HINT, max_size=4))
def test_a_pause_is_one_that_we_can_wait(hints: list[object]) -> None:
    pause = pause_from(*hints)
    assert math.isfinite(pause)
    assert 0 <= pause <= MAX_PAUSE
    assert MIN_PAUSE <= rate_limited(*hints, reason="").pause <= MAX_PAUSE


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Failed("", ambiguous=True)) for status in (200, 204, 299, 408, 500, 503, 599)),
        *((status, Rejected("")) for status in (400, 413, 422)),
        *((status, Closed("")) for status in (301, 308, 401, 403, 404, 410)),
        *((status, Failed("")) for status in (302, 303, 307, 405, 407, 418, 421, 425, 451)),
    ],
)
def test_a_status_tells_the_outcome_of_a_vendor_that_says_no_more(
    status: int, outcome: Failed | Rejected | Closed
) -> None:
    found = by_status(Answer(status), "", is_own=True)
    assert type(found) is type(outcome)
    assert found.reason.startswith(str(status))
    assert getattr(found, "ambiguous", None) == getattr(outcome, "ambiguous", None)


@pytest.mark.parametrize(
    "status", [302, 303, 307, 400, 401, 403, 404, 405, 407, 410, 418, 421, 422, 425, 451]
)
def test_who_stands_between_closes_and_rejects_nothing(status: int) -> None:
    outcome = by_status(Answer(status, text="<html>"), is_own=False)
    assert isinstance(outcome, Failed)
    assert not outcome.ambiguous


@pytest.mark.parametrize("status", [301, 308])
def test_who_has_moved_for_good_closes_and_tells_where_it_is(status: int) -> None:
    answer = Answer(status, {"Location": "https://new.example/hook"})
    for is_own in (False, True):
        outcome = by_status(answer, is_own=is_own)
        assert isinstance(outcome, Closed)
        assert outcome.reason.endswith(": it sends us to https://new.example/hook")


def test_a_limit_without_a_number_is_waited_for_a_little() -> None:
    def limited(headers: dict[str, str]) -> Outcome:
        return by_status(Answer(429, headers), is_own=True)

    assert limited({}) == RateLimited(DEFAULT_PAUSE)
    assert limited({"Retry-After": "0"}) == RateLimited(MIN_PAUSE)
    assert limited({"Retry-After": "33"}) == RateLimited(33)


@pytest.mark.parametrize(
    ("headers", "is_pause_stated"),
    [({}, False), ({"Retry-After": ""}, False), ({"Retry-After": "soon"}, False),
     ({"Retry-After": "nan"}, False), ({"Retry-After": "0"}, True)],
)  # fmt: skip
def test_a_limit_tells_its_words_and_whether_it_named_a_pause(
    headers: dict[str, str], is_pause_stated: bool
) -> None:
    found = by_status(Answer(429, headers, "error code: 1015"), is_own=False)
    assert isinstance(found, RateLimited)
    assert (found.is_pause_stated, found.reason) == (is_pause_stated, "429 error code: 1015")


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ('{"message": "404: Not Found", "code": 0}', "Discord"),
        ('{"errcode": "M_UNRECOGNIZED", "error": "no"}', "Matrix"),
        ('{"ok": false, "error": "invalid_auth"}', "Slack"),
        ("invalid_payload", "Slack"),
        ("ok", "Slack"),
        ("Not Found", None),
        ("404 page not found", None),
        ("<html>no_service</html>", None),
        ("forbidden", None),
        ('{"message": "Not Found"}', None),
        ("", None),
    ],
)
def test_an_answer_tells_whose_it_is(text: str, vendor: str | None) -> None:
    assert speaker(Answer(404, text=text)) == vendor


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "404 Not Found"),
        (" \n ", "404 Not Found"),
        ("no_service", "404 no_service"),
        ("<html><h1>Gone</h1>\n<p>really</p></html>", "404 Gone really"),
        ("a\x1b[31m\u202eb\nc", "404 a[31mb c"),
    ],
)
def test_a_reason_is_one_line_for_people(text: str, reason: str) -> None:
    assert Answer(404, text=text).reason == reason


def test_a_reason_is_short_whatever_is_answered() -> None:
    for text in ("x" * 10**6, "<" * 10**6, "<p" * 10**6, " " * 10**6 + "x"):
        assert len(Answer(599, text=text).reason) <= 300


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{", "[" * 10**5, '"x"', "9" * 5000])
def test_what_is_no_object_is_an_empty_one(text: str) -> None:
    answer = Answer(200, text=text)
    assert (answer.json, answer.code("code")) == ({}, None)


@pytest.mark.parametrize("value", [None, [], {}, [1], 1.5])
def test_a_code_is_a_word_or_a_number(value: object) -> None:
    assert Answer(400, text=json.dumps({"code": value})).code("code") is None


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (Sent(), None),
        (RateLimited(60.4), "asks us to wait for 60 seconds: check again then"),
        (Failed("TimeoutError"), "cannot be reached: TimeoutError"),
        (Rejected("400 no"), "refuses us: 400 no"),
        (Closed("404 Unknown Webhook"), "refuses us: 404 Unknown Webhook"),
    ],
)
def test_a_check_tells_what_is_wrong(outcome: Outcome, sentence: str | None) -> None:
    assert trouble(outcome) == sentence


@given(st.text(st.characters()))
def test_any_text_can_be_sent_and_stays_itself_where_it_is_text(text: str) -> None:
    arrived = json.loads(encoded([text]))[0]
    assert "\ud800" not in encoded(text).decode()
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert arrived == text


def test_half_characters_become_the_one_for_the_unknown() -> None:
    assert encoded(["\ud800a", "\ud83d\ude00"]) == '["\ufffda", "😀"]'.encode()
