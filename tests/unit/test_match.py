"""A route matches where all of its keys do, and says why where it does not."""

import re
from dataclasses import replace

import pytest

from relay.config.schema import descriptions
from relay.model import AbuseReport, Event, File, Note, Poll, User, Visibility
from relay.routing.match import KEYS, Glob, Match, Route, author_names, explain, features, sinks_for
from tests.factories import an_event

PUBLIC, HOME, FOLLOWERS, SPECIFIED = Visibility
BOB = User(id="u1", username="bob", name="Bob")
EVE = User(id="u2", username="Eve", host="Remote.example")


def a_note(**changes):
    note = Note(id="n1", user=BOB, text="hello", visibility=PUBLIC)
    return replace(note, **changes)


# --- what a route asks


def glob(*patterns):
    return tuple(map(Glob.of, patterns))


def search(*patterns):
    return tuple(map(re.compile, patterns))


IMAGE = File(id="f", type="image/png")
SENSITIVE = replace(IMAGE, is_sensitive=True)

MATCHES = [
    pytest.param({}, {}, True, id="no key asks nothing"),
    pytest.param({"hook": {"alice"}}, {}, True, id="hook: its own"),
    pytest.param({"hook": {"bob"}}, {}, False, id="hook: another"),
    pytest.param({"hook": {"bob", "alice"}}, {}, True, id="hook: any of several"),
    pytest.param({"hook": {"ali"}}, {}, False, id="hook: not a part of the name"),
    pytest.param({"hook": set()}, {}, False, id="hook: none of none"),
    pytest.param({"event": {"mention"}}, {}, True, id="event: its own"),
    pytest.param({"event": {"reply"}}, {}, False, id="event: another"),
    pytest.param({"event": {"reply", "mention"}}, {}, True, id="event: any of several"),
    pytest.param({"event": {"Mention"}}, {}, False, id="event: another case"),
    pytest.param({"server": {"misskey.example"}}, {}, True, id="server: its host"),
    pytest.param(
        {"server": {"misskey.example"}},
        {"server": "https://Misskey.Example"},
        True,
        id="server: in any case",
    ),
    pytest.param({"server": {"example"}}, {}, False, id="server: not a part of the host"),
    pytest.param({"server": {"misskey.example"}}, {"server": ""}, False, id="server: unknown"),
    pytest.param(
        {"server": {"localhost:3000"}},
        {"server": "http://localhost:3000"},
        True,
        id="server: with its port",
    ),
    pytest.param({"visibility": {"public"}}, {"note": a_note()}, True, id="visibility: its own"),
    pytest.param({"visibility": {PUBLIC}}, {"note": a_note()}, True, id="visibility: as a member"),
    pytest.param({"visibility": {"home"}}, {"note": a_note()}, False, id="visibility: another"),
    pytest.param(
        {"visibility": {"home", "public"}}, {"note": a_note()}, True, id="visibility: any of two"
    ),
    pytest.param({"visibility": {"public"}}, {"user": BOB}, False, id="visibility: no note"),
    pytest.param(
        {"visibility": {"specified"}},
        {"note": a_note(renote=a_note(visibility=SPECIFIED))},
        False,
        id="visibility: not that of a quoted note",
    ),
    pytest.param({"author": glob("bob")}, {"note": a_note()}, True, id="author: by username"),
    pytest.param({"author": glob("bo")}, {"note": a_note()}, False, id="author: not by a part"),
    pytest.param({"author": glob("ob")}, {"note": a_note()}, False, id="author: nor by the end"),
    pytest.param({"author": glob("b?b")}, {"note": a_note()}, True, id="author: one of any"),
    pytest.param({"author": glob("b[aeo]b")}, {"note": a_note()}, True, id="author: one of some"),
    pytest.param({"author": glob("b[!o]b")}, {"note": a_note()}, False, id="author: none of some"),
    pytest.param({"author": glob("b*")}, {"note": a_note()}, True, id="author: by its beginning"),
    pytest.param({"author": glob("*")}, {"note": a_note()}, True, id="author: anybody"),
    pytest.param({"author": glob("*")}, {}, False, id="author: but not nobody"),
    pytest.param(
        {"author": glob("bob@misskey.example")}, {"note": a_note()}, True, id="author: with host"
    ),
    pytest.param(
        {"author": glob("*@misskey.example")}, {"note": a_note()}, True, id="author: all of here"
    ),
    pytest.param(
        {"author": glob("*@misskey.example")},
        {"note": a_note(user=EVE)},
        False,
        id="author: nobody from elsewhere is from here",
    ),
    pytest.param(
        {"author": glob("eve@remote.example")},
        {"note": a_note(user=EVE)},
        True,
        id="author: remote, in any case",
    ),
    pytest.param(
        {"author": glob("eve")}, {"note": a_note(user=EVE)}, False, id="author: remote needs a host"
    ),
    pytest.param(
        {"author": glob("*.example")}, {"note": a_note(user=EVE)}, True, id="author: by its end"
    ),
    pytest.param(
        {"author": glob("*@remote.example")},
        {"note": a_note(user=replace(EVE, host="evil.example\nx@remote.example"))},
        True,
        id="author: a star takes line ends too",
    ),
    pytest.param(
        {"author": glob("bob")},
        {"note": a_note(user=replace(BOB, username="bob\n"))},
        False,
        id="author: a line end is no end",
    ),
    pytest.param(
        {"author": glob("alice", "bob")}, {"note": a_note()}, True, id="author: any of several"
    ),
    pytest.param({"author": ()}, {"note": a_note()}, False, id="author: none of none"),
    pytest.param({"author": glob("bob")}, {"user": BOB}, True, id="author: who follows"),
    pytest.param(
        {"author": glob("bob")},
        {"report": AbuseReport(reporter=BOB, target_user=EVE)},
        True,
        id="author: who reports",
    ),
    pytest.param(
        {"author": glob("eve*")},
        {"report": AbuseReport(reporter=BOB, target_user=EVE)},
        False,
        id="author: not who is reported",
    ),
    pytest.param(
        {"author": glob("eve*")},
        {"note": a_note(renote=a_note(user=EVE))},
        False,
        id="author: not whom a note quotes",
    ),
    pytest.param({"text": search("ell")}, {"note": a_note()}, True, id="text: anywhere in it"),
    pytest.param({"text": search("^ell")}, {"note": a_note()}, False, id="text: not where it says"),
    pytest.param({"text": search("HELLO")}, {"note": a_note()}, False, id="text: in its case"),
    pytest.param({"text": search("(?i)HELLO")}, {"note": a_note()}, True, id="text: in any case"),
    pytest.param({"text": search("x", "l")}, {"note": a_note()}, True, id="text: any of several"),
    pytest.param(
        {"text": search("war")}, {"note": a_note(cw="warning")}, True, id="text: in the CW"
    ),
    pytest.param(
        {"text": search("warning.*hello")},
        {"note": a_note(cw="warning")},
        False,
        id="text: not over CW and text together",
    ),
    pytest.param(
        {"text": search("")}, {"note": a_note(text=None)}, False, id="text: there is none"
    ),
    pytest.param({"text": search("")}, {"user": BOB}, False, id="text: nor without a note"),
    pytest.param(
        {"text": search("secret")},
        {"note": a_note(renote=a_note(text="secret"), reply=a_note(text="secret"))},
        False,
        id="text: not that of notes inside",
    ),
    pytest.param(
        {"tag": {"misskey"}}, {"note": a_note(tags=("misskey",))}, True, id="tag: its own"
    ),
    pytest.param(
        {"tag": {"misskey"}}, {"note": a_note(tags=("MissKey",))}, True, id="tag: any case"
    ),
    pytest.param(
        {"tag": {"a", "b"}}, {"note": a_note(tags=("b", "c"))}, True, id="tag: any of several"
    ),
    pytest.param({"tag": {"miss"}}, {"note": a_note(tags=("misskey",))}, False, id="tag: no part"),
    pytest.param({"tag": {"misskey"}}, {"note": a_note()}, False, id="tag: there is none"),
    pytest.param({"tag": {"misskey"}}, {"user": BOB}, False, id="tag: nor without a note"),
    pytest.param({"has": {"files"}}, {"note": a_note(files=(IMAGE,))}, True, id="has: files"),
    pytest.param({"has": {"files"}}, {"note": a_note()}, False, id="has: no files"),
    pytest.param(
        {"has": {"sensitive"}}, {"note": a_note(files=(IMAGE,))}, False, id="has: nothing"
    ),
    pytest.param(
        {"has": {"sensitive"}},
        {"note": a_note(files=(IMAGE, SENSITIVE))},
        True,
        id="has: one that is sensitive",
    ),
    pytest.param({"has": {"poll"}}, {"note": a_note(poll=Poll())}, True, id="has: a poll"),
    pytest.param({"has": {"cw"}}, {"note": a_note(cw="x")}, True, id="has: a CW"),
    pytest.param({"has": {"quote"}}, {"note": a_note(renote_id="n2")}, True, id="has: a quote"),
    pytest.param(
        {"has": {"quote"}},
        {"note": a_note(text=None, renote_id="n2")},
        False,
        id="has: a pure renote is no quote",
    ),
    pytest.param({"has": {"poll", "cw"}}, {"note": a_note(cw="x")}, True, id="has: any of several"),
    pytest.param({"has": {"files"}}, {"user": BOB}, False, id="has: nothing without a note"),
    pytest.param({"bot": True}, {"user": replace(BOB, is_bot=True)}, True, id="bot: a bot"),
    pytest.param({"bot": True}, {"user": BOB}, False, id="bot: a human"),
    pytest.param({"bot": False}, {"user": replace(BOB, is_bot=True)}, False, id="bot: not a bot"),
    pytest.param({"bot": False}, {"user": BOB}, True, id="bot: not a bot indeed"),
    pytest.param({"bot": False}, {}, True, id="bot: nobody is not a bot"),
    pytest.param({"bot": True}, {}, False, id="bot: nobody is none"),
    pytest.param(
        {"hook": {"alice"}, "event": {"mention"}, "bot": False, "author": glob("bob")},
        {"note": a_note()},
        True,
        id="all keys hold",
    ),
    pytest.param(
        {"hook": {"alice"}, "event": {"mention"}, "bot": True, "author": glob("bob")},
        {"note": a_note()},
        False,
        id="one of many does not hold",
    ),
]


