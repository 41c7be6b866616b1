"""What the state of a Matrix room says about who may speak there, and where it goes on."""

import json
from typing import Any

import pytest

from relay.outcome import Closed, Failed, RateLimited
from relay.sinks.errors import Answer
from relay.sinks.matrix.room import is_creator, levels, upgraded

ME = "@bot:m.example"


def told(content: Any, status: int = 200) -> Answer:
    return Answer(status, text=json.dumps(content))


@pytest.mark.parametrize(
    ("content", "given", "needed"),
    [
        ({}, 0, 0),
        ({"users_default": -1}, -1, 0),
        ({"users": {ME: 50}, "users_default": -1}, 50, 0),
        ({"events_default": 50}, 0, 50),
        ({"events": {"m.room.message": 10}, "events_default": 50}, 0, 10),
        ({"users": {ME: "50"}, "events_default": "25"}, 50, 25),
        ({"users": [], "events": 5, "users_default": None, "events_default": "x"}, 0, 0),
        ({"users": {ME: 1e400}}, 0, 0),
    ],
)
def test_the_levels_of_a_room(content: Any, given: int, needed: int) -> None:
    assert levels(told(content), ME) == (given, needed)


def test_a_room_without_levels_lets_everybody_speak() -> None:
    assert levels(told({"errcode": "M_NOT_FOUND"}, 404), ME) == (0, 0)
    assert levels(Failed("timeout"), ME) == (0, 0)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"sender": ME, "content": {"room_version": "12"}}, True),
        ({"sender": "@a:b", "content": {"room_version": "12", "additional_creators": [ME]}}, True),
        ({"sender": ME, "content": {"room_version": "11"}}, False),
        ({"sender": "@a:b", "content": {"room_version": "12"}}, False),
        ({"sender": ME, "content": {"room_version": "org.example.new"}}, False),
        ({"sender": ME, "content": []}, False),
        ({}, False),
    ],
)
def test_who_has_made_a_room_may_speak_from_version_twelve_on(event: Any, expected: bool) -> None:
    assert is_creator(told(event), ME) is expected


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ({"body": "x", "replacement_room": "!new:m.example"}, "!old", "!new:m.example: set room"),
        ({"replacement_room": "!new"}, "#a:m.example", "let the alias point there"),
        ({"body": "x"}, "!old", "a room that it does not name"),
        ({"body": "x", "replacement_room": ["!new"]}, "!old", "a room that it does not name"),
    ],
)
def test_a_tombstone_names_where_a_room_goes_on(content: Any, name: str, words: str) -> None:
    outcome = upgraded(told(content), name)
    assert isinstance(outcome, Closed)
    assert words in outcome.reason


@pytest.mark.parametrize(
    "answer",
    [told({}), told({"event_id": "$1"}), told({"errcode": "M_NOT_FOUND"}, 404), told({}, 403)],
)
def test_a_room_without_a_tombstone_goes_on(answer: Answer) -> None:
    assert upgraded(answer, "!old") is None


def test_who_cannot_tell_now_whether_a_room_was_upgraded_is_asked_later() -> None:
    assert isinstance(upgraded(told({}, 502), "!old"), Failed)
    assert isinstance(upgraded(Failed("timeout", ambiguous=True), "!old"), Failed)
    assert isinstance(upgraded(told({"errcode": "M_LIMIT_EXCEEDED"}, 429), "!old"), RateLimited)
