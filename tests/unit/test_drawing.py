"""Payloads are drawn as they are, and nothing that they hold becomes a part of the page."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.commands.trying import embedded
from relay.dialects import discord, matrix
from relay.misskey import sample
from relay.plan import manner, press
from relay.routing import redacted
from relay.tree import Code, Link, Pre, Quote, Style, Styled, Text, Time
from relay.web.drawing import budget, drawn, html, markdown

ALLOWED = {
    "a": {"href", "rel", "target", "class"},
    "div": {"class", "aria-hidden"},
    "p": {"class"},
    "span": {"class", "tabindex", "aria-hidden"},
    "svg": {"class", "aria-hidden"},
    "rect": {"width", "height", "fill"},
    "time": {"datetime"},
    "pre": {"class"},
    **{
        tag: set[str]()
        for tag in "b i u s del em strong small code blockquote br hr".split()
    },
}  # fmt: skip


class Reading(HTMLParser):
    """Reads what was drawn: its text, and that it has nothing but what drawings are made of."""

    def __init__(self, drawing: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.links: list[str] = []
        self.around: list[str] = []
        self.feed(drawing)
        self.close()
        assert self.around == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert found.keys() <= ALLOWED[tag], (tag, found)
        if "href" in found:
            assert found["href"].startswith(("http://", "https://", "mailto:"))
            assert found["rel"] == "noreferrer noopener"
            self.links.append(found["href"])
        if tag not in {"br", "hr", "rect"}:
            self.around.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.around.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


TREE = (
    Styled(Style.BOLD, (Text("bold "), Styled(Style.ITALIC, (Text("both"),)))),
    Text(" *not* "),
    Styled(Style.SPOILER, (Text("hidden"),)),
    Text(" "),
    Code("a*b*"),
    Text(" "),
    Link("https://example.org/x_y", (Text("label"),)),
    Text("\n"),
    Quote((Text("quoted\ntwice"),)),
    Pre("x = 1\n> y"),
    Time(1_795_309_533_815),
)


def test_discords_markdown_is_drawn_as_discord_shows_it() -> None:
    shown = str(markdown.drawn(discord.render(TREE)))
    for part in (
        "<strong>bold </strong>" if "<strong>bold </strong>" in shown else "<strong>bold</strong>",
        "<em>both</em>",
        " *not* ",
        '<span class="spoiler" tabindex="0">hidden</span>',
        "<code>a*b*</code>",
        ">label</a>",
        "<blockquote>quoted\ntwice</blockquote>",
        "<pre><code>x = 1\n&gt; y</code></pre>",
        "2026-11-22 01:05 UTC</time>",
    ):
        assert part in shown, (part, shown)
    assert Reading(shown).links == ["https://example.org/x_y"]


def test_matrix_html_is_drawn_as_it_is() -> None:
    shown = str(html.drawn(matrix.render(TREE)))
    for part in ("<b>bold <i>both</i></b>", "hidden</span>", "<code>a*b*</code>", ">label</a>"):
        assert part in shown
    assert Reading(shown).links == ["https://example.org/x_y"]


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://a.example" onclick="x">x</a>',
        '<span style="position:fixed" data-mx-spoiler>x</span>',
        "</div></div><b>x",
        "<b><i>x</b></i>",
        "[x](<javascript:alert(1)>)",
        '[x](<https://a.example/"onmouseover="x>)',
        "||**x||**",
        "```\n<script>\n```",
        "<svg/onload=alert(1)>",
        "&lt;script&gt;",
    ],
)
def test_nothing_breaks_out(source: str) -> None:
    payloads = {
        "discord": {"content": source, "username": source, "embeds": [
            {"title": source, "description": source, "url": source, "color": 1,
             "author": {"name": source, "url": source, "icon_url": source},
             "fields": [{"name": source, "value": source, "inline": True}],
             "image": {"url": source}, "footer": {"text": source}, "timestamp": source}]},
        "slack": {"text": source, "blocks": [
            {"type": "rich_text", "elements": [{"type": kind, "elements": [
                {"type": "text", "text": source, "style": {"bold": True, "code": True}},
                {"type": "link", "url": source, "text": source},
                {"type": "date", "timestamp": source, "fallback": source},
                {"type": "emoji", "name": source}, {"type": "user", "user_id": source}]}
                for kind in ("rich_text_section", "rich_text_quote", "rich_text_preformatted")]},
            {"type": "image", "image_url": source, "alt_text": source},
            {"type": "context", "elements": [{"type": "plain_text", "text": source}]}]},
        "matrix": {"formatted_body": source, "body": source},
        "console": {"text": source},
    }  # fmt: skip
    for kind, payload in payloads.items():
        assert "alert" not in "".join(Reading(drawn(kind, payload)).links)


@given(st.text(alphabet="*_~|`<>[]()\\\n @:t1xhtps/.&\"'-#", max_size=60))
def test_no_text_breaks_out_of_a_drawing(source: str) -> None:
    Reading(str(markdown.drawn(source)))
    Reading(str(html.drawn(source)))


@given(st.text(alphabet="*_~|`<>[]()\\\n @:a1/.&-#", max_size=40))
def test_a_literal_text_is_drawn_as_it_is(source: str) -> None:
    written = discord.render((Text(source),))
    shown = Reading(str(markdown.drawn(written))).text.replace("\u200b", "")
    assert "".join(shown.split()) == "".join(source.split())


@pytest.mark.parametrize("kind", sample.kinds())
@pytest.mark.parametrize("name", ["discord", "slack", "matrix"])
def test_every_sample_is_drawn_within_its_budget(kind: str, name: str) -> None:
    config = embedded()
    sink = config.sinks[name]
    event = redacted(sink.gate, sample.event(kind))
    message = press(config).rendered(event, "", manner(config, sink))
    payload = sink.payload([message])
    shown = Reading(drawn(name, payload)).text
    assert "".join(message.summary.split(" · ")[-1].split()) in "".join(shown.split())
    assert all(0 <= one.used <= one.limit for one in budget(name, payload))