@pytest.mark.parametrize(("keys", "event", "holds"), MATCHES)
def test_a_match_holds_if_every_key_does(keys, event, holds):
    sets = {name: frozenset(value) for name, value in keys.items() if isinstance(value, set)}
    match = Match.model_construct(**keys | sets)
    event = an_event(**event)
    assert match.matches(event) == holds
    assert Route(name="r", to=("s",), match=match).matches(event) == holds
    assert Route(name="r", to=("s",), unless=match).matches(event) != holds


def test_every_key_is_in_the_table():
    asked = {key for row in MATCHES for key in row.values[0]}
    assert asked == Match.model_fields.keys()


@pytest.mark.parametrize(
    ("user", "called"),
    [
        pytest.param(BOB, ("bob", "bob@misskey.example"), id="local, by both"),
        pytest.param(EVE, ("eve@remote.example",), id="remote, with the host only"),
        pytest.param(User(), (), id="without a name, nothing"),
        pytest.param(None, (), id="nobody, nothing"),
    ],
)
def test_how_an_author_is_called(user, called):
    assert author_names(an_event(user=user)) == called


def test_the_words_of_has_are_all_there():
    note = a_note(files=(SENSITIVE,), poll=Poll(), cw="x", renote_id="n2")
    assert features(note) == {"files", "poll", "cw", "quote", "sensitive"}
    assert features(a_note()) == set()


