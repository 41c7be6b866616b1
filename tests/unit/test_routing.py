"""The gate lets nothing through that a sink may not show; the routes say what it shall."""

import re
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.model import (
    AbuseReport,
    CalendarEvent,
    Channel,
    Choice,
    Event,
    File,
    Gate,
    Note,
    Poll,
    User,
    Visibility,
)
from relay.routing.gate import WITHHELD, allows, may_show, redacted
from relay.routing.match import Glob, Match, Route, explain, features, names, sinks_for
from tests.factories import an_event

PUBLIC, HOME, FOLLOWERS, SPECIFIED = Visibility
USUAL = Gate()
OPEN = Gate(visibility=frozenset(Visibility), local_only=True, moderation=True, signin_only=True)
BOB = User(id="u1", username="bob", name="Bob")
EVE = User(id="u2", username="Eve", host="Remote.example")


def a_note(**changes):
    note = Note(id="n1", user=BOB, text="hello", visibility=PUBLIC)
    return replace(note, **changes)


def a_note_event(note=None, /, **changes):
    return an_event(note=a_note() if note is None else note, **changes)


# --- the gate


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize(
    "allowed",
    [
        pytest.param(set(), id="nothing is allowed"),
        *(pytest.param({one}, id=f"only {one} is allowed") for one in Visibility),
        pytest.param(set(Visibility), id="everything is allowed"),
    ],
)
def test_a_note_is_shown_where_its_own_visibility_is_allowed(visibility, allowed):
    gate = Gate(visibility=frozenset(allowed))
    note = a_note(visibility=visibility)
    assert may_show(gate, note) == (visibility in allowed)
    assert allows(gate, a_note_event(note)) == (visibility in allowed)


@pytest.mark.parametrize(
    ("visibility", "is_shown"),
    [(PUBLIC, True), (HOME, True), (FOLLOWERS, False), (SPECIFIED, False)],
)
def test_by_default_a_sink_shows_public_and_home(visibility, is_shown):
    assert may_show(USUAL, a_note(visibility=visibility)) == is_shown


@pytest.mark.parametrize(
    ("gate", "note", "is_shown"),
    [
        pytest.param(USUAL, {"local_only": True}, False, id="local-only is not for outside"),
        pytest.param(Gate(local_only=True), {"local_only": True}, True, id="unless it is allowed"),
        pytest.param(Gate(local_only=True), {}, True, id="which does not ask for it"),
        pytest.param(
            Gate(local_only=True),
            {"local_only": True, "visibility": FOLLOWERS},
            False,
            id="local-only allows no narrower visibility",
        ),
        pytest.param(
            Gate(visibility=frozenset(Visibility)),
            {"local_only": True, "visibility": SPECIFIED},
            False,
            id="all visibilities allow no local-only",
        ),
        pytest.param(USUAL, {"signin_only": True}, False, id="its author wants signed-in readers"),
        pytest.param(Gate(signin_only=True), {"signin_only": True}, True, id="whom it has"),
        pytest.param(Gate(signin_only=True), {}, True, id="whom it does not need"),
        pytest.param(
            Gate(signin_only=True),
            {"signin_only": True, "local_only": True},
            False,
            id="signed-in readers may be on other servers",
        ),
        pytest.param(OPEN, {"is_hidden": True}, False, id="hidden is hidden from everybody"),
        pytest.param(OPEN, {"withheld": True}, False, id="withheld is withheld from everybody"),
        pytest.param(Gate(moderation=True), {"visibility": FOLLOWERS}, False, id="moderators too"),
        pytest.param(USUAL, {"text": None, "renote_id": "n2"}, True, id="a pure renote is a note"),
    ],
)
def test_what_else_a_note_may_be(gate, note, is_shown):
    assert may_show(gate, a_note(**note)) == is_shown
    assert allows(gate, a_note_event(a_note(**note))) == is_shown


