"""From an event to a message, by templates that can be wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from relay import misskey
from relay.errors import TemplateError
from relay.i18n import Language
from relay.misskey import samples as sample
from relay.model import Display, Event, Gate
from relay.rendering.blocks import outline
from relay.rendering.templates import ENGLISH, Templates
from relay.routing.gate import redacted
from relay.sinks.discord import markup as discord
from relay.text import plain
from relay.text.tree import Emoji, text_of
from tests.fakes.misskey import a_note, a_note_event

BUILT_IN = Templates()
SHOW = Display()


def own(folder: Path, name: str, source: str) -> Templates:
    (folder / name).write_text(source, encoding="utf-8")
    return Templates(folder)


def note_event(**fields: object) -> Event:
    return misskey.parse(a_note_event(1, **fields).body, hook="alice")  # type: ignore[arg-type]


def test_every_block_has_its_place() -> None:
    message = BUILT_IN.render(sample.event("mention"), display=SHOW)
    assert text_of(message.title) == "Mention"
    assert text_of(message.author).endswith("(@bob)")
    assert message.url == "https://misskey.example/notes/atuomr66yuap007u"
    assert message.author_url == "https://misskey.example/@bob"
    assert message.avatar is not None
    assert plain.render(message.body) == "@alice こんにちは"
    assert plain.render(message.footer) == "🌐 public · misskey.example"
    assert message.color == 0x3498DB
    assert message.ping == {"all"}
    assert message.at == sample.event("mention").note.created_at  # type: ignore[union-attr]


def test_a_block_is_rendered_once_and_sees_all_that_the_whole_template_sets(tmp_path: Path) -> None:
    source = """{% set seen = namespace(times=0) %}
{% block title %}{% set seen.times = seen.times + 1 %}{{ seen.times }} {{ word }}{% endblock %}
{% if note %}{% block footer %}{{ self.title() }}{% endblock %}{% endif %}
{% set word = "once" %}"""
    message = own(tmp_path, "mention.j2", source).render(sample.event("mention"), display=SHOW)
    assert (text_of(message.title), text_of(message.footer)) == ("1 once", "2 once")


def test_a_required_block_has_to_be_filled_in(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text("{% block title required %}{% endblock %}", encoding="utf-8")
    with pytest.raises(TemplateError, match="'title' not found"):
        own(tmp_path, "mention.j2", '{% extends "own.j2" %}').render(
            sample.event("mention"), display=SHOW
        )


@pytest.mark.parametrize(
    ("event", "variant", "name"),
    [
        pytest.param(sample.event("mention"), None, "mention.j2", id="by its kind"),
        pytest.param(sample.event("quote"), None, "quote.j2", id="a quote is not a renote"),
        pytest.param(sample.event("somethingNew"), None, "default.j2", id="never heard of"),
        pytest.param(sample.event("mention"), "compact", "mention.compact.j2", id="a variant"),
        pytest.param(sample.event("reply"), "compact", "reply.j2", id="no such variant"),
    ],
)
def test_a_template_is_chosen(tmp_path: Path, event: Event, variant: str | None, name: str) -> None:
    templates = own(tmp_path, "mention.compact.j2", "")
    assert templates.name_for(event, variant) == name


@pytest.mark.parametrize("kind", ["_card", "../secret", "built-in/mention", "card.j2\x00"])
def test_a_kind_never_names_a_file_that_is_not_a_template_of_events(kind: str) -> None:
    event = replace(sample.event("somethingNew"), kind=kind)
    assert BUILT_IN.name_for(event) == "default.j2"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("{% block body %}{{ note.txt }}{% endblock %}", "mention.j2:1", id="a name"),
        pytest.param("\n\n{{ note.user.nick }}", "mention.j2:3", id="a name in line 3"),
        pytest.param("{% if %}", "mention.j2:1", id="syntax"),
        pytest.param('{% extends "nope.j2" %}', "nope.j2", id="a file that is not there"),
        pytest.param("{{ note.text + 1 }}", "mention.j2", id="a type"),
    ],
)
def test_a_mistake_is_reported_with_file_and_line(tmp_path: Path, source: str, told: str) -> None:
    templates = own(tmp_path, "mention.j2", source)
    with pytest.raises(TemplateError, match=told.replace(".", r"\.")):
        templates.render(sample.event("mention"), display=SHOW)
    (problem,) = templates.problems(sample.event("mention"), display=SHOW)
    assert told in str(problem)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("{{ note.text | filesizeformat }}", "ValueError: could not", id="a number"),
        pytest.param("{{ note.emojis[note.text] }}", "has no", id="an item"),
        pytest.param("{{ range(note.text) }}", "TypeError: 'str' object cannot", id="a type"),
        pytest.param("{{ note.txt }}", "has no attribute 'txt'", id="a name of the template"),
        pytest.param("{% include note.text %}", "mention.j2:1: …", id="a template"),
        pytest.param(
            "{{ [] | map(note.text) | list }}{{ [1] | map(note.text) | list }}",
            "No filter",
            id="a filter",
        ),
    ],
)
@pytest.mark.parametrize("text", ["secret", "a 'secret'", "a \"secret\" 'secret'", "secret\n" * 99])
def test_an_error_quotes_nothing_that_a_note_says(
    tmp_path: Path, source: str, told: str, text: str
) -> None:
    with pytest.raises(TemplateError) as error:
        own(tmp_path, "mention.j2", source).render(
            note_event(kind="mention", text=text), display=SHOW
        )
    assert told in str(error.value) or told.endswith("…")
    assert str(error.value).startswith("mention.j2:1: ")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{% block body %}<div>x</div>{% endblock %}", "<div> is not in the HTML subset"),
        ("{% block bodi %}x{% endblock %}", "block 'bodi' is not one of"),
        ("{% block body %}<b>x{% endblock %}", "<b>"),
    ],
)
def test_markup_that_a_sink_would_not_show_is_a_problem(
    tmp_path: Path, source: str, problem: str
) -> None:
    templates = own(tmp_path, "mention.j2", '{% extends "_card.j2" %}\n' + source)
    found = templates.problems(sample.event("mention"), display=SHOW)
    assert any(problem in one.text for one in found)
    assert {(one.name, one.line) for one in found} == {("mention.j2", 2)}


def test_moments_are_written_in_the_readers_language_and_zone() -> None:
    poll = {"choices": [{"text": "x", "votes": 1}], "expiresAt": "2036-11-22T00:46:02.000Z"}
    event = note_event(text="?", poll=poll)
    templates = Templates(clock=lambda: 1_795_308_362_292)
    message = templates.render(event, display=SHOW, language=Language("ja", "Asia/Tokyo"))
    assert plain.render(message.body).endswith("1票 · 締切 2036/11/22 9:46 JST")


def test_a_mention_belongs_to_the_server_of_its_author() -> None:
    parent = a_note(2, text="@carol", host="far.example")
    event = note_event(text="@bob", reply=parent, replyId=parent["id"])
    shown = discord.render(BUILT_IN.render(event, display=SHOW).body)
    assert "(<https://far.example/@carol>)" in shown
    assert "(<https://misskey.example/@bob>)" in shown


@pytest.mark.parametrize(
    ("cw", "shown", "hidden"),
    [
        ("spoiler", ["warning", "||the text"], []),
        ("show", ["warning", "the text", "one"], ["||"]),
        ("hide", ["warning"], ["the text", "one", "||"]),
    ],
)
def test_a_content_warning_is_kept(cw: str, shown: list[str], hidden: list[str]) -> None:
    poll = {"choices": [{"text": "one", "votes": 0}], "expiresAt": None}
    event = note_event(text="the text", cw="warning", poll=poll)
    written = discord.render(BUILT_IN.render(event, display=Display(cw=cw)).body)
    assert all(one in written for one in shown)
    assert not any(one in written for one in hidden)
    if cw == "spoiler":
        assert "one" in written.partition("||")[2].partition("||")[0]


def test_a_picture_of_the_note_that_is_answered_is_a_link() -> None:
    picture = {"name": "a.png", "type": "image/png", "url": "https://m.example/a"}
    answered = a_note(2, text="the first") | {"files": [picture]}
    event = note_event(kind="mention", text="x", reply=answered, replyId=answered["id"])
    message = BUILT_IN.render(event, display=Display())
    assert "a.png" in plain.render(message.body)
    assert message.images == ()


@pytest.mark.parametrize("kind", ["note", "renote", "reaction"])
@pytest.mark.parametrize("cw", ["spoiler", "hide", "show"])
def test_a_quote_stands_behind_the_warning_of_its_note_as_in_misskey(kind: str, cw: str) -> None:
    picture = {"name": "a.png", "type": "image/png", "url": "https://m.example/a"}
    quoted = a_note(2, text="the quoted") | {"files": [picture]}
    event = note_event(kind=kind, text="x", cw="warning", renote=quoted, renoteId=quoted["id"])
    message = BUILT_IN.render(event, display=Display(cw=cw))
    plainly = plain.render(message.body)
    assert "warning" in plainly
    assert ("the quoted" in plainly) == (cw == "show")
    assert ("the quoted" in discord.render(message.body)) == (cw != "hide")
    assert [image.url for image in message.images] == ["https://m.example/a"] * (cw == "show")
    assert "https://m.example/a" not in plainly


@pytest.mark.parametrize("media", ["hide", "show"])
@pytest.mark.parametrize("cw", [None, "warning"])
def test_sensitive_and_warned_pictures_are_links(media: str, cw: str | None) -> None:
    files = [
        {"name": "a.png", "type": "image/png", "url": "https://m.example/a", "isSensitive": True},
        {"name": "b.png", "type": "image/png", "url": "https://m.example/b", "comment": "a bee"},
    ]
    message = BUILT_IN.render(
        note_event(text="x", cw=cw, files=files), display=Display(sensitive_media=media)
    )
    expected = [] if cw else ["https://m.example/a"] * (media == "show") + ["https://m.example/b"]
    assert [image.url for image in message.images] == expected
    assert all(image.alt for image in message.images)


def test_a_withheld_note_leaves_a_neutral_line() -> None:
    parent = a_note(2, text="the secret", visibility="followers")
    event = note_event(text="hello", reply=parent, replyId=parent["id"])
    message = BUILT_IN.render(redacted(Gate(), event), display=SHOW)
    assert "a note that may not be shown here" in plain.render(message.body)
    assert "secret" not in repr(message)


@pytest.mark.parametrize("kind", sample.kinds())
def test_an_outline_can_be_made_of_everything(kind: str) -> None:
    assert text_of(outline(sample.event(kind), ENGLISH).title) == sample.event(kind).kind


def test_a_text_longer_than_any_note_is_not_lost() -> None:
    event = note_event(text="x" * 20_000 + " end")
    assert plain.render(BUILT_IN.render(event, display=SHOW).body).endswith(" end")


def test_a_warning_has_the_markup_of_its_authors_server() -> None:
    event = note_event(text="x", cw="**a** @bob https://example.com/y :cat:", host="far.example")
    body = BUILT_IN.render(event, display=Display(cw="hide")).body
    shown = discord.render(body).partition(" · ")[0]
    assert shown == ("⚠️ **a** [@bob](<https://far.example/@bob>) <https://example.com/y> \\:cat:")
    assert any(isinstance(node, Emoji) and "cat@far.example" in str(node.url) for node in body)


def test_words_that_an_imported_template_sets_are_in_the_language_of_each_rendering() -> None:
    drafts = {
        "_words.j2": '{% set ended = _("ended") %}{% set mention = "@bob" | mfm %}',
        "mention.j2": '{% import "_words.j2" as words %}'
        "{% block title %}{{ words.ended }}{% endblock %}"
        "{% block body %}{{ '@a' | mfm }}{{ words.mention }}{% endblock %}",
    }
    templates, event = Templates(drafts=drafts), sample.event("mention")
    titles, bodies = [], []
    for locale in ("en", "ja", "en"):
        message = templates.render(event, display=SHOW, language=Language(locale))
        titles.append(text_of(message.title))
        bodies.append(text_of(message.body))
    assert titles[0] == titles[2] == "ended" != titles[1]
    assert len(set(bodies)) == 1


def test_a_file_that_relays_templates_share_can_be_replaced(tmp_path: Path) -> None:
    parts = BUILT_IN.source("_parts.j2").replace('_("public")', '"for all"')
    message = own(tmp_path, "_parts.j2", parts).render(sample.event("mention"), display=SHOW)
    assert plain.render(message.footer) == "🌐 for all · misskey.example"


def test_a_block_that_no_message_has_is_checked_and_not_rendered(tmp_path: Path) -> None:
    templates = own(tmp_path, "mention.j2", "{% block extra %}{{ note.txt }}{% endblock %}")
    assert templates.render(sample.event("mention"), display=SHOW).body == ()
    (problem,) = templates.problems(sample.event("mention"), display=SHOW)
    assert "txt" in str(problem)
