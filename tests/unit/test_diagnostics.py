"""A document knows where everything stands, and quotes nothing that the file does not say."""

import pytest

from relay.config.diagnostics import UNKNOWN, Document, Mistake, dotted, lines, word


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