@pytest.mark.parametrize(
    ("gate", "event", "is_admitted"),
    [
        pytest.param(USUAL, {"user": BOB}, True, id="a follow is nobody's secret"),
        pytest.param(USUAL, {"is_moderation": True}, False, id="moderation is for moderators"),
        pytest.param(Gate(moderation=True), {"is_moderation": True}, True, id="who see it"),
        pytest.param(
            replace(OPEN, moderation=False),
            {"is_moderation": True, "report": AbuseReport()},
            False,
            id="an open sink is not the moderators'",
        ),
        pytest.param(
            USUAL,
            {"is_moderation": True, "is_test": True, "report": AbuseReport()},
            False,
            id="not even for a test",
        ),
        pytest.param(
            Gate(moderation=True),
            {"is_moderation": True, "note": a_note(visibility=SPECIFIED)},
            False,
            id="the note of an event for moderators passes the gate too",
        ),
        pytest.param(
            USUAL,
            {"is_test": True, "note": a_note(local_only=True)},
            True,
            id="a test passes though its note is local-only",
        ),
        pytest.param(
            Gate(visibility=frozenset()),
            {"is_test": True, "note": a_note()},
            True,
            id="a test passes where nothing may be shown",
        ),
        pytest.param(
            USUAL,
            {"note": a_note(renote=a_note(visibility=SPECIFIED), renote_id="n2")},
            True,
            id="a private quote does not stop the note around it",
        ),
        pytest.param(
            USUAL,
            {"note": a_note(visibility=SPECIFIED, renote=a_note(), renote_id="n2")},
            False,
            id="a public quote does not carry the note around it",
        ),
    ],
)
def test_which_events_a_sink_may_show(gate, event, is_admitted):
    assert allows(gate, an_event(**event)) == is_admitted


# --- redaction


def test_what_stands_in_for_a_withheld_note_tells_nothing():
    assert replace(WITHHELD, withheld=False) == Note()


def test_a_test_event_shows_that_the_way_is_open_and_nothing_else():
    event = redacted(USUAL, a_note_event(a_note(local_only=True), is_test=True))
    assert event.note == WITHHELD


def test_redaction_leaves_an_event_without_a_note_as_it_is():
    event = an_event(user=BOB, report=AbuseReport(comment="spam"))
    assert redacted(USUAL, event) == event


def test_redaction_leaves_what_may_be_shown_as_it_is():
    event = a_note_event(a_note(reply=a_note(id="n2"), renote=a_note(id="n3", visibility=HOME)))
    assert redacted(USUAL, event) == event


@pytest.mark.parametrize(
    ("inside", "left"),
    [
        pytest.param({"visibility": FOLLOWERS}, "", id="for followers"),
        pytest.param({"visibility": SPECIFIED}, "", id="a direct note"),
        pytest.param({"local_only": True}, "", id="local-only"),
        pytest.param({"signin_only": True}, "", id="for signed-in readers"),
        pytest.param({"is_hidden": True}, "", id="hidden by Misskey"),
        pytest.param({"visibility": HOME}, "inside", id="allowed"),
    ],
)
@pytest.mark.parametrize("key", ["reply", "renote"])
@pytest.mark.parametrize("depth", range(1, 5))
def test_redaction_reaches_every_depth(inside, left, key, depth):
    note = a_note(text="inside", **inside)
    for n in range(depth):
        note = a_note(id=f"n{n}", text="around", **{key: note})
    shown = redacted(USUAL, a_note_event(note)).note
    assert [it.text for it in shown.walk()] == ["around"] * depth + [left or None]
    assert [it.withheld for it in shown.walk()] == [False] * depth + [not left]


def test_nothing_inside_a_withheld_note_comes_through_by_itself():
    note = a_note(renote=a_note(visibility=SPECIFIED, reply=a_note(text="public within private")))
    assert redacted(USUAL, a_note_event(note)).note.renote == WITHHELD


def test_redaction_changes_no_event_but_its_copy():
    event = a_note_event(a_note(reply=a_note(visibility=SPECIFIED, text="secret")))
    redacted(USUAL, event)
    assert event.note.reply.text == "secret"