# --- routes


@pytest.mark.parametrize(
    ("unless", "when", "matches"),
    [
        pytest.param(None, None, True, id="neither asks"),
        pytest.param(Match(hook=frozenset({"bob"})), None, True, id="what is excepted is not it"),
        pytest.param(Match(hook=frozenset({"alice"})), None, False, id="it is excepted"),
        pytest.param(
            Match(hook=frozenset({"alice"}), event=frozenset({"reply"})),
            None,
            True,
            id="an exception needs all of its keys too",
        ),
        pytest.param(Match(), None, False, id="an empty exception excepts everything"),
        pytest.param(None, True, True, id="the condition holds"),
        pytest.param(None, False, False, id="the condition does not hold"),
        pytest.param(Match(hook=frozenset({"alice"})), True, False, id="excepted in any case"),
    ],
)
def test_unless_and_when_narrow_a_route(unless, when, matches):
    condition = None if when is None else lambda event: when
    assert Route(name="r", to=("s",), unless=unless, when=condition).matches(an_event()) == matches


def test_when_is_not_asked_about_events_that_do_not_match():
    def when(event: Event) -> bool:
        raise AssertionError(event)

    other = Match(event=frozenset({"reply"}))
    assert not Route(name="r", to=("s",), match=other, when=when).matches(an_event())
    assert not Route(name="r", to=("s",), unless=Match(), when=when).matches(an_event())


