"""What a locked phone shows: who did what, the first words, and nothing that is hidden."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from relay import misskey
from relay.app.plan import policy, renderer
from relay.cli.preview import embedded
from relay.i18n import Language
from relay.model import Event
from relay.rendering.blocks import trial
from relay.routing.gate import redacted
from relay.sinks.console import ConsoleSettings
from relay.text import plain
from relay.text.message import EXCERPT, Image, Message, plain_form
from relay.text.tree import Center, Link, Pre, Quote, Style, Styled, Text, Tree
from tests import cases
from tests.fakes import slack_pings

SECRETS = ("the secret", "files/", "nsfw-name")


def payload(event: Event, vendor: str, **keys: Any) -> dict[str, Any]:
    config = embedded()
    sink = config.sinks[vendor].model_copy(update=keys)
    made = renderer(config).rendered(redacted(sink.gate, event), "", policy(config, sink))
    return dict(sink.layout([made]).payload)


def note(name: str = "e30", **changes: Any) -> Event:
    body = json.loads(cases.raw(name))
    body["body"]["note"] |= changes
    return misskey.parse(json.dumps(body).encode(), hook="alice")


def notifications(event: Event, **keys: Any) -> tuple[str, str]:
    """What Slack shows, and Matrix."""
    return payload(event, "slack", **keys)["text"], payload(event, "matrix", **keys)["body"]


def test_the_first_words_stand_behind_author_and_title() -> None:
    slack, matrix = notifications(note(text="hello **there**,\nhow are you?"))
    assert slack == "Bob (@bob) · Mention: hello there, how are you?"
    assert matrix.startswith("Bob (@bob) · Mention\n  hello there,\n  how are you?\n")


def test_the_addresses_of_a_message_come_last() -> None:
    _, matrix = notifications(note(text="[the shop](https://shop.example/)"))
    assert matrix.split("\n")[0] == "Bob (@bob) · Mention"
    assert matrix.split("\n")[-1] == f"https://misskey.example/notes/{note().note.id}"  # type: ignore[union-attr]


def test_an_answer_comes_before_what_it_answers() -> None:
    for text in notifications(cases.event("e04")):
        assert text.startswith(("Bob (@bob) · Reply: answer", "Bob (@bob) · Reply\n  answer\n"))


def test_of_a_pure_renote_the_words_are_those_of_the_other_note() -> None:
    inner = {**json.loads(cases.raw("e30"))["body"]["note"], "id": "inner", "text": "their words"}
    event = note(text=None, files=[], renote=inner, renoteId="inner")
    slack, matrix = notifications(event)
    assert slack.startswith("Bob (@bob) · Mention: 🔁 Bob @bob their words")
    assert "their words" in matrix


@pytest.mark.parametrize("cw", ["spoiler", "hide"])
def test_a_warning_stands_for_the_text(cw: str) -> None:
    event = note(text="the secret $[blur the secret]", cw="food")
    for text in notifications(event, cw=cw):
        assert "⚠️ food" in text
        assert "secret" not in text


def test_where_warnings_are_not_kept_the_text_follows() -> None:
    for text in notifications(note(text="soup", cw="food"), cw="show"):
        assert "⚠️ food" in text
        assert "soup" in text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"text": "I say $[blur the secret]"}, id="blurred"),
        pytest.param({"text": "$[blur **the secret** [x](https://a.example/files/x)]"}, id="all"),
        pytest.param({"text": "$[x2 $[blur the secret]]"}, id="in another"),
        pytest.param({"text": "> $[blur the secret]"}, id="quoted"),
    ],
)
def test_what_is_blurred_is_in_no_notification(changes: dict[str, Any]) -> None:
    for vendor, key in (("slack", "text"), ("matrix", "body")):
        found = payload(note(**changes), vendor)[key]
        assert not any(secret in found for secret in SECRETS)


@pytest.mark.parametrize("name", ["g44", "g46"])
def test_sensitive_files_are_not_named(name: str) -> None:
    event = cases.event(name)
    for text in notifications(event):
        assert "photo" not in text
        assert "files/" not in text
    assert "🔞" in notifications(cases.event("g44"))[0]


@pytest.mark.parametrize("key", ["reply", "renote"])
@pytest.mark.parametrize("text", ["mine", None])
def test_sensitive_files_of_another_note_are_not_named(key: str, text: str | None) -> None:
    inner = {**json.loads(cases.raw("g44"))["body"]["note"], "id": "inner"}
    event = note(text=text, files=[], **{key: inner, f"{key}Id": "inner"})
    between = {
        **inner,
        "id": "mid",
        "text": text,
        "files": [],
        "renote": inner,
        "renoteId": "inner",
    }
    deep = note(text=text, files=[], **{key: between, f"{key}Id": "mid"})
    for found in (*notifications(event), *notifications(deep)):
        assert "photo" not in found
        assert "files/" not in found


def test_a_note_that_may_not_be_shown_is_not_told() -> None:
    inner = {
        **json.loads(cases.raw("e30"))["body"]["note"],
        "id": "inner",
        "text": "the secret",
        "visibility": "followers",
    }
    for key in ("reply", "renote"):
        event = note(text="hello", **{key: inner, f"{key}Id": "inner"})
        config = embedded()
        for vendor, member in (("slack", "text"), ("matrix", "body")):
            sink = config.sinks[vendor].model_copy(update={"visibility": frozenset({"public"})})
            made = renderer(config).rendered(redacted(sink.gate, event), "", policy(config, sink))
            for message in (made, plain_form(made)):
                found = sink.layout([message]).payload[member]
                assert "hello" in found
                assert "secret" not in found


@pytest.mark.parametrize("name", ["a37", "a01"])
def test_a_picture_alone_is_named(name: str) -> None:
    [file] = cases.event(name).note.files  # type: ignore[union-attr]
    for text in notifications(note(name, text=None)):
        assert f"🖼 {file.name}" in text


@pytest.mark.parametrize(
    "text", ["<!channel> <!here|x> <@U123> <!subteam^S1>", "@everyone @channel @here", "&lt;!here>"]
)
def test_nothing_in_it_pings_or_is_a_link(text: str) -> None:
    found = payload(note(text=f"{text} https://a.example/x"), "slack")
    assert slack_pings.pings(found) == set()
    assert slack_pings.links({"text": found["text"]}) == []


def test_several_messages_have_a_line_each() -> None:
    messages = [Message(title=(Text(f"t{n}"),), body=(Text("word " * 99),)) for n in range(10)]
    found = embedded().sinks["slack"].layout(messages).payload["text"].split("\n")
    assert [line.split(":")[0] for line in found] == [f"t{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ((Text("a\n\n b  c\n"),), "a b c"),
        ((Text("x " * 200),), ("x " * 99) + "x…"),
        ((Quote((Text("theirs"),)), Text("ours")), "ours"),
        ((Quote((Text("theirs"),)),), "theirs"),
        ((Text(">_<"),), ">_<"),
        ((Link("https://a.example/", (Text("label"),)),), "label"),
        ((Pre("x = 1\ny = 2"),), "x = 1 y = 2"),
        ((Text("a "), Styled(Style.SPOILER, (Text("b"),)), Text(" c")), "a █████ c"),
        ((Text("⚠️ w\n"), Styled(Style.SPOILER, (Text("b\nc"),))), "⚠️ w"),
        ((Styled(Style.SPOILER, (Text("b"),)),), ""),
        ((Quote((Styled(Style.SPOILER, (Text("b"),)),)),), ""),
        ((Text("\U0001f51e nsfw-name.png\nmore"),), "🔞 more"),
        ((Quote((Text("\U0001f51e nsfw-name.png"),)),), "🔞"),
        ((Quote((Quote((Text("\U0001f51e nsfw-name.png"),)),)),), "🔞"),
        ((Center((Text("a"),)), Text("b")), "a b"),
        ((), ""),
    ],
)
def test_an_excerpt_is_one_line_of_what_is_shown(nodes: Tree, words: str) -> None:
    found = plain.excerpt(nodes, EXCERPT)
    assert found == words
    assert len(found) <= EXCERPT


# --- when it happened


@pytest.mark.parametrize(
    ("zone", "words"),
    [("UTC", "Nov 22, 2026 12:48 AM UTC"), ("Asia/Tokyo", "Nov 22, 2026 9:48 AM JST")],
)
def test_slack_and_matrix_tell_when_it_happened_in_the_zone_of_the_sink(
    zone: str, words: str
) -> None:
    event = cases.event("e30")
    slack = payload(event, "slack", timezone=zone)["blocks"][-1]
    assert slack["type"] == "context"
    assert slack["elements"][0]["text"].endswith(f" · {words}")
    matrix = payload(event, "matrix", timezone=zone)
    # no-break spaces are what dates have in some locales
    assert words in matrix["formatted_body"].replace("\u202f", " ")
    assert words in matrix["body"].replace("\u202f", " ")
    console = ConsoleSettings(type="console", timezone=zone)
    config = embedded()
    made = renderer(config).rendered(event, "", policy(config, console))
    assert words in console.layout([made]).payload["text"].replace("\u202f", " ")


def test_discord_tells_it_in_each_readers_own_zone() -> None:
    event = cases.event("e30")
    [embed] = payload(event, "discord", timezone="Asia/Tokyo")["embeds"]
    assert event.note is not None
    assert event.note.created_at is not None
    told = datetime.fromisoformat(embed["timestamp"])
    assert told == datetime.fromtimestamp(event.note.created_at / 1000, UTC)
    assert "JST" not in embed["footer"]["text"]


def test_a_message_that_no_template_made_has_a_time_too() -> None:
    found = embedded().sinks["slack"].layout([Message(title=(Text("t"),), at=0)]).payload
    assert found["blocks"][-1]["elements"][0]["text"] == "1970-01-01 00:00 UTC"
    assert Message(images=(Image(url="x"),)).moment == ""


def test_a_test_message_tells_the_time_in_the_zone_of_its_sink() -> None:
    message = trial(at=0, language=Language("en", "Asia/Tokyo"))
    found = embedded().sinks["slack"].layout([message]).payload
    assert "9:00" in found["blocks"][-1]["elements"][0]["text"]
    assert "JST" in found["blocks"][-1]["elements"][0]["text"]
