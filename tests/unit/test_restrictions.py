"""What an author, a moderator or a server asks to be kept from readers, in every form of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from relay import misskey
from relay.cli.preview import embedded
from relay.misskey import parse
from relay.model import Display, Event, Gate, Note
from relay.rendering.templates import Templates
from relay.routing.gate import denial_reason, may_show, redacted, revokes
from tests import cases
from tests.fakes.misskey import a_note, a_note_event

RESTRICTING = [True, 1, 0, -1, 0.0, "true", "false", "no", "", [1], [], {}, {"a": 1}]
CLEAR = [..., None, False]
BUILT_IN = Templates()


def the_note(**fields: Any) -> Note:
    request = a_note_event(1)
    body = request.event["body"]["note"]
    for key, value in fields.items():
        if value is ...:
            body.pop(key, None)
        else:
            body[key] = value
    event = request.event | {"body": {"note": body}}
    note = parse(json.dumps(event).encode(), hook="alice").note
    assert note is not None
    return note


def author(**fields: Any) -> dict[str, Any]:
    user: dict[str, Any] = a_note(1)["user"]
    return user | {key: value for key, value in fields.items() if value is not ...}


FLAGS = [
    pytest.param(lambda it: the_note(localOnly=it).local_only, id="localOnly"),
    pytest.param(lambda it: the_note(isHidden=it).is_hidden, id="isHidden"),
    pytest.param(lambda it: the_note(isBlinded=it).is_hidden, id="isBlinded (CherryPick's forks)"),
    pytest.param(lambda it: the_note(deletedAt=it).is_hidden, id="deletedAt"),
    pytest.param(
        lambda it: the_note(files=[{"id": "f", "isSensitive": it}]).files[0].is_sensitive,
        id="isSensitive of a file",
    ),
    pytest.param(
        lambda it: the_note(channel={"id": "c", "isSensitive": it}).channel.is_sensitive,
        id="isSensitive of a channel",
    ),
    pytest.param(
        lambda it: the_note(user=author(requireSigninToViewContents=it)).signin_only,
        id="requireSigninToViewContents",
    ),
    pytest.param(
        lambda it: the_note(requireSigninToViewContents=it).signin_only,
        id="requireSigninToViewContents of the note itself",
    ),
]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", RESTRICTING, ids=repr)
def test_a_flag_that_restricts_is_set_by_any_value(flag: Any, value: object) -> None:
    assert flag(value if value is not ... else None) is True


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [None, False], ids=repr)
def test_only_null_and_false_clear_it(flag: Any, value: object) -> None:
    assert flag(value) is False


@pytest.mark.parametrize("key", ["makeNotesHiddenBefore", "makeNotesFollowersOnlyBefore"])
@pytest.mark.parametrize("value", [True, "1795308086", [], {}], ids=repr)
def test_a_limit_that_cannot_be_read_is_after_every_note(key: str, value: object) -> None:
    assert not may_show(Gate(), the_note(user=author(**{key: value})))


@pytest.mark.parametrize("key", ["makeNotesHiddenBefore", "makeNotesFollowersOnlyBefore"])
@pytest.mark.parametrize("value", [None, False], ids=repr)
def test_no_limit_hides_nothing(key: str, value: object) -> None:
    assert may_show(Gate(), the_note(user=author(**{key: value})))


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        pytest.param({"isHidden": True}, False, id="Misskey hid it from one reader"),
        pytest.param({"isBlinded": True}, True, id="a moderator blinded it"),
        pytest.param({"deletedAt": "2026-11-22T00:00:00Z"}, True, id="it is deleted"),
        pytest.param({"user": author(makeNotesHiddenBefore=-1)}, True, id="its author hid it"),
        pytest.param({"user": author(makeNotesFollowersOnlyBefore=-1)}, True, id="for followers"),
        pytest.param({"user": author(requireSigninToViewContents=1)}, True, id="for the signed-in"),
        pytest.param({"localOnly": 1}, True, id="local-only"),
        pytest.param({"visibility": "hidden"}, True, id="of an unknown visibility"),
        pytest.param({}, False, id="as it was"),
    ],
)
def test_what_an_edit_takes_from_all_readers_is_withdrawn(
    fields: dict[str, Any], gone: bool
) -> None:
    request = a_note_event(1, kind="edited")
    old = request.event["body"]["note"] | {"createdAt": "2020-01-01T00:00:00Z"} | fields
    event = parse(json.dumps(request.event | {"body": {"note": old}}).encode(), hook="alice")
    assert revokes(Gate(), event) == gone
    assert (denial_reason(Gate(), event) is None) == (not fields)


# --- warnings that moderators demand (Sharkey)

PLACES = [
    pytest.param(lambda it: {"mandatoryCW": it}, id="of the note"),
    pytest.param(lambda it: {"user": author(mandatoryCW=it)}, id="of its author"),
    pytest.param(
        lambda it: {"user": author(instance={"mandatoryCW": it})}, id="of the author's server"
    ),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_mandatory_warning_is_one(place: Any) -> None:
    note = the_note(text="surgery", **place("gore"))
    assert (note.cw, note.mandatory_cw) == ("gore", "gore")
    assert the_note(text="surgery", cw="food", **place("gore")).cw == "food, gore"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [True, 1, ["gore"], {"text": "gore"}], ids=repr)
def test_a_mandatory_warning_of_another_type_folds_the_note_too(place: Any, value: object) -> None:
    assert the_note(text="surgery", **place(value)).cw
    assert the_note(text="surgery", cw="food", **place(value)).cw == "food"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [None, False, ""], ids=repr)
def test_where_none_is_demanded_there_is_none(place: Any, value: object) -> None:
    assert the_note(text="surgery", cw=None, **place(value)).cw is None


@pytest.mark.parametrize("value", [True, 1, ["x"], {}], ids=repr)
def test_an_authors_warning_of_another_type_folds_the_note(value: object) -> None:
    assert the_note(cw=value).cw == " "


def test_all_warnings_are_told_and_none_twice() -> None:
    user = author(mandatoryCW="gore", instance={"mandatoryCW": "bridged"})
    note = the_note(cw="food", mandatoryCW="gore", user=user)
    assert note.cw == "food, gore, bridged"


def test_a_renote_by_somebody_with_a_mandatory_warning_is_no_quote() -> None:
    inner = a_note(2)
    user = author(mandatoryCW="gore")
    note = the_note(text=None, user=user, renote=inner, renoteId=inner["id"])
    assert note.cw == "gore"
    assert note.is_renote
    assert the_note(text=None, cw="mine", renote=inner, renoteId=inner["id"]).is_quote


def shown(event: Event, cw: str = "spoiler", gate: Gate | None = None) -> dict[str, str]:
    """The payloads of all vendors, by their names."""
    made = redacted(gate or Gate(), event)
    message = BUILT_IN.render(made, display=Display(cw=cw))
    sinks = embedded().sinks.items()
    return {
        name: json.dumps(sink.layout([message]).payload, ensure_ascii=False) for name, sink in sinks
    }


@pytest.mark.parametrize("name", ["b01", "b03", "b05"])
def test_a_note_with_a_mandatory_warning_is_folded_in_every_chat(name: str) -> None:
    event = cases.event(name)
    assert event.note is not None
    hidden, label = event.note.text or "", event.note.mandatory_cw or ""
    assert label
    for vendor, payload in shown(event, "hide").items():
        assert hidden not in payload, vendor
        assert label in payload, vendor
    spoilers = shown(event)
    assert f"||{hidden}" in spoilers["discord"]
    assert hidden not in spoilers["slack"]
    assert all("image_url" not in it and '"image"' not in it for it in spoilers.values())


def test_both_labels_are_shown() -> None:
    for payload in shown(cases.event("b05")).values():
        assert "⚠️ food, gore" in payload


@pytest.mark.parametrize("key", ["reply", "renote"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_mandatory_warning_holds_at_every_depth(key: str, depth: int) -> None:
    inner = a_note(9, text="surgery")
    inner["user"]["mandatoryCW"] = "gore"
    for n in range(depth):
        inner = a_note(n + 2, text="around") | {key: inner, f"{key}Id": inner["id"]}
    event = parse(a_note_event(1).with_event(
        a_note_event(1).event | {"body": {"note": inner}}).body, hook="alice")  # fmt: skip
    assert all("surgery" not in it for it in shown(event, "hide").values())


# --- authors who want signed-in readers

SIGNIN = "its author shows it to signed-in readers only, and the sink has no signin_only: true"


def test_a_note_for_signed_in_readers_is_withheld_with_its_reason() -> None:
    event = cases.event("b06")
    assert denial_reason(Gate(), event) == SIGNIN
    assert denial_reason(Gate(signin_only=True), event) is None
    assert revokes(Gate(), event)


def test_a_parent_for_signed_in_readers_is_withheld_alone() -> None:
    event = cases.event("b08")
    assert denial_reason(Gate(), event) is None
    for payload in shown(event).values():
        assert "only for people who are signed in" not in payload
        assert "carol" not in payload
        assert "a note that may not be shown here" in payload
    for payload in shown(event, gate=Gate(signin_only=True)).values():
        assert "only for people who are signed in" in payload


def test_what_was_captured_of_such_an_author_is_withheld() -> None:
    folder = Path(__file__).parents[1] / "samples" / "webhooks.jsonl"
    rows = [json.loads(line) for line in folder.read_text("utf-8").splitlines()]
    bodies = [row["body"] for row in rows if '"requireSigninToViewContents":true' in row["body"]]
    assert bodies
    for body in bodies:
        note = misskey.parse(body.encode(), hook="alice").note
        assert note is not None
        assert [
            it for it in note.walk() if it.user.username == "Frank_123" and may_show(Gate(), it)
        ] == []