def a_route(name, *to, event=None):
    match = Match() if event is None else Match(event=frozenset({event}))
    return Route(name=name, to=to, match=match)


@pytest.mark.parametrize(
    ("routes", "found"),
    [
        pytest.param([], [], id="no route, no sink"),
        pytest.param([a_route("a", "x", event="reply")], [], id="no route that matches, none"),
        pytest.param([a_route("a", "x", "y")], [("x", "a"), ("y", "a")], id="all of a route"),
        pytest.param([a_route("a", "y", "x")], [("y", "a"), ("x", "a")], id="in its order"),
        pytest.param([a_route("a", "x", "x")], [("x", "a")], id="each once"),
        pytest.param(
            [a_route("a", "x"), a_route("b", "x", "y")],
            [("x", "a"), ("y", "b")],
            id="the first route that names a sink has it",
        ),
        pytest.param(
            [a_route("a", "x", event="reply"), a_route("b", "x")],
            [("x", "b")],
            id="a route that does not match has nothing",
        ),
        pytest.param(
            [a_route("a", "x"), a_route("b", "y"), a_route("c", "z")],
            [("x", "a"), ("y", "b"), ("z", "c")],
            id="every route is asked, the first match does not win",
        ),
    ],
)
def test_the_sinks_of_all_routes_that_match(routes, found):
    assert list(sinks_for(an_event(), routes).items()) == found
    assert list(sinks_for(an_event(), iter(routes)).items()) == found


@pytest.mark.parametrize(
    ("route", "why"),
    [
        pytest.param({}, None, id="it matches"),
        pytest.param(
            {"match": Match(hook=frozenset({"bob"}))}, "match: hook is alice", id="another hook"
        ),
        pytest.param(
            {"match": Match(hook=frozenset({"bob"}), event=frozenset({"note"}), bot=False)},
            "match: hook is alice; event is mention",
            id="two of three keys",
        ),
        pytest.param(
            {"unless": Match(hook=frozenset({"alice"}))}, "unless: hook is alice", id="excepted"
        ),
        pytest.param({"when": lambda event: False}, "when: it does not hold", id="a condition"),
    ],
)
def test_a_route_says_why_it_does_not_match(route, why):
    assert explain(Route(name="r", to=("team",), **route), an_event()) == why


@pytest.mark.parametrize("has_note", [True, False])
def test_a_route_tells_of_each_key_what_the_event_has_there(has_note):
    asked = {
        "hook": frozenset({"x"}), "event": frozenset({"x"}), "server": frozenset({"x"}),
        "author": (Glob.of("x"),), "bot": True, "visibility": frozenset({"x"}),
        "has": frozenset({"x"}), "tag": frozenset({"x"}), "text": (re.compile("x{99}"),),
    }  # fmt: skip
    event = an_event(note=a_note() if has_note else None)
    told = explain(Route(name="r", to=("team",), match=Match.model_construct(**asked)), event)
    assert told is not None
    assert [part.partition(" is ")[0] for part in told.removeprefix("match: ").split("; ")] == [
        *Match.model_fields
    ]
    assert ("text is another" in told) is has_note


def test_each_key_is_described_and_says_how_events_have_it():
    described = descriptions(Match)
    assert KEYS.keys() == described.keys() == Match.model_fields.keys()


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.is_of_note])
def test_only_an_event_with_a_note_has_values_of_a_key_of_notes(name):
    assert not KEYS[name].values(an_event(user=BOB))
