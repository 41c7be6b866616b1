"""Slack's rich text, by Slack's own models and the fake's checks; and mrkdwn."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.sinks.slack import markup as slack
from relay.text import plain
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    Link,
    Math,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    Tree,
    clean,
)
from tests.fakes.slack_pings import links, pings
from tests.readers.in_slack import expected, read
from tests.readers.trees import TOKENS, nasty, trees, visible

URL = "https://a.example/b"
HIDDEN = plain.HIDDEN


def text(text: str, *styles: str) -> dict[str, Any]:
    return {"type": "text", "text": text} | (
        {"style": dict.fromkeys(styles, True)} if styles else {}
    )


def section(*elements: dict[str, Any], kind: str = "section") -> dict[str, Any]:
    return {"type": f"rich_text_{kind}", "elements": list(elements)}


def a_link(label: str, *styles: str, url: str = URL) -> dict[str, Any]:
    return text(label, *styles) | {"type": "link", "url": url}


@pytest.mark.parametrize(
    ("nodes", "elements"),
    [
        pytest.param((Text("*a* <!channel> &"),), [section(text("*a* <!channel> &"))], id="text"),
        pytest.param(
            (Styled(Style.BOLD, (Text("a"), Styled(Style.ITALIC, (Text("b"),)))),),
            [section(text("a", "bold"), text("b", "bold", "italic"))],
            id="styles",
        ),
        pytest.param(
            (Styled(Style.UNDERLINE, (Text("a"),)), Styled(Style.STRIKE, (Text("b"),))),
            [section(text("a", "underline"), text("b", "strike"))],
            id="more styles",
        ),
        pytest.param(
            (Styled(Style.SMALL, (Text("a"),)), Colored((Text("b"),), "#ff0000"), Emoji("c")),
            [section(text("ab:c:"))],
            id="what Slack cannot show is text",
        ),
        pytest.param(
            (Code("a"), Text("-"), Math("b")),
            [section(text("a", "code"), text("-"), text("b", "code"))],
            id="code",
        ),
        pytest.param((Pre("\na\n", "py"),), [section(text("a"), kind="preformatted")], id="pre"),
        pytest.param((Math("a", block=True),), [section(text("a"), kind="preformatted")], id="tex"),
        pytest.param(
            (Text("a\n"), Quote((Text("b"), Quote((Text("c"),)), Pre("d"))), Text("e")),
            [
                section(text("a")),
                section(text("b\nc\n"), text("d", "code"), kind="quote"),
                section(text("e")),
            ],
            id="quotes do not nest, and hold no code block",
        ),
        pytest.param(
            (Text("a"), Center((Text("b"),)), Heading((Text("c"),)), Text("d")),
            [section(text("a\nb\n"), text("c", "bold"), text("\nd"))],
            id="own lines",
        ),
        pytest.param(
            (Styled(Style.SPOILER, (Text("a"), Pre("b"))), Text("c")),
            [section(text(f"{HIDDEN}c"))],
            id="a spoiler stays shut",
        ),
        pytest.param(
            (Link(URL, (Styled(Style.SPOILER, (Text("a"),)), Text("b"))),),
            [section(a_link(f"{HIDDEN}b"))],
            id="in a label, too",
        ),
        pytest.param(
            (Styled(Style.BOLD, (Link(URL, (Styled(Style.ITALIC, (Text("a\nb"),)),)),)),),
            [section(a_link("a b", "bold", "italic"))],
            id="a label in one line and in its styles",
        ),
        pytest.param((Link(URL, ()),), [section(a_link(URL))], id="no label"),
        pytest.param((Link("javascript:x", (Text("a"),)),), [section(text("a"))], id="no address"),
        pytest.param(
            (Link(f"{URL}/{'x' * 3000}", (Text("a"),)),), [section(text("a"))], id="too long"
        ),
        pytest.param(
            (Link(f"{URL}?c|<d>&e", (Text("f"),)),),
            [section(a_link("f", url=f"{URL}?c%7C%3Cd%3E&e"))],
            id="an address with marks",
        ),
        pytest.param((Time(-1),), [section(text("1969-12-31 23:59 UTC"))], id="a moment too early"),
        pytest.param((), [], id="nothing"),
        pytest.param((Text(" \n"), Code("")), [], id="nothing to see"),
    ],
)
def test_a_tree_as_rich_text(nodes: Tree, elements: list[dict[str, Any]]) -> None:
    assert slack.render(nodes) == elements


def test_a_moment_is_shown_in_the_readers_time() -> None:
    [found] = slack.render((Time(1_700_000_000_999),))
    assert found["elements"] == [
        {
            "type": "date",
            "timestamp": 1_700_000_000,
            "format": "{date_short_pretty} {time}",
            "fallback": "2023-11-14 22:13 UTC",
        }
    ]


@given(trees)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_a_reader_sees_each_leaf_in_its_styles(nodes: Tree) -> None:
    elements = slack.render(nodes)
    assert read(elements) == expected(nodes)
    assert pings({"blocks": [{"type": "rich_text", "elements": elements}]}) == set()
    for said in (it for one in elements for it in one["elements"] if "text" in it):
        assert clean(said["text"]) == said["text"]


LIVE = re.compile(
    r"[*_~`](?!\u200b)"  # marks
    r"|<|>|&(?!amp;|lt;|gt;)"  # links, mentions
    r"|(?m:^)\s*&gt;"  # a quote
    r"|:[\w+'-]+:"  # emoji
    r"|:/"  # an address that becomes a link
    r"|@(?:everyone|channel|here)"
)


@given(trees | st.builds(lambda it: (Text(it),), nasty))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_mrkdwn_holds_nothing_live(nodes: Tree) -> None:
    written = slack.escape(plain.render(nodes))
    assert clean(written) == written
    assert [found[0] for found in LIVE.finditer(written) if not found[0].endswith("/")] == []
    assert (pings({"text": written}), links({"text": written})) == (set(), [])


@pytest.mark.parametrize("token", TOKENS)
def test_escaped_mrkdwn_says_what_the_text_said(token: str) -> None:
    written = slack.escape(f"{token} a{token}")
    said = written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert visible(said) == visible(f"{token}a{token}")
    assert (pings({"text": written}), links({"text": written})) == (set(), [])


CAT = Emoji("cat", code="cat")
A_CAT = {"type": "emoji", "name": "cat"}


def a_link(text: str) -> dict[str, str]:
    return {"type": "link", "url": "https://m.example/@bob", "text": text}


@pytest.mark.parametrize(
    ("label", "elements"),
    [
        pytest.param((CAT, Text(" Bob")), [A_CAT, {"type": "text", "text": " "}, a_link("Bob")]),
        pytest.param((Text("Bob "), CAT), [a_link("Bob"), {"type": "text", "text": " "}, A_CAT]),
        pytest.param((Text("a"), CAT, Text("b")), [a_link("a"), A_CAT, a_link("b")]),
        pytest.param((CAT,), [a_link(":cat:")]),
        pytest.param((CAT, Text(" "), CAT), [a_link(":cat: :cat:")]),
        pytest.param((CAT, Text("\u200b")), [a_link(":cat:\u200b")]),
        pytest.param((Emoji("cat"), Text(" Bob")), [a_link(":cat: Bob")]),
        pytest.param((Text(" Bob "),), [a_link("Bob")]),
    ],
    ids=str,
)
def test_the_workspaces_emoji_in_a_label_stand_between_links(
    label: Tree, elements: list[dict[str, str]]
) -> None:
    [section] = slack.render((Link("https://m.example/@bob", label),))
    assert section["elements"] == elements