gates = st.builds(
    Gate,
    visibility=st.frozensets(st.sampled_from(Visibility)),
    local_only=st.booleans(),
    signin_only=st.booleans(),
    moderation=st.booleans(),
)
bare_notes = st.builds(
    Note,
    visibility=st.sampled_from(Visibility),
    local_only=st.booleans(),
    signin_only=st.booleans(),
    is_hidden=st.booleans(),
)
trees = st.recursive(
    bare_notes,
    lambda inner: st.builds(
        lambda note, reply, renote: replace(note, reply=reply, renote=renote),
        bare_notes,
        st.none() | inner,
        st.none() | inner,
    ),
    max_leaves=8,
)


def written(note, path="note"):
    """The same tree with its own words, marked by their place, in every field of each note."""
    word = f"<{path}>"
    user = User(
        **dict.fromkeys(("id", "username", "host", "name", "url", "avatar_url", "instance"), word),
        emojis={word: word},
    )
    return replace(
        note,
        **dict.fromkeys(
            ("id", "url", "text", "cw", "mandatory_cw", "reply_url", "renote_url"), word
        ),
        user=user,
        files=(File(id=word, name=word, url=word, thumbnail_url=word, comment=word),),
        poll=Poll(choices=(Choice(text=word),)),
        event=CalendarEvent(title=word, location=word, url=word, organizer=word),
        channel=Channel(id=word, name=word),
        tags=(word,),
        emojis={word: word},
        reactions={word: 1},
        reply=note.reply and written(note.reply, f"{path}.reply"),
        renote=note.renote and written(note.renote, f"{path}.renote"),
    )


@given(gates, trees)
@example(USUAL, Note(visibility=PUBLIC, renote=Note(reply=Note(visibility=PUBLIC))))
def test_no_word_of_a_withheld_note_is_anywhere_in_a_redacted_event(gate, tree):
    note = written(tree)
    told = str(asdict(redacted(gate, a_note_event(note))))

    def check(inner, path, *, around):
        is_shown = around and may_show(gate, inner)
        assert (f"<{path}>" in told) == is_shown
        for key in ("reply", "renote"):
            if (below := getattr(inner, key)) is not None:
                check(below, f"{path}.{key}", around=is_shown)

    check(note, "note", around=True)


@given(gates, trees)
def test_a_redacted_event_is_redacted(gate, tree):
    once = redacted(gate, a_note_event(tree))
    assert redacted(gate, once) == once
    assert all(note.withheld or may_show(gate, note) for note in once.note.walk())


@pytest.mark.tells_secrets("the note's id is the same word as its text")
def test_each_field_of_a_note_is_filled_where_leaks_are_looked_for():
    note = written(Note())
    told = {field.name for field in fields(Note) if "<note>" in repr(getattr(note, field.name))}
    numbers = {
        "created_at",
        "updated_at",
        "delete_at",
        "reaction_count",
        "renote_count",
        "replies_count",
    }
    flags = {"visibility", "local_only", "signin_only", "is_hidden", "is_gone", "withheld"}
    inner = {"reply", "renote", "reply_id", "renote_id"}
    assert told == {field.name for field in fields(Note)} - numbers - flags - inner


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
    made = Match(**{k: frozenset(v) if isinstance(v, set) else v for k, v in keys.items()})
    event = an_event(**event)
    assert made.holds(event) == holds
    assert Route(name="r", to=("s",), match=made).matches(event) == holds
    assert Route(name="r", to=("s",), unless=made).matches(event) != holds


def test_every_key_is_in_the_table():
    asked = {key for row in MATCHES for key in row.values[0]}
    assert asked == {field.name for field in fields(Match)}


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
    assert names(an_event(user=user)) == called


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
    told = explain(Route(name="r", to=("team",), match=Match(**asked)), event)
    assert told is not None
    assert [part.partition(" is ")[0] for part in told.removeprefix("match: ").split("; ")] == [
        *(one.name for one in fields(Match))
    ]
    assert ("text is another" in told) is has_note
