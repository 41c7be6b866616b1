"""Discord's Markdown, as an independent reading of it (tests/readers/discord.py) sees it."""

import re

import pytest
from hypothesis import given, settings

from relay.sinks.discord import markup as discord
from relay.text.tree import (
    Center,
    Code,
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
from tests.readers.discord import Span, spans
from tests.readers.in_discord import expected, read
from tests.readers.trees import TOKENS, trees

B, I, U, X, H = Style.BOLD, Style.ITALIC, Style.UNDERLINE, Style.STRIKE, Style.SPOILER  # noqa: E741
S = Styled
Z = "\u200b"


@pytest.mark.parametrize(
    ("nodes", "written"),
    [
        pytest.param((Text("*a* _b_ `c` ~d~"),), r"\*a\* \_b\_ \`c\` \~d\~", id="marks"),
        pytest.param((Text(r"a\*b"),), r"a\\\*b", id="a backslash"),
        pytest.param((Text("||a||"),), r"\|\|a\|\|", id="a spoiler"),
        pytest.param((Text("[a](b)"),), r"\[a]\(b)", id="a link"),
        pytest.param((Text("<@1> <#2> <t:3>"),), r"\<@1> \<#2> \<t:3>", id="angle brackets"),
        pytest.param((Text("@everyone @here"),), f"@{Z}everyone @{Z}here", id="pings"),
        pytest.param((Text("@"), Text("here")), f"@{Z}here", id="a ping in two pieces"),
        pytest.param(
            (S(Style.SMALL, (Text("@"),)), Text("here")), f"@{Z}here", id="a ping in two runs"
        ),
        pytest.param((Code("@here"),), f"`@{Z}here`", id="a ping in code"),
        pytest.param((Text(":cat: 10:30"),), r"\:cat: 10:30", id="emoji"),
        pytest.param((Text("https://a.b"),), r"https\://a.b", id="an address"),
        pytest.param((Text("# a\n## b\n#c"),), "\\# a\n\\## b\n#c", id="headings"),
        pytest.param((Text("-# a\n- b\n* c\n+ d"),), "\\-# a\n\\- b\n\\* c\n\\+ d", id="lists"),
        pytest.param((Text("1. a\n2) b\n3.5"),), "1\\. a\n2\\) b\n3.5", id="numbered lists"),
        pytest.param((Text("> a\n>>> b\n  > c"),), "\\> a\n\\>>> b\n  \\> c", id="quotes"),
        pytest.param((Text("a - b > c # d"),), "a - b > c # d", id="not where no line begins"),
        pytest.param((S(B, (Text("# a"),)),), r"**\# a**", id="a mark at the begin of a bold line"),
        pytest.param((S(B, (Text(" a "),)),), " **a** ".strip("\n"), id="blanks stay outside"),
        pytest.param((S(B, (S(I, (Text("a"),)),)),), "***a***", id="bold and italic"),
        pytest.param((S(B, (Text("a"),)), S(B, (Text("b"),))), "**ab**", id="twins are one"),
        pytest.param((S(B, (Text("a"),)), S(I, (Text("b"),))), f"**a**{Z}*b*", id="marks meet"),
        pytest.param((S(X, (Text("a~"),)),), f"~~a\\~{Z}~~", id="a mark of its own at the end"),
        pytest.param((S(B, (Text(" "),)),), " ", id="bold blanks"),
        pytest.param((S(B, (Text("a\nb"),)),), "**a**\n**b**", id="lines"),
        pytest.param((S(H, (Text("a\nb"), Code("c||d"))),), f"||a\nb`c|{Z}|d`{Z}||", id="spoiler"),
        pytest.param((S(H, (Text("a"), S(H, (Text("b"),)))),), "||ab||", id="spoiler in spoiler"),
        pytest.param((Code("a`b"),), "``a`b``", id="code with a backtick"),
        pytest.param((Code("`a``"),), f"``{Z}`a`{Z}`{Z}``", id="code with more of them"),
        pytest.param((S(B, (Code("a*"),)),), "`a*`", id="code loses styles that it could end"),
        pytest.param((Pre("a```b", "py"),), f"```py\na`{Z}`{Z}`b\n```", id="a fence in a block"),
        pytest.param((Pre("a", "x y"),), "```\na\n```", id="no language"),
        pytest.param((Math("x^2", block=True),), "```tex\nx^2\n```", id="a formula"),
        pytest.param((Text("a"), Quote((Text("b\nc"),)), Text("d")), "a\n> b\n> c\nd", id="quote"),
        pytest.param((Quote((Quote((Text("a"),)), Text("b"))),), "> a\n> b", id="quote in quote"),
        pytest.param((Quote((Pre("a"),)),), "> ```\n> a\n> ```", id="code in a quote"),
        pytest.param((Center((Text("a"),)), Heading((Text("b"),))), "a\n**b**", id="own lines"),
        pytest.param((S(Style.SMALL, (Text("a\nb"),)),), "-# a\n-# b", id="a small line"),
        pytest.param((Text("a "), S(Style.SMALL, (Text("b"),))), "a b", id="small in a line"),
        pytest.param((Time(1_700_000_000_000),), "<t:1700000000:F>", id="a moment"),
        pytest.param((Time(-1),), "1969-12-31 23:59 UTC", id="a moment too early"),
        pytest.param((Emoji("a_b"),), r"\:a\_b:", id="custom emoji"),
    ],
)
def test_a_tree_as_markdown(nodes: Tree, written: str) -> None:
    assert discord.render(nodes) == written.strip("\n")


URL = "https://a.example/b"


@pytest.mark.parametrize(
    ("nodes", "written"),
    [
        pytest.param((Link(URL, (Text("c *d*"),)),), rf"[c \*d\*](<{URL}>)", id="a label"),
        pytest.param((Link(URL, (S(B, (Text("c"),)),)),), f"[**c**](<{URL}>)", id="bold label"),
        pytest.param((S(H, (Link(URL, (Text("c"),)),)),), f"||[c](<{URL}>)||", id="hidden"),
        pytest.param((Link(URL, (Text(URL),)),), f"<{URL}>", id="an address alone"),
        pytest.param((Link(URL, (Text("a.example/b"),)),), f"<{URL}>", id="without scheme"),
        pytest.param((Link(URL, (Text("[c]"),)),), rf"\[c] (<{URL}>)", id="brackets in a label"),
        pytest.param(
            (Text("@"), Link(URL, (Text("here]"),))), f"@{Z}here] (<{URL}>)", id="a ping with them"
        ),
        pytest.param((Link(URL, ()),), f"<{URL}>", id="no label"),
        pytest.param((Link(URL, (Text("c\nd"),)),), f"[c d](<{URL}>)", id="a label in two lines"),
        pytest.param((Link(URL, (Text("c.example"),)),), f"c.example (<{URL}>)", id="a lie"),
        pytest.param((Link("javascript:x", (Text("c"),)),), "c", id="no address"),
        pytest.param(
            (Link("javascript:x", (Link("data:x", (Text("c"),)),)),), "c", id="none within either"
        ),
        pytest.param((Link("mailto:a@b.example", (Text("c"),)),), "c (a@b.example)", id="mail"),
        pytest.param(
            (Link("https://a.example/(b)_c__d|e", (Text("f"),)),),
            "[f](<https://a.example/%28b%29_c%5F%5Fd%7Ce>)",
            id="an address with marks",
        ),
        pytest.param(
            (Link(URL, (Text("c"),)), Text(" ](https://evil.example)")),
            rf"[c](<{URL}>) ]\(https\://evil.example)",
            id="a text that could make a longer label of the link before it",
        ),
        pytest.param(
            (Link(URL, (Text("c"),)), Code("](d)"), Pre("](d)")),
            f"[c](<{URL}>)`]{Z}(d)`\n```\n]{Z}(d)\n```",
            id="code that could",
        ),
    ],
)
def test_a_link_as_markdown(nodes: Tree, written: str) -> None:
    assert discord.render(nodes) == written


@given(trees)
@settings(derandomize=True, max_examples=400, deadline=None)
def test_a_reader_sees_each_leaf_in_its_styles_and_nothing_else_is_live(nodes: Tree) -> None:
    written = discord.render(nodes)
    assert read(spans(written, lists=True)) == expected(nodes)
    assert clean(written) == written


@given(trees)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_titles_are_one_line_without_links_or_blocks(nodes: Tree) -> None:
    written = discord.inline(nodes)
    assert "\n" not in written
    for span in spans(written, lists=True):
        assert span.target is None
        assert span.around <= {
            "strong", "em", "underline", "strikethrough", "spoiler", "inlineCode", "timestamp"
        }  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_a_live_construct_is_literal_text_in_every_place(token: str) -> None:
    for nodes in (
        (Text(token),),
        (Text(f"{token}\n{token} {token}a"),),
        *((S(style, (Text(token),)), Text(token)) for style in Style),
        (Quote((Text(token),)), Text(token)),
        (Link(URL, (Text(token),)), Text(token), Link(URL, (Text("c"),))),
        (Text(token), Code(token), Pre(token), Text(token)),
    ):
        assert read(spans(discord.render(nodes), lists=True)) == expected(nodes)


@pytest.mark.parametrize("nodes", [(Text("@everyone <@1> <@&2>"),), (Code("@here <@1> <@&2>"),)])
def test_nothing_in_the_raw_text_pings(nodes: Tree) -> None:
    written = discord.render(nodes)
    assert re.search(r"@everyone|@here", written) is None
    assert [span for span in spans(written) if span.around & {"user", "role", "everyone"}] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("a**b**", [Span("a"), Span("b", frozenset({"strong"}))], id="bold"),
        pytest.param("***a***", [Span("a", frozenset({"strong", "em"}))], id="both"),
        pytest.param("_a_ __b__", [
            Span("a", frozenset({"em"})), Span(" "), Span("b", frozenset({"underline"}))
        ], id="underscores"),
        pytest.param("# a\n> b", [
            Span("a", frozenset({"heading"})), Span("\n"), Span("b", frozenset({"blockQuote"}))
        ], id="blocks"),
        pytest.param("[a](<https://b> 'c')", [Span("a", frozenset({"link"}), "https://b")], id="l"),
        pytest.param("<@123456789012345678>", [
            Span("<@123456789012345678>", frozenset({"user"}))
        ], id="mention"),
        pytest.param("||`a||b`||", [
            Span("`a", frozenset({"spoiler"})), Span("b`||")
        ], id="code does not protect"),
    ],
)  # fmt: skip
def test_the_reading_reads_as_discord_does(source: str, found: list[Span]) -> None:
    assert spans(source) == found
