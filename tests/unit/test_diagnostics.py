"""Mistakes have a place, and words that say what would be right."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from relay.base_settings import Settings
from relay.config.diagnostics import (
    UNKNOWN,
    Document,
    Mistake,
    Shape,
    complaints,
    dotted,
    either,
    likely,
    lines,
    word,
)
from relay.config.types import Name
from relay.suggestion import closest, did_you_mean, nearest


def a_source():
    document = Document(data={"sinks": {"team": {"url": "s3cret"}}})
    document.put((), (1, 1))
    document.put(("sinks",), (2, 1))
    document.put(("sinks", "team"), (3, 3))
    document.put(("sinks", "team", "url"), (4, 5))
    return document


@pytest.mark.parametrize(
    ("path", "written"),
    [
        pytest.param((), "", id="the whole file"),
        pytest.param(("listen",), "listen", id="a key"),
        pytest.param(("routes", 0, "match", "event", 2), "routes[0].match.event[2]", id="deep"),
        pytest.param(("hooks", "secret:abc"), "hooks.secret…", id="a key that holds more"),
        pytest.param(("hooks", ""), "hooks.", id="an empty key"),
        pytest.param((0, "a"), "[0].a", id="a list at the top"),
    ],
)
def test_a_path_is_written_as_people_do(path, written):
    assert dotted(path) == written


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        pytest.param("visibilty", "visibilty", id="a word"),
        pytest.param("zh-Hans.x@y", "zh-Hans.x@y", id="the signs of names"),
        pytest.param("secret=abc", "secret…", id="an equals sign"),
        pytest.param("secret abc", "secret…", id="a blank"),
        pytest.param("${ABC}", "…", id="a variable"),
        pytest.param("a" * 65, "a" * 64 + "…", id="too long for a word"),
    ],
)
def test_a_key_is_shown_as_far_as_it_is_a_word(key, shown):
    assert word(key) == shown


def test_a_mistake_stands_at_its_key():
    document = a_source()
    document.mistake(("sinks", "team", "url"), "is wrong")
    assert document.mistakes == [Mistake(4, 5, "sinks.team.url", "is wrong")]


def test_a_step_that_the_file_lacks_stays_at_the_parent():
    document = a_source()
    document.mistake(("sinks", "team", "token", 3), "is missing")
    assert document.mistakes == [Mistake(3, 3, "sinks.team", "is missing")]


def test_what_only_follows_from_an_unread_value_is_not_reported():
    document = a_source()
    assert document.unread(("sinks", "team", "url"), "is not set") == UNKNOWN
    document.mistake(("sinks", "team", "url"), "should be a URL")
    document.mistake(("sinks", "team", "url", 0), "should be a URL")
    document.mistake(("sinks", "team"), "something else")
    assert [it.text for it in document.mistakes] == ["is not set", "something else"]


def test_a_value_from_elsewhere_is_quoted_as_it_is_written():
    document = a_source()
    document.filled(("sinks", "team", "url"), "${URL}")
    assert document.quoted(("sinks", "team", "url"), "s3cret") == "${URL}"
    assert document.quoted(("sinks", "team", "type"), "discord") == "discord"
    assert document.is_filled(("sinks", "team", "url"))


def test_a_quotation_is_one_short_line():
    assert Document().quoted((), "a\r\nb\x1b\u202e" + "c" * 200) == "a……b……" + "c" * 74


def test_mistakes_are_told_once_and_in_the_order_of_the_file():
    document = a_source()
    document.mistake(("sinks", "team", "url"), "second")
    document.mistake(("sinks",), "first")
    document.mistake(("sinks", "team", "url"), "second")
    assert lines(document.mistakes, file="config.yaml") == [
        "config.yaml:2:1: sinks: first",
        "config.yaml:4:5: sinks.team.url: second",
    ]


def test_a_warning_is_no_mistake():
    document = a_source()
    document.warn(("sinks", "team"), "no route leads here")
    assert document.mistakes == []
    assert lines(document.warnings, file="f") == ["f:3:3: sinks.team: no route leads here"]


class Cat(Settings):
    type: Literal["cat"]
    colour: Literal["black", "white"] = "black"
    url: str = ""


class Dog(Settings):
    type: Literal["dog"]
    name: str
    tricks: tuple[Literal["sit", "roll"], ...] = ()


class House(Settings):
    pets: dict[Name, Annotated[Cat | Dog, Field(discriminator="type")]] = Field(
        default_factory=dict
    )
    owner: Dog | None = None
    open: bool = False
    rooms: Annotated[tuple[str, ...], Field(min_length=1)] = ("one",)
    gate: frozenset[str] = frozenset()


SHAPE = Shape(House)


def told(data):
    with pytest.raises(ValidationError) as error:
        House.model_validate(data)
    return list(complaints(SHAPE, error.value.errors(include_url=False)))


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        pytest.param(
            {"onwer": 1}, ("onwer",), "unknown key onwer: did you mean owner?", id="a near key"
        ),
        pytest.param(
            {"zzz": 1},
            ("zzz",),
            "unknown key zzz; there is gate, open, owner, pets, rooms",
            id="a far key",
        ),
        pytest.param(
            {"pets": {"tom": {"type": "cat", "color": "black"}}},
            ("pets", "tom", "color"),
            "unknown key color: did you mean colour?",
            id="a key inside a union, without the tag in the path",
        ),
        pytest.param(
            {"pets": {"cat": {"type": "cat", "cat": "x"}}},
            ("pets", "cat", "cat"),
            "unknown key cat; there is colour, type, url",
            id="names and keys that equal the tag",
        ),
        pytest.param(
            {"pets": {"tom": {"type": "cat", "url_fiel": "x"}}},
            ("pets", "tom", "url_fiel"),
            "unknown key url_fiel: did you mean url_file?",
            id="a misspelt file of a secret",
        ),
        pytest.param(
            {"owner": {"type": "dog"}}, ("owner", "name"), "name is missing", id="missing"
        ),
        pytest.param(
            {"pets": {"tom": {}}},
            ("pets", "tom"),
            "type is missing: it should be cat or dog",
            id="no type",
        ),
        pytest.param(
            {"pets": {"tom": {"type": "cta"}}},
            ("pets", "tom", "type"),
            "should be cat or dog: did you mean cat?",
            id="a near type",
        ),
        pytest.param(
            {"pets": {"rex": {"type": "dog", "name": "x", "tricks": ["sit", "rol"]}}},
            ("pets", "rex", "tricks", 1),
            "should be sit or roll: did you mean roll?",
            id="a near word in a list",
        ),
        pytest.param(
            {"pets": {"a cat": {"type": "cat"}}},
            ("pets", "a cat"),
            "should have letters, digits and - _ . only, at most 64",
            id="a name with a blank",
        ),
        pytest.param({"open": "maybe"}, ("open",), "should be true or false", id="no truth"),
        pytest.param({"open": []}, ("open",), "should be true or false", id="a list for a truth"),
        pytest.param({"rooms": "x"}, ("rooms",), "should be a list", id="no list"),
        pytest.param({"gate": {"a": 1}}, ("gate",), "should be a list", id="a mapping for a set"),
        pytest.param({"rooms": []}, ("rooms",), "is an empty list", id="an empty list"),
        pytest.param(
            {"rooms": [True]}, ("rooms", 0), "should be a text: put it in quotes", id="true"
        ),
        pytest.param({"rooms": [{}]}, ("rooms", 0), "should be a single text", id="a mapping"),
        pytest.param(
            {"pets": {"tom": "x"}},
            ("pets", "tom"),
            "should be a mapping: keys with values, indented below",
            id="a text where a union of mappings belongs",
        ),
        pytest.param(
            {"owner": "x"},
            ("owner",),
            "should be a mapping: keys with values, indented below",
            id="a text where a mapping belongs",
        ),
    ],
)
def test_a_complaint_says_where_and_what_would_be_right(data, path, text):
    assert told(data) == [(path, text)]


def test_no_complaint_shows_a_value():
    data = {
        "pets": {
            "a": "s3cret",
            "b": {"type": "s3cret"},
            "c": {"type": "cat", "colour": "s3cret"},
            "d": {"type": "dog", "name": ["s3cret"], "tricks": "s3cret"},
        },
        "owner": {"type": "s3cret", "name": {"s3cret": 1}},
        "open": "s3cret",
        "rooms": "s3cret",
    }
    assert "s3cret" not in repr(told(data))


@pytest.mark.parametrize(
    ("word", "found"),
    [
        pytest.param("visibilty", "visibility", id="a letter is missing"),
        pytest.param("Visibility", "visibility", id="a capital"),
        pytest.param("localOnly", "local_only", id="as Misskey writes it"),
        pytest.param("local-only", "local_only", id="a hyphen"),
        pytest.param("xyz", None, id="nothing like it"),
        pytest.param("", None, id="nothing"),
        pytest.param("v" * 100_000, None, id="endless"),
    ],
)
def test_the_nearest_word_is_what_was_meant(word, found):
    assert nearest(word, ["visibility", "local_only", "moderation"]) == found


def test_a_suggestion_ends_a_sentence():
    assert did_you_mean("tema", ["team"]) == ": did you mean team?"
    assert did_you_mean("xyz", ["team"]) == ""
    assert closest("xyz", ["team", "ops"]) == "; there is ops, team"
    assert closest("xyz", [f"sink{n}" for n in range(100)]) == ""
    assert closest("xyz", []) == ": there is none"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("unlisted", "home"),
        ("Direct", "specified"),
        ("private", "followers"),
        ("followers-only", "followers"),
        ("followers_only", "followers"),
        ("everyone", "public"),
        ("hom", "home"),
    ],
)
def test_the_words_of_mastodon_are_understood(word, meant):
    assert nearest(word, ["public", "home", "followers", "specified"]) == meant


@pytest.mark.parametrize(
    ("word", "meant"), [("boost", "renote"), ("reblog", "renote"), ("favourite", "reaction")]
)
def test_the_events_of_mastodon_are_understood(word, meant):
    assert nearest(word, ["note", "reply", "renote", "reaction"], cutoff=0.75) == meant


@pytest.mark.parametrize(
    ("word", "meant"), [("jp", "ja"), ("zh-CN", "zh-Hans"), ("zh_TW", "zh-Hant"), ("kr", "ko")]
)
def test_languages_are_understood_by_their_countries(word, meant):
    assert nearest(word, ["en", "ja", "ko", "zh-Hans", "zh-Hant"]) == meant


def test_alternatives_are_joined_as_in_speech():
    assert either(["a"]) == "a"
    assert either(["a", "b", "c"]) == "a, b or c"


def meant(data):
    with pytest.raises(ValidationError) as error:
        House.model_validate(data)
    return likely(data, error.value.errors(), SHAPE)


def test_a_second_reading_leaves_out_what_is_forgiven_and_keeps_the_rest():
    data = {
        "zzz": 1,
        "open": "maybe",
        "owner": {"type": "dog", "name": "x", "tricks": ["sit", "rol", "rool"]},
        "rooms": "s3cret",
    }
    assert meant(data) == {"owner": {"type": "dog", "name": "x"}, "rooms": "s3cret"}
    assert data["owner"]["tricks"] == ["sit", "rol", "rool"]
