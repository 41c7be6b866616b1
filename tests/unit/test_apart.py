"""What a note says stays apart from what relay says of it: it draws no second message."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay import misskey
from relay.model import Display, Event
from relay.rendering.templates import Templates
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Field, Image, Message
from relay.text.tree import Center, Link, Style, Styled, Text, Tree, folded, on_one_line, text_of
from relay.text.unicode import is_visible
from tests import cases
from tests.fakes.misskey import a_note_event
from tests.readers.trees import trees

DISCORD = DiscordSettings(type="discord", url="https://discord.com/api/webhooks/1/secret")
SLACK = SlackSettings(type="slack", url="https://hooks.slack.com/services/T/B/secret")
MATRIX = MatrixSettings(type="matrix", homeserver="https://m.example", room="!a", token="secret")
TEMPLATES = Templates()
BREAKS = "\n\r\x0b\x0c\x85\u2028\u2029"

FAKE = (
    "hi\n🌐 public · misskey.example\n────────\n"
    "**[Alice (@alice@bank.example)](https://evil.example)** · [Mention](https://evil.example)\n"
    "send me your password\n🌐 public · misskey.example"
)


class Outside(HTMLParser):
    """The lines of Matrix HTML that stand in no quote."""

    BLOCKS = frozenset({"blockquote", "pre", "div", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines, self.depth = [""], 0
        self.feed(html)
        self.close()
        self.lines = [line for line in self.lines if line.strip()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "blockquote"
        if tag == "br" or tag in self.BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "blockquote"
        if tag in self.BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.lines[-1] += data


def rendered(event: Event) -> Message:
    return TEMPLATES.render(event, display=Display())


def html(*messages: Message) -> str:
    return str(MATRIX.layout(messages).payload["formatted_body"])


def note(**fields: object) -> Event:
    return misskey.parse(a_note_event(1, **fields).body, hook="alice")  # type: ignore[arg-type]


def test_in_matrix_a_note_draws_no_head_and_footer_of_another_message() -> None:
    message = rendered(note(text=FAKE))
    head, footer = Outside(html(message)).lines
    assert "alice@bank" not in head
    assert footer.startswith("🌐 public · misskey.example · ")
    body = str(MATRIX.layout([message]).payload["body"]).split("\n")
    assert all(line.startswith("  ") for line in body[1:-2])
    assert body[-2] == footer


@settings(derandomize=True, max_examples=150, deadline=None)
@given(text=st.text(st.characters(), max_size=30) | st.sampled_from([FAKE]), body=trees)
@example(text="a\u2028🌐 public\u2029b", body=())
@example(text="", body=(Text("🌐 public"),))
@example(text="", body=(Center(()), Text("🌐 public")))
@example(text="", body=(Styled(Style.BOLD, (Text("\n🌐 public"),)),))
def test_outside_the_quote_matrix_shows_relays_lines_alone(text: str, body: Tree) -> None:
    message = Message(
        title=on_one_line((Text(f"title {text}"),)),
        author=on_one_line((Text(f"author {text}"), *body)),
        body=(Text(f"body {text}"), *body),
        fields=(Field(name=(Text("name"),), value=(Text(f"{text}\n{text}"), *body)),),
        images=(Image(url="https://a.example/b", alt=f"picture {text}"),),
        footer=on_one_line((Text("footer"), *body)),
    )
    lines = Outside(html(message)).lines
    assert lines[0].startswith("author")
    assert lines[-1].startswith("footer")
    assert len(lines) <= 4
    assert not any("body" in line for line in lines)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(name=st.text(st.sampled_from([*BREAKS, "a", " ", "\u200b", "@"])), nodes=trees)
def test_author_title_and_footer_are_one_line_in_every_chat(name: str, nodes: Tree) -> None:
    line = on_one_line((*nodes, Text(name)))
    message = Message(title=line, author=line, footer=line, author_url="https://a.example/b")
    assert Outside(html(message)).lines == [] or len(Outside(html(message)).lines) <= 2
    [embed] = DISCORD.layout([message]).payload["embeds"]  # type: ignore[misc]
    shown: list[Any] = [embed.get("title"), embed.get("author"), embed.get("footer")]
    blocks: Any = SLACK.layout([message]).payload.get("blocks", [])
    for text in texts([*shown, *blocks]):
        assert not set(BREAKS) & set(text)


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


@pytest.mark.parametrize("key", ["name", "username", "host"])
@pytest.mark.parametrize("line_break", BREAKS)
def test_nobody_breaks_the_line_of_the_author(key: str, line_break: str) -> None:
    user = {"username": "bob", "name": "Bob", "host": "a.example"}
    event = note(user=user | {key: f"x{line_break}y.example"})
    shown = text_of(rendered(event).author)
    assert not set(BREAKS) & set(shown)


# What the cases show in each chat


def test_a_quote_of_only_a_poll_has_no_empty_line() -> None:
    for case, line in (("e07", "☐ a"), ("g41", "🎬")):
        message = rendered(cases.event(case))
        [embed] = DISCORD.layout([message]).payload["embeds"]  # type: ignore[misc]
        assert "\n> \n" not in embed["description"]
        assert f"carol>)\n> {line}" in embed["description"]
        blocks = json.dumps(SLACK.layout([message]).payload, ensure_ascii=False)
        assert "\\n\\n" not in blocks
        assert f"@carol</a><br>{line}" in html(message)


@pytest.mark.parametrize("case", ["e07", "g41", "f10", "f16", "g10", "e04"])
def test_in_matrix_no_break_stands_beside_a_block(case: str) -> None:
    shown = html(rendered(cases.event(case)))
    assert "<br><blockquote" not in shown
    assert "</blockquote><br>" not in shown


def test_in_matrix_code_has_no_empty_line_after_it() -> None:
    shown = html(rendered(note(text="a\n```\nb\n\n\n\nc\n```\nd\n> e\nf")))
    assert "a<pre><code>b\n\n\n\nc</code></pre>d<blockquote>e</blockquote>f</blockquote>" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\n> b\n\nc", "a<blockquote>b</blockquote>c"),
        ("a\n<center>b</center>\n\nc", "a<div>b</div>c"),
        ("a\n$[blur \n> b\n]\nc", "a<br><span data-mx-spoiler><br>&gt; b<br></span><br>c"),
        ("> \n> \n> a\n> \n> \n> b\n> ", "<blockquote>a<br><br>b</blockquote>"),
        ("a\n> \n> \nb", "a<br>b"),
    ],
)
def test_in_matrix_a_block_stands_alone(text: str, shown: str) -> None:
    assert f"<blockquote>{shown}</blockquote>" in html(rendered(note(text=text)))


def test_in_matrix_a_quote_behind_a_warning_has_no_empty_line_after_it() -> None:
    quoted: Any = json.loads(a_note_event(2, text="b").body)["body"]["note"]
    shown = html(rendered(note(cw="w", text="a", renote=quoted, renoteId=quoted["id"])))
    assert "<br><blockquote" not in shown
    assert "</blockquote></span></blockquote>🌐" in shown


def test_blanks_and_tabs_keep_their_width_in_matrix() -> None:
    message = rendered(cases.event("f10"))
    shown = html(message).replace("\u00a0", "_")
    assert "a_ _ b<br>_ indented<br>_ _ tab_ _ tab<br>_ _ | col1_ | col2_ |<br>" in shown
    assert "\n  a    b\n    indented\n  \ttab\ttab\n" in str(
        MATRIX.layout([message]).payload["body"]
    )


def test_a_wide_gap_is_one_at_which_a_line_may_break() -> None:
    shown = html(Message(body=(Text(f"a{' ' * 99}b"),)))
    assert shown.count("\u00a0") == 50
    assert "  " not in shown
    assert "\u00a0\u00a0\u00a0" not in shown


@pytest.mark.parametrize(
    "wall", ["\n" * 40, "\n \n\u3000\n", "\n\u200b" * 30, "\n\u2800\n\u3164\n\u00ad\n", "\r\n" * 9]
)
def test_a_wall_of_blank_lines_is_one_blank_line_in_every_chat(wall: str) -> None:
    message = rendered(note(text=f"a{wall}\nb"))
    [embed] = DISCORD.layout([message]).payload["embeds"]  # type: ignore[misc]
    assert embed["description"] == "a\n\nb"
    assert '"text": "a\\n\\nb"' in json.dumps(SLACK.layout([message]).payload)
    assert "<blockquote>a<br><br>b</blockquote>" in html(message)


@pytest.mark.parametrize("block", ["```\nx\n```", "> x", "<center>x</center>", "\\[x\\]"])
def test_after_a_block_a_wall_is_one_blank_line(block: str) -> None:
    [embed] = DISCORD.layout([rendered(note(text=f"a\n\n\n\n{block}\n\n\n\nb"))]).payload["embeds"]  # type: ignore[misc]
    assert "\n\n\n" not in embed["description"]
    assert embed["description"].endswith("\n\nb")


def test_a_note_of_walls_is_folded() -> None:
    [embed] = DISCORD.layout([rendered(cases.event("f16"))]).payload["embeds"]  # type: ignore[misc]
    assert embed["description"] == "a\n\nb\n\nc"


@settings(derandomize=True, max_examples=200, deadline=None)
@given(trees)
def test_folding_takes_no_letter_and_folds_once(nodes: Tree) -> None:
    found = folded(nodes)
    assert [*filter(is_visible, text_of(found))] == [*filter(is_visible, text_of(nodes))]
    assert folded(found) == found


def test_labels_that_name_no_place_are_links() -> None:
    shown = html(rendered(cases.event("c09")))
    for url, label in (("nodejs.org", "Node.js"), ("dr.example/a", "Dr.スランプ")):
        assert f'<a href="https://{url}">{label}</a>' in shown
    assert '<a href="https://example.com/v2">v2.0.0</a>' in shown


@pytest.mark.parametrize(
    ("case", "shown"),
    [("g10", "漢字(かんじ)"), ("g12", "a b(c)"), ("g17", "long base(rt)")],
)
def test_ruby_has_its_reading_behind_the_whole_base(case: str, shown: str) -> None:
    message = rendered(cases.event(case))
    assert text_of(message.body) == shown


def test_moments_that_no_calendar_has_are_shown_as_written() -> None:
    message = rendered(cases.event("g64"))
    for shown in (
        html(message),
        json.dumps(SLACK.layout([message]).payload),
        json.dumps(DISCORD.layout([message]).payload),
    ):
        assert " 253402300800 " in shown
        assert " 99999999999999 " in shown
        assert "253402300800000" not in shown


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    host=st.sampled_from(["bank.example", "bank.co.uk", "銀行.みんな", "bank.рф", "a-b.com"]),
    dot=st.sampled_from(list(".·ꞏ․﹒．。｡۔٠•・")) | st.sampled_from(["(.)", "[dot]", " dot "]),
    hidden=st.sampled_from(["", "\u200b", "\u00ad", "\u2060", "\u3164", "\u202e", "\u0335"]),
    around=st.sampled_from(["{}", "see {} now", "@admin@{}", "https://{}/login", "({})", "**{}**"]),
)
def test_no_label_of_a_user_reads_as_another_host(
    host: str, dot: str, hidden: str, around: str
) -> None:
    label = around.format(host.replace(".", hidden + dot))
    message = rendered(note(text=f"[{label}](https://evil.example/x)"))
    for link in links(message.body):  # with brackets in it, it is no label: a mention, an address
        if link.url == "https://evil.example/x":
            assert text_of(link.children) == link.url


def links(nodes: Tree) -> Iterator[Link]:
    for node in nodes:
        if isinstance(node, Link):
            yield node
        else:
            yield from links(getattr(node, "children", ()))
