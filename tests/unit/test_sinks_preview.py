"""Payloads are drawn as they are, and nothing that they hold becomes a part of the page."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.app.plan import policy, renderer
from relay.cli.output import drawing
from relay.cli.preview import embedded
from relay.misskey import samples as sample
from relay.model import Event
from relay.routing.gate import redacted
from relay.secret import Secret
from relay.sinks import VENDOR_OF
from relay.sinks.console import ConsoleSettings
from relay.sinks.discord import markup as discord
from relay.sinks.discord.preview import markdown
from relay.sinks.matrix import markup as matrix
from relay.sinks.matrix.preview import notice
from relay.sinks.preview import letters
from relay.terminal import BARE
from relay.text.message import Message
from relay.text.tree import Code, Link, Node, Pre, Quote, Style, Styled, Text, Time, Tree, clean
from tests import cases

ALLOWED = {
    "a": {"href", "rel", "target", "class"},
    "div": {"class", "aria-hidden"},
    "p": {"class"},
    "span": {"class", "tabindex", "aria-hidden"},
    "svg": {"class", "aria-hidden"},
    "rect": {"width", "height", "fill"},
    "time": {"datetime"},
    "pre": {"class"},
    "details": {"class"},
    "summary": set(),
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
        self.feed(str(drawing))
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
    shown = str(markdown(discord.render(TREE)))
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
    shown = str(notice(matrix.render(TREE)))
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
        assert "alert" not in "".join(Reading(VENDOR_OF[kind].preview(payload)).links)


@given(st.text(alphabet="*_~|`<>[]()\\\n @:t1xhtps/.&\"'-#", max_size=60))
def test_no_text_breaks_out_of_a_drawing(source: str) -> None:
    Reading(str(markdown(source)))
    Reading(str(notice(source)))


@given(st.text(alphabet="*_~|`<>[]()\\\n @:a1/.&-#", max_size=40))
def test_a_literal_text_is_drawn_as_it_is(source: str) -> None:
    written = discord.render((Text(source),))
    shown = Reading(str(markdown(written))).text.replace("\u200b", "")
    assert "".join(shown.split()) == "".join(source.split())


@pytest.mark.parametrize("kind", sample.kinds())
@pytest.mark.parametrize("name", ["discord", "slack", "matrix"])
def test_every_sample_is_drawn_within_its_budget(kind: str, name: str) -> None:
    config = embedded()
    sink = config.sinks[name]
    event = redacted(sink.gate, sample.event(kind))
    message = renderer(config).rendered(event, "", policy(config, sink))
    payload = sink.layout([message]).payload
    shown = Reading(VENDOR_OF[name].preview(payload)).text
    assert "".join(message.summary.split(" · ")[-1].split()) in "".join(shown.split())
    assert all(0 <= one.used <= one.limit for one in VENDOR_OF[name].usage(payload))


# --- what is drawn is what is sent


def words_of(message: Message) -> Iterator[str]:
    """All that readers see of a message, in pieces."""
    trees = [message.title, message.author, message.body, message.footer]
    trees += [part for field in message.fields for part in (field.name, field.value)]
    for leaf in (leaf for nodes in trees for leaf in leaves(nodes)):
        if isinstance(leaf, Text | Code | Pre):
            yield from leaf.text.split()
    for image in message.images:
        yield image.url


def leaves(nodes: Tree) -> Iterator[Node]:
    for node in nodes:
        children = getattr(node, "children", None)
        yield from (node,) if children is None else leaves(children)


def bare(text: str) -> str:
    """Without blanks, and without what keeps markup apart."""
    return "".join(clean(text).replace("\u200b", "").split())


EVENTS = [
    *(pytest.param(sample.event(kind), id=kind) for kind in sample.kinds()),
    *(
        pytest.param(cases.event(file.name.split("_")[0]), id=file.name.split("_")[0])
        for file in sorted(cases.EVENTS.glob("[acg]*.json"))
        if file.name[:2] not in {"g2", "g3"}
    ),
]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", ["discord", "slack", "matrix"])
def test_everything_that_is_sent_is_drawn_on_the_page(event: Event, name: str) -> None:
    config = embedded()
    sink = config.sinks[name]
    message = renderer(config).rendered(redacted(sink.gate, event), "", policy(config, sink))
    reading = Reading(VENDOR_OF[name].preview(sink.layout([message]).payload))
    shown = bare(reading.text) + " ".join(reading.links)
    assert [one for one in words_of(message) if bare(one) not in shown] == []
    assert {one for one in (message.url, message.author_url) if one} <= set(reading.links)
    if name != "discord":
        assert bare(message.moment) in shown


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", ["discord", "slack", "matrix"])
def test_the_terminal_draws_what_the_page_draws(event: Event, name: str) -> None:
    config = embedded()
    sink = config.sinks[name]
    message = renderer(config).rendered(redacted(sink.gate, event), "", policy(config, sink))
    drawing = VENDOR_OF[name].preview(sink.layout([message]).payload)
    shown = bare("\n".join(letters(drawing)).replace("\n> ", "\n"))
    hidden = re.sub(r'(?s)<span class="spoiler".*?</span>|<summary>.*?</summary>', " ", drawing)
    apart = re.sub("(<[^>]*>)", r" \1 ", hidden)
    for one in Reading(apart).text.split():
        assert bare(one) in shown or one in {"relay", "r", "APP", ">"}, one


def test_what_pings_is_drawn() -> None:
    pinging = Message(title=(Text("t"),), ping=frozenset({"all"}))
    for kind, mentions, seen in (
        ("discord", {"roles": ["123"]}, "@&123"),
        ("slack", {"users": ["U123"], "channel": "here"}, "@U123@here"),
        ("matrix", {"users": ["@a:b.example"], "room": True}, "@a:b.example@room"),
    ):
        sink = embedded().sinks[kind]
        named = type(sink).model_validate(given(sink) | {"mentions": mentions})
        payload = named.layout([pinging]).payload
        assert seen in bare(Reading(VENDOR_OF[kind].preview(payload)).text)
        assert seen in bare("".join(letters(VENDOR_OF[kind].preview(payload))))


def given(sink: Any) -> dict[str, Any]:
    """The settings of a sink, as its configuration has them."""
    found = sink.model_dump(exclude_defaults=True)
    return {key: it.reveal() if isinstance(it, Secret) else it for key, it in found.items()}


def test_lines_in_letters_are_those_that_a_reader_sees() -> None:
    source = (
        '<div class="said"><p class="by"><strong>relay</strong></p><p><a href="https://a.example">'
        'label</a>  x</p>\n<div class="text">one\ntwo<br>three <a href="https://b.example">'
        'https://b.example</a> <span class="spoiler" tabindex="0">hid\n<b>den</b></span> end</div>'
        "<blockquote>said\nthis</blockquote><pre><code>x = 1\n  y</code></pre><hr>"
        '<details class="notification"><summary>short</summary><div class="text">long</div>'
        "</details></div>"
    )
    assert letters(source) == [
        "label (https://a.example) x",
        "one",
        "two",
        "three https://b.example █████ end",
        "> said",
        "> this",
        "x = 1",
        "  y",
        "────────",
        "🔔",
        "long",
    ]


def test_a_console_is_drawn_as_it_prints() -> None:
    console = ConsoleSettings(type="console", look="slack")
    message = Message(title=(Text("t"),), body=(Text("b"),), at=0)
    head, *lines = drawing(console, message, name="here", colour=BARE).split("\n")
    assert lines == console.layout([message]).payload["text"].split("\n")[1:]
    assert head.startswith("╭─ here ─")
