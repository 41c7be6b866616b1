"""The gate lets nothing through that a sink may not show."""

from dataclasses import asdict, fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.model import (
    AbuseReport,
    CalendarEvent,
    Channel,
    Choice,
    File,
    Gate,
    Note,
    Poll,
    User,
    Visibility,
)
from relay.routing.gate import WITHHELD, allows, may_show, redacted
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
