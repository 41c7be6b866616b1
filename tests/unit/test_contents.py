"""What messages say of notes, reports, reactions and polls: never nothing, and never dead text."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import misskey
from relay.admin import summary
from relay.config import Locale
from relay.i18n import Language
from relay.model import AbuseReport, Display, Event, Gate
from relay.rendering.templates import Templates
from relay.routing.gate import redacted
from relay.sinks.discord import markup as discord
from relay.sinks.matrix import markup as matrix
from relay.text import plain
from relay.text.message import Message
from relay.text.tree import Emoji, Link, Node, Time, Tree, text_of
from tests import cases
from tests.factories import a_delivery
from tests.fakes.misskey import a_note, a_note_event

SERVER = "https://misskey.example"
NOW = 1_796_000_000_000  # 2026-11-30
TEMPLATES = Templates(clock=lambda: NOW)
LOCALES = ["en", "ja", "ko", "zh-Hans", "zh-Hant"]
GONE = {
    "en": "a note that was deleted or is hidden",
    "ja": "削除されたか非公開のノート",
    "ko": "삭제되었거나 비공개인 노트",
    "zh-Hans": "已删除或不可见的帖子",
    "zh-Hant": "已刪除或不可見的貼文",
}


def shown(event: Event, *, locale: str = "en", zone: str = "UTC", **display: str) -> Message:
    language = Language(locale, zone)
    return TEMPLATES.render(event, display=Display(**display), language=language)


def note_event(kind: str = "note", **fields: Any) -> Event:
    return misskey.parse(a_note_event(1, kind=kind, **fields).body, hook="alice")


def nodes_of(tree: Tree) -> Iterator[Node]:
    for node in tree:
        yield node
        yield from nodes_of(getattr(node, "children", ()))


def links(tree: Tree) -> dict[str, str]:
    """Where labels lead."""
    return {text_of(it.children): it.url for it in nodes_of(tree) if isinstance(it, Link)}


def emojis(tree: Tree) -> dict[str, str | None]:
    return {it.name: it.url for it in nodes_of(tree) if isinstance(it, Emoji)}


def said(message: Message) -> str:
    return plain.render(message.body)


# --- what is gone


def test_five_languages_are_tried() -> None:
    assert set(LOCALES) == {*GONE} == set(Locale.__args__)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["e01", "e02", "e04"])
def test_a_deleted_note_is_told_with_the_link_to_its_id(name: str, locale: str) -> None:
    message = shown(cases.event(name), locale=locale)
    assert links(message.body) == {GONE[locale]: f"{SERVER}/notes/gone1"}
    assert (cases.event(name).note.text or "") in said(message)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["note", "renote", "mention", "reply", "edited", "reaction"])
@pytest.mark.parametrize("key", ["reply", "renote"])
@pytest.mark.parametrize("value", [..., None, False, [], "gone", {"deletedAt": "2026-11-22"}])
def test_every_kind_and_form_of_what_is_gone_is_told(kind: str, key: str, value: object) -> None:
    fields = {f"{key}Id": "gone1"} | ({} if value is ... else {key: value})
    message = shown(note_event(kind, text=None, user=None, **fields))
    if kind != "reaction" or key == "renote":
        assert links(message.body)[GONE["en"]] == f"{SERVER}/notes/gone1"
    assert said(message).strip()


def test_a_quote_of_a_quote_that_is_gone_is_told() -> None:
    inner = a_note(2, text="I agree") | {"renoteId": "gone1"}
    message = shown(note_event(text="me too", renote=inner, renoteId=inner["id"]))
    assert links(message.body)[GONE["en"]] == f"{SERVER}/notes/gone1"


def test_what_misskey_leaves_out_of_a_parent_is_not_called_deleted() -> None:
    inner = a_note(2, text="I agree") | {"renoteId": "other1", "replyId": "other2"}
    message = shown(note_event(text="me too", reply=inner, replyId=inner["id"]))
    assert GONE["en"] not in said(message)
    assert links(message.body)["another note"] == f"{SERVER}/notes/other1"


def test_an_id_cannot_steer_the_link() -> None:
    message = shown(note_event(text=None, renoteId="../../x?y#z"))
    assert links(message.body)[GONE["en"]] == f"{SERVER}/notes/..%2F..%2Fx%3Fy%23z"


def test_behind_a_warning_what_is_gone_is_too() -> None:
    event = note_event(text="x", cw="careful", renoteId="gone1")
    assert GONE["en"] not in said(shown(event, cw="hide"))
    assert GONE["en"] not in said(shown(event))
    assert GONE["en"] in said(shown(event, cw="show"))


def test_a_type_of_file_in_capitals_is_the_same_type() -> None:
    file = {"name": "a.png", "type": "IMAGE/PNG", "url": "https://m.example/a"}
    [image] = shown(note_event(text=None, files=[file])).images
    assert (image.url, image.type) == ("https://m.example/a", "image/png")


PICTURE = {"name": "a.png", "type": "image/png", "url": "https://m.example/a"}


def test_of_a_quote_that_is_reacted_to_the_quoted_picture_is_shown() -> None:
    inner = a_note(2) | {"text": None, "files": [PICTURE]}
    message = shown(note_event("reaction", text="look", renote=inner, renoteId=inner["id"]))
    assert [image.url for image in message.images] == [PICTURE["url"]]
    assert "nothing that can be shown" not in said(message)


@pytest.mark.parametrize("cw", ["spoiler", "show"])
def test_no_picture_of_a_quote_behind_a_warning_is_lost_in_a_reaction(cw: str) -> None:
    inner = a_note(2) | {"text": None, "files": [PICTURE]}
    event = note_event("reaction", text="look", cw="w", renote=inner, renoteId=inner["id"])
    message = shown(event, cw=cw)
    found = [*links(message.body).values(), *(image.url for image in message.images)]
    assert PICTURE["url"] in found
    assert bool(message.images) == (cw == "show")


@pytest.mark.parametrize("fields", [{"files": [PICTURE]}, {"poll": {"choices": [{"text": "a"}]}}])
def test_what_a_quoted_quote_has_but_no_text_stands_on_lines_of_its_own(
    fields: dict[str, Any],
) -> None:
    inner = a_note(3) | {"text": None, **fields}
    quoted = a_note(2, text="mid") | {"renote": inner, "renoteId": inner["id"]}
    lines = said(shown(note_event(text="top", renote=quoted, renoteId=quoted["id"]))).split("\n")
    assert lines[3].endswith(f"@{inner['user']['username']}:")


def test_a_fork_that_sends_a_quote_without_its_id_quotes_nonetheless() -> None:
    for key, title in (("renote", "Quote"), ("reply", "Reply")):
        message = shown(note_event(text="me too", **{key: a_note(2, text="I agree")}))
        assert text_of(message.title) == title
        assert "I agree" in said(message)


@pytest.mark.parametrize("cw", ["hide", "spoiler", "show"])
def test_a_blank_warning_is_the_sign_alone(cw: str) -> None:
    first = said(shown(note_event(text="soup", cw=" "), cw=cw)).split("\n")[0]
    assert first.split(" (")[0] in {"⚠️", "⚠️ · read on"}


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ({"name": "Carol", "misskeyUsername": "carol"}, "Carol (@carol)"),
        ({"name": "Carol", "misskeyUsername": "@carol@a.example"}, "Carol (@carol@a.example)"),
        ({"name": "Carol"}, "Carol"),
        ({"misskeyUsername": "@carol"}, "@carol"),
        ({}, ""),
    ],
)
def test_who_wrote_a_contact_form_is_named_as_far_as_told(
    fields: dict[str, str], author: str
) -> None:
    body = json.loads(cases.raw("c07"))
    contact = body["body"] | {"name": None, "misskeyUsername": None} | fields
    event = misskey.parse(json.dumps(body | {"body": contact}).encode(), hook="alice")
    assert text_of(shown(event).author) == author


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"text": ""}, id="an empty text"),
        pytest.param({"text": " \n\t "}, id="blanks"),
        pytest.param({"text": "\u200b\u2060\ufeff"}, id="characters that nobody sees"),
        pytest.param({"text": "\u2800\u3164"}, id="characters that look like blanks"),
        pytest.param({"text": "**\u200b** $[x2 \u200b]"}, id="markup around nothing"),
        pytest.param({"text": "<center> </center>"}, id="blanks in the middle"),
        pytest.param({"channel": {"id": "c", "name": "cats"}}, id="only a channel"),
        pytest.param({"files": None, "fileIds": ["f1"]}, id="files that are gone"),
        pytest.param({"files": [], "poll": "soon"}, id="a poll of another type"),
        pytest.param({"song": {"title": "x"}}, id="content of a fork that nobody knows"),
    ],
)
@pytest.mark.parametrize("kind", ["note", "mention", "edited"])
def test_a_note_without_any_content_says_so(kind: str, fields: dict[str, Any]) -> None:
    message = shown(note_event(kind, **{"text": None, **fields}))
    assert list(links(message.body)) == ["nothing that can be shown here"]
    inner = a_note(2) | {"text": None, **fields}
    for key in ("reply", "renote"):
        around = shown(note_event(kind, text="see", **{key: inner, f"{key}Id": inner["id"]}))
        assert "nothing that can be shown here" in links(around.body)


@pytest.mark.parametrize(
    "fields",
    [
        {"poll": {"choices": [{"text": "a", "votes": 0}]}},
        {"poll": {"choices": []}},
        {"files": [{"name": "a.png", "type": "image/png", "url": "https://m.example/a"}]},
        {"files": [{"name": "a.png", "type": "image/png", "url": "javascript:x"}]},
        {"files": [{}]},
        {"event": {"title": "Tea"}},
        {"event": {}},
        {"cw": " "},
        {"cw": "careful"},
        {"text": "🐈"},
        {"text": "$[unixtime 0]"},
        {"text": r"\(x\)"},
        {"text": ":cat:"},
    ],
    ids=str,
)
@pytest.mark.parametrize("sensitive", ["hide", "show"])
def test_a_note_with_any_content_shows_that(fields: dict[str, Any], sensitive: str) -> None:
    event = note_event(**{"text": None, **fields})
    message = shown(event, sensitive_media=sensitive)
    assert said(message).strip() or message.images
    assert "nothing that can be shown here" not in said(message)


@pytest.mark.parametrize("cw", ["spoiler", "hide", "show"])
def test_a_note_of_pictures_alone_has_picture_or_link(cw: str) -> None:
    event = cases.event("a37")
    message = shown(event, cw=cw)
    [file] = event.note.files  # type: ignore[union-attr]
    assert [it.url for it in message.images] == [file.url]
    assert said(shown(cases.event("g44"))).startswith("🔞")


def test_a_plain_note_stays_plain() -> None:
    assert said(shown(cases.event("e30"))) == "good morning"


# --- CherryPick


@pytest.mark.parametrize(
    ("zone", "start"),
    [("UTC", "Dec 24, 2026 10:00 AM UTC"), ("Asia/Tokyo", "Dec 24, 2026 7:00 PM JST")],
)
def test_an_invitation_has_title_time_and_place(zone: str, start: str) -> None:
    text = " ".join(said(shown(cases.event("e10"), zone=zone)).split()).replace("\u202f", " ")
    assert text.startswith(f"📅 Tea party 🕒 {start} – Dec 24, 2026")
    assert "📍 Town hall" in text
    assert text.endswith("come along")
    times = [it.at for it in nodes_of(shown(cases.event("e10")).body) if isinstance(it, Time)]
    assert times == [1_798_106_400_000, 1_798_113_600_000]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param({"location": "at **home**, https://x.example/a"}, "📍 at home", id="a text"),
        pytest.param(
            {"location": {"name": "Hall", "address": "Main St 1"}},
            "📍 Hall, Main St 1",
            id="a place",
        ),
        pytest.param(
            {"location": {"address": {"streetAddress": "Main St 1", "addressLocality": "Ulm"}}},
            "📍 Main St 1, Ulm",
            id="an address",
        ),
        pytest.param({"location": [{"name": "Hall"}]}, "📍 Hall", id="several"),
        pytest.param(
            {"location": {"@type": "VirtualLocation", "url": "https://x.example/"}},
            "📍 https://x.example/",
            id="online",
        ),
        pytest.param({"organizer": {"name": "Carol"}}, "👤 Carol", id="who organizes it"),
        pytest.param({"url": "https://x.example/a"}, "🔗 https://x.example/a", id="its page"),
    ],
)
def test_an_invitation_tells_what_it_has(metadata: dict[str, Any], expected: str) -> None:
    event = {"title": "Tea", "start": "2026-12-24T10:00:00Z", "end": None, "metadata": metadata}
    assert expected in said(shown(note_event(text=None, event=event)))


@pytest.mark.parametrize(
    "broken", [{}, {"title": 1, "start": [], "metadata": "x"}, {"end": "soon"}]
)
def test_an_invitation_of_another_shape_is_still_one(broken: dict[str, Any]) -> None:
    assert said(shown(note_event(text="come", event=broken))).startswith("📅")


def test_an_invitation_without_title_begins_with_its_time() -> None:
    event = {"start": "2026-12-24T10:00:00Z"}
    assert said(shown(note_event(text=None, event=event))).startswith("📅 Dec 24, 2026")
    event = {"end": "2026-12-24T10:00:00Z"}
    assert said(shown(note_event(text=None, event=event))).startswith("📅 – Dec 24, 2026")


def test_no_part_of_an_invitation_begins_a_line_of_its_own() -> None:
    told = "Tea\n🌐 public"
    place = {"name": told, "address": told, "url": "x"}
    for location in (told, place, [place], {"address": {"addressRegion": told}}):
        event = {"title": told, "metadata": {"location": location, "organizer": told}}
        assert "\n🌐" not in said(shown(note_event(text=None, event=event)))


def test_an_invitation_stands_behind_its_warning() -> None:
    event = note_event(text=None, cw="careful", event={"title": "Secret party"})
    assert "Secret party" not in said(shown(event))
    quoting = note_event(text="x", renote=a_note(2) | {"event": {"title": "Tea"}}, renoteId="n2")
    assert "Tea" in said(shown(quoting))


def test_a_withheld_invitation_is_withheld() -> None:
    inner = a_note(2, visibility="followers") | {"event": {"title": "Secret party"}}
    event = note_event(text="x", renote=inner, renoteId=inner["id"])
    assert "Secret party" not in repr(shown(redacted(Gate(), event)))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_note_that_deletes_itself_says_when(locale: str) -> None:
    footer = plain.line(shown(cases.event("b12"), locale=locale, zone="Asia/Tokyo").footer)
    word = {
        "en": "deletes itself", "ja": "自動削除", "ko": "자동 삭제",
        "zh-Hans": "自动删除", "zh-Hant": "自動刪除",
    }[locale]  # fmt: skip
    assert f"⏳ {word} " in footer
    assert "48" in footer.partition(word)[2]
    assert "⏳" not in plain.line(shown(cases.event("e30"), locale=locale).footer)


# --- polls

ENDED = {"en": "ended", "ja": "終了", "ko": "종료", "zh-Hans": "已结束", "zh-Hant": "已結束"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["e08", "g54"])
def test_a_poll_that_is_over_has_ended(name: str, locale: str) -> None:
    assert f"· {ENDED[locale]} " in said(shown(cases.event(name), locale=locale))


@pytest.mark.parametrize(
    ("ends", "now", "word"),
    [
        pytest.param(NOW + 1, NOW, "ends", id="still open"),
        pytest.param(NOW, NOW, "ended", id="over this moment"),
        pytest.param(NOW - 1, NOW, "ended", id="over"),
        pytest.param(
            1_795_308_000_000, 0, "ended", id="over when it was sent: our clock is behind"
        ),
        pytest.param(1_795_400_000_000, 0, "ends", id="open when it was sent"),
    ],
)
@pytest.mark.parametrize("multiple", [False, True])
def test_it_is_over_by_our_clock_or_the_servers(
    ends: int, now: int, word: str, multiple: bool
) -> None:
    import datetime

    moment = datetime.datetime.fromtimestamp(ends / 1000, datetime.UTC).isoformat()
    poll = {"choices": [{"text": "a"}], "multiple": multiple, "expiresAt": moment}
    event = note_event("edited", text="?", poll=poll)
    message = Templates(clock=lambda: now).render(event, display=Display())
    assert f"0 votes · {word} " in said(message)


def test_one_vote_is_one() -> None:
    assert "1 vote ·" in said(shown(cases.event("g54")))
    assert "22 votes ·" in said(shown(cases.event("e08")))


def test_a_poll_without_an_end_tells_none() -> None:
    assert said(shown(cases.event("c08"))).endswith("4 votes")


# --- emoji in names, choices and reactions


def test_choices_have_emoji_and_no_other_markup() -> None:
    message = shown(cases.event("c08"))
    assert emojis(message.body) == {"blobcat": f"{SERVER}/emoji/blobcat.webp"}
    assert "**dogs** https://dogs.example" in said(message)
    assert links(message.body) == {}


def test_names_have_emoji_of_their_own_server() -> None:
    assert emojis(shown(cases.event("d108")).author) == {"neko": f"{SERVER}/emoji/neko.webp"}
    inner = a_note(2, host="far.example")
    inner["user"]["name"] = ":cat: **Carol**"
    message = shown(note_event(text="x", renote=inner, renoteId=inner["id"]))
    assert emojis(message.body) == {"cat": f"{SERVER}/emoji/cat@far.example.webp"}
    assert "**Carol**" in said(message)


def reaction(emoji: str) -> Message:
    event = cases.event("e17")
    raw = json.loads(cases.raw("e17"))
    raw["body"]["reaction"] = emoji
    raw["body"]["user"]["host"] = "remote.example"
    return shown(misskey.parse(json.dumps(raw).encode(), hook=event.hook))


@pytest.mark.parametrize(
    ("emoji", "title", "pictures"),
    [
        (":blobcat@.:", "Reaction :blobcat:", {"blobcat": f"{SERVER}/emoji/blobcat.webp"}),
        (":blobcat:", "Reaction :blobcat:", {"blobcat": f"{SERVER}/emoji/blobcat.webp"}),
        (":a@far.example:", "Reaction :a:", {"a": f"{SERVER}/emoji/a@far.example.webp"}),
        ("❤", "Reaction ❤", {}),
        ("👍 (+1)", "Reaction 👍 (+1)", {}),
        ("**x** @bob", "Reaction **x** @bob", {}),
        (":a@evil/../..:", "Reaction :a@evil/../..:", {}),
    ],
)
def test_a_reaction_is_its_emoji(emoji: str, title: str, pictures: dict[str, str]) -> None:
    message = reaction(emoji)
    assert (plain.line(message.title), emojis(message.title)) == (title, pictures)


def test_no_blank_stands_before_a_name() -> None:
    body = shown(cases.event("e17")).body
    assert matrix.render(body).startswith("<blockquote><b>アリス")
    assert discord.render(body).startswith("> **アリス")


def test_who_reacted_is_the_author_of_the_message() -> None:
    message = shown(cases.event("e17"))
    assert plain.line(message.author).endswith("(@bob)")
    assert message.author_url == f"{SERVER}/@bob"


# --- reports and forms


def test_a_reports_comment_has_links() -> None:
    assert links(shown(cases.event("c01")).body) == {
        f"{SERVER}/notes/atuomr66yuap007u": f"{SERVER}/notes/atuomr66yuap007u"
    }
    assert links(shown(cases.event("c05")).body) == {
        "@robo@remote.example": "https://remote.example/@robo",
        "@bob": f"{SERVER}/@bob",
        "#scam": f"{SERVER}/tags/scam",
    }


LISTED = [f"{SERVER}/users/atuog6zeyuap000a", f"{SERVER}/notes/atuomr66yuap007u"]


def test_a_federated_report_is_a_list_of_links() -> None:
    message = shown(cases.event("c03"))
    assert said(message) == "\n".join(LISTED)
    assert list(links(message.body)) == LISTED


def report(**fields: Any) -> AbuseReport:
    raw = json.loads(cases.raw("c03"))
    raw["body"] |= fields
    found = misskey.parse(json.dumps(raw).encode(), hook="alice").report
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("comment", "read"),
    [
        pytest.param(json.dumps(LISTED), "\n".join(LISTED), id="the list alone"),
        pytest.param(
            "spam!\n" + json.dumps(LISTED, indent=2), "\n".join(["spam!", *LISTED]), id="as Misskey"
        ),
        pytest.param("undefined\n" + json.dumps(LISTED), "\n".join(LISTED), id="without a text"),
        pytest.param("[a]\nb\n" + json.dumps(["x"]), "[a]\nb\nx", id="brackets before it"),
        pytest.param("[]", None, id="an empty list"),
        pytest.param("[1, 2]", "[1, 2]", id="numbers"),
        pytest.param('["a", {}]', '["a", {}]', id="mixed"),
        pytest.param("see [this]", "see [this]", id="brackets of a sentence"),
        pytest.param('["\\ud800"]', '["\\ud800"]', id="half a character"),
        pytest.param("[" * 5000 + "]", "[" * 5000 + "]", id="brackets without end"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_list_of_a_federated_report_is_read(comment: str, read: str | None) -> None:
    assert (report(comment=comment).comment or None) == read


@given(st.text())
def test_no_comment_breaks_a_report(comment: str) -> None:
    read = report(comment=comment.encode("utf-8", "replace").decode()).comment
    assert read is None or read.encode()


def test_a_moderation_note_and_a_contact_form_have_links() -> None:
    raw = json.loads(cases.raw("c01"))
    raw["body"]["moderationNote"] = "see https://example.com/x and @alice"
    message = shown(misskey.parse(json.dumps(raw).encode(), hook="alice"))
    [note] = [it.value for it in message.fields if text_of(it.name) == "Moderation note"]
    assert list(links(note)) == ["https://example.com/x", "@alice"]
    form = shown(cases.event("c07"))
    assert [*links(form.body).values()] == ["https://misskey.example/@carol"]


def test_mentions_in_a_comment_are_of_the_reporters_server() -> None:
    raw = json.loads(cases.raw("c05"))
    raw["body"]["reporter"]["host"] = "far.example"
    message = shown(misskey.parse(json.dumps(raw).encode(), hook="alice"))
    assert links(message.body)["@bob"] == "https://far.example/@bob"


def test_a_report_without_users_links_to_the_moderators_pages() -> None:
    message = shown(cases.event("g55"))
    found = {text_of(it.name): links(it.value) for it in message.fields}
    admin = "https://io.example/admin/user/"
    assert found["Reported"] == {"atupok3cgxvs0008": f"{admin}atupok3cgxvs0008"}
    assert found["Reporter"] == {"atupol39gxvs0009": f"{admin}atupol39gxvs0009"}


def test_a_report_of_nobody_links_to_the_page_of_reports() -> None:
    raw = json.loads(cases.raw("g55"))
    for key in ("targetUserId", "reporterId"):
        del raw["body"]["report"][key]
    message = shown(misskey.parse(json.dumps(raw).encode(), hook="alice"))
    found = {text_of(it.name): links(it.value) for it in message.fields}
    assert found["Reported"] == {"unknown": "https://io.example/admin/abuses"}


def test_an_assignee_of_whom_only_the_id_is_known_is_told() -> None:
    found = report(assigneeId="a1", assignee=None)
    assert found.assignee is not None
    assert found.assignee.url == f"{SERVER}/admin/user/a1"
    assert report(assigneeId=None, assignee=None).assignee is None


def test_a_kind_that_nobody_knows_has_links_in_its_texts() -> None:
    raw = json.loads(cases.raw("c07")) | {"type": "somethingNew"}
    message = shown(misskey.parse(json.dumps(raw).encode(), hook="alice"))
    assert any(links(it.value) for it in message.fields)


@pytest.mark.parametrize(("locale", "words"), [("en", ["yes", "no"]), ("ja", ["はい", "いいえ"])])
def test_flags_of_a_kind_that_nobody_knows_are_told_in_the_readers_words(
    locale: str, words: list[str]
) -> None:
    sent = {"type": "somethingNew", "body": {"a": True, "b": False, "n": 1}, "eventId": "e"}
    message = shown(misskey.parse(json.dumps(sent).encode(), hook="alice"), locale=locale)
    assert [text_of(one.value) for one in message.fields] == [*words, "1"]


def test_the_whole_grammar_is_in_a_warning() -> None:
    message = shown(cases.event("f26"))
    assert links(message.body) == {
        "https://example.com/x": "https://example.com/x",
        "@bob": f"{SERVER}/@bob",
        "#tag": f"{SERVER}/tags/tag",
    }
    assert emojis(message.body) == {"blobcat": f"{SERVER}/emoji/blobcat.webp"}
    assert said(message).startswith("⚠️ CW :blobcat: https://example.com/x @bob #tag")
    assert message.ping == {"all"}  # by its kind, not by what it says


@pytest.mark.parametrize(
    "cw", ["$[blur spoiler]", "> quote", "```\ncode\n```", "<center>a</center>"]
)
def test_a_warning_keeps_the_text_behind_it_whatever_its_markup(cw: str) -> None:
    event = note_event(text="the text", cw=cw)
    assert "the text" not in said(shown(event))
    assert "the text" not in said(shown(event, cw="hide"))
    assert discord.render(shown(event).body).endswith("the text||")


# --- the operators' list


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("e30", "good morning"),
        ("e10", "come along 📅 Tea party"),
        ("e01", "I agree with this one"),
        ("e02", "♻ 🗑️"),
        ("e17", ":blobcat: Hello, world."),
        ("a37", "📎"),
        ("b05", "[food, gore] hidden words"),
        ("c07", "Cannot log in"),
    ],
)
def test_the_page_tells_what_an_event_says(name: str, words: str) -> None:
    delivery = a_delivery(raw=cases.raw(name))
    assert summary.summarize(delivery).text == words


def test_the_page_tells_who_reacted() -> None:
    assert summary.summarize(a_delivery(raw=cases.raw("e17"))).author == "@bob"


def test_the_page_tells_of_a_poll_alone() -> None:
    request = a_note_event(1, text=None, poll={"choices": [{"text": "a"}]})
    assert summary.summarize(a_delivery(raw=request.body)).text == "📊"
