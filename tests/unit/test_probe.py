"""What the door tells of a probe, and what a reader takes for such an answer."""

import json

import pytest

from relay import misskey
from relay.errors import FormatError
from relay.misskey import probe
from relay.misskey.probe import HEADERS, Seen, answer, body, is_probe, read, seen
from tests.fakes.misskey import requests


def test_what_arrived_whole_is_seen_whole():
    raw = body(300)
    assert is_probe(raw)
    assert (seen(HEADERS, raw).length, seen(HEADERS, raw).lost) == (len(raw), ())


@pytest.mark.parametrize("size", [0, 64, 1_000, 1_000_000])
def test_a_probe_is_about_as_long_as_was_asked(size):
    assert abs(len(body(size)) - max(size, 60)) < 10
    assert json.loads(body(size)).keys() == {"relayProbe"}


def test_no_two_probes_are_alike():
    assert seen(HEADERS, body(300)).digest != seen(HEADERS, body(300)).digest


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_missing_or_changed_is_lost(name):
    assert seen({**HEADERS, name: "else"}, b"").lost == (name,)
    assert seen({key: value for key, value in HEADERS.items() if key != name}, b"").lost == (name,)


def test_a_body_that_was_cut_or_changed_has_another_digest():
    raw = body(300)
    for arrived in (raw[:200], raw.replace(b"x", b"y")):
        assert is_probe(arrived)
        assert seen(HEADERS, arrived) != seen(HEADERS, raw)


def test_an_answer_is_read_as_it_was_meant():
    found = seen({}, body(300))
    assert read(json.loads(json.dumps(answer(found)))) == found
    assert set(found.lost) == set(HEADERS)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"relayProbe": True},
        {"relayProbe": {"length": "1", "digest": "a", "lost": []}},
        {"relayProbe": {"length": 1, "digest": "a"}},
        {"relayProbe": {"length": 1, "digest": "a", "lost": "all"}},
    ],
)
def test_another_answer_is_none(answer):
    assert read(answer) is None


def test_what_a_stranger_calls_lost_is_not_repeated():
    told = {"relayProbe": {"length": 1, "digest": "a", "lost": ["\x1b[31m", "User-Agent", 1]}}
    assert read(told) == Seen(1, "a", ("User-Agent",))


def test_no_webhook_is_a_probe_and_no_probe_is_an_event():
    assert not any(is_probe(one.body) for one in requests())
    with pytest.raises(FormatError):
        misskey.parse(body(300), hook="alice")
    assert probe.HEADERS.keys() <= {name.title() for name, _ in requests()[0].headers}
