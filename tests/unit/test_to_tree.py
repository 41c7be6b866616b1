"""MFM to the tree: every construct in every dialect, and every captured note."""

from collections.abc import Iterator
from typing import Any

import pytest

from relay.mfm import parse, parse_simple
from relay.mfm.to_tree import LOUD, MOVING, Origin, tree_of
from relay.sinks.discord import markup as discord
from relay.sinks.matrix import markup as matrix
from relay.sinks.slack import markup as slack
from relay.text import plain
from relay.text.tree import Emoji, LabelSource, Link, Style, Styled, Text, Tree
from tests.fakes.misskey import requests
from tests.fakes.slack_pings import links, pings
from tests.readers import in_discord, in_matrix, in_slack
from tests.readers.discord import spans
from tests.readers.trees import visible

HOME = "https://home.example"
FAR = Origin(server=HOME, host="far.example")
A = "https://a.example/b"
G = "https://www.google.com/search?q="


def tree(text: str, origin: Origin = FAR) -> Tree:
    return tree_of(parse(text), origin)


def a_link(url: str, label: str) -> str:
    return f'<a href="{url}">{label}</a>'


# MFM, Discord, Matrix, plain
TABLE = [
    ("**a**", "**a**", "<b>a</b>", "a"),
    ("<b>a</b>", "**a**", "<b>a</b>", "a"),
    ("<i>a</i>", "*a*", "<i>a</i>", "a"),
    ("*a*", "*a*", "<i>a</i>", "a"),
    ("~~a~~", "~~a~~", "<del>a</del>", "a"),
    ("<small>a</small>", "-# a", "a", "a"),
    ("a <small>b</small>", "a b", "a b", "a b"),
    ("<center>a</center>", "a", "<div>a</div>", "a"),
    ("<plain>**a**</plain>", r"\*\*a\*\*", "**a**", "**a**"),
    ("`a*`", "`a*`", "<code>a*</code>", "a*"),
    ("```js\na\n```", "```js\na\n```", '<pre><code class="language-js">a</code></pre>', "a"),
    (r"\(a_1\)", "`a_1`", '<span data-mx-maths="a_1"><code>a_1</code></span>', "a_1"),
    ("\\[a^2\\]", "```tex\na^2\n```", '<div data-mx-maths="a^2"><code>a^2</code></div>', "a^2"),
    (
        "> a\n> > b",
        "> a\n> b",
        "<blockquote>a<blockquote>b</blockquote></blockquote>",
        "> a\n> > b",
    ),
    ("a 検索", f"a [検索](<{G}a>)", f"a {a_link(G + 'a', '検索')}<br>", f"a 検索 ({G}a)"),
    (
        "a&b [Search]",
        f"a&b [Search](<{G}a%26b>)",
        f"a&amp;b {a_link(G + 'a%26b', 'Search')}<br>",
        f"a&b Search ({G}a%26b)",
    ),
    (":cat:", r"\:cat:", ":cat:", ":cat:"),
    ("👍", "👍", "👍", "👍"),
    (
        "@bob",
        "[@bob](<https://far.example/@bob>)",
        a_link("https://far.example/@bob", "@bob"),
        "@bob",
    ),
    (
        "@bob@c.example",
        "[@bob@c.example](<https://c.example/@bob>)",
        a_link("https://c.example/@bob", "@bob@c.example"),
        "@bob@c.example",
    ),
    ("#tag", f"[#tag](<{HOME}/tags/tag>)", a_link(f"{HOME}/tags/tag", "#tag"), "#tag"),
    (A, f"<{A}>", a_link(A, A), A),
    (f"<{A}>", f"<{A}>", a_link(A, A), A),
    (f"[c]({A})", f"[c](<{A}>)", a_link(A, "c"), f"c ({A})"),
    (f"?[c]({A})", f"[c](<{A}>)", a_link(A, "c"), f"c ({A})"),
    (f"[**c** d]({A})", f"[**c** d](<{A}>)", a_link(A, "<b>c</b> d"), f"c d ({A})"),
    (f"[c.example]({A})", f"c.example (<{A}>)", f"c.example ({a_link(A, A)})", f"c.example ({A})"),
    (
        "[c](javascript:alert(1))",
        r"\[c]\(javascript:alert(1))",
        "[c](javascript:alert(1))",
        "[c](javascript:alert(1))",
    ),
    *((f"$[{name} a]", "**a**", "<b>a</b>", "a") for name in sorted(LOUD)),
    *((f"$[{name} a]", "a", "a", "a") for name in sorted(MOVING)),
    ("$[spin.x,speed=2s a]", "a", "a", "a"),
    ("$[font.monospace a]", "`a`", "<code>a</code>", "a"),
    ("$[font.serif a]", "a", "a", "a"),
    ("$[font.monospace **a**]", "**a**", "<b>a</b>", "a"),
    ("$[blur a]", "||a||", "<span data-mx-spoiler>a</span>", "█████"),
    ("$[fg.color=0f0 a]", "a", '<span data-mx-color="#00ff00">a</span>', "a"),
    ("$[bg.color=00FF00 a]", "a", '<span data-mx-bg-color="#00FF00">a</span>', "a"),
    ("$[fg.color=javascript a]", "a", '<span data-mx-color="#ff0000">a</span>', "a"),
    ("$[fg a]", "a", '<span data-mx-color="#ff0000">a</span>', "a"),
    ("$[ruby 漢字 かんじ]", "漢字(かんじ)", "漢字(かんじ)", "漢字(かんじ)"),
    ("$[ruby **漢** kan]", "**漢**(kan)", "<b>漢</b>(kan)", "漢(kan)"),
    ("$[ruby 漢]", "漢", "漢", "漢"),
    ("$[ruby kan **漢**]", "kan **漢**", "kan <b>漢</b>", "kan 漢"),
    ("$[ruby **漢** ]", "**漢**", "<b>漢</b>", "漢"),
    *(
        (f"$[unixtime {at}]", *written)
        for at, written in {
            "1700000000": ("<t:1700000000:F>", "2023-11-14 22:13 UTC", "2023-11-14 22:13 UTC"),
            "-1": ("1969-12-31 23:59 UTC",) * 3,
            "soon": ("soon",) * 3,
        }.items()
    ),
    ("$[what.a=b c]", r"$\[what c]", "$[what c]", "$[what c]"),
    (
        "**a <i>b ~~c~~</i> d**",
        "**a** ***b*** ~~***c***~~ **d**",
        "<b>a <i>b <del>c</del></i> d</b>",
        "a b c d",
    ),
    (
        "$[blur **a** `b||c`]",
        "||**a** `b|\u200b|c`\u200b||",
        "<span data-mx-spoiler><b>a</b> <code>b||c</code></span>",
        "█████",
    ),
]


@pytest.mark.parametrize(("text", "markdown", "html", "bare"), TABLE)
def test_a_construct_in_each_dialect(text: str, markdown: str, html: str, bare: str) -> None:
    made = tree(text)
    assert discord.render(made) == markdown
    assert matrix.render(made) == html
    assert plain.render(made) == bare


def inline(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def link(url: str, text: str) -> dict[str, Any]:
    return {"type": "link", "url": url, "text": text}


@pytest.mark.parametrize(
    ("text", "kind", "elements"),
    [
        ("**a**", "section", [inline("a", bold=True)]),
        ("<i>a</i>", "section", [inline("a", italic=True)]),
        ("~~a~~", "section", [inline("a", strike=True)]),
        ("<small>a</small>", "section", [inline("a")]),
        ("<center>a</center>", "section", [inline("a")]),
        ("`a`", "section", [inline("a", code=True)]),
        (r"\(a\)", "section", [inline("a", code=True)]),
        ("```js\na\n```", "preformatted", [inline("a")]),
        ("\\[a\\]", "preformatted", [inline("a")]),
        ("> a\n> > b", "quote", [inline("a\nb")]),
        ("a 検索", "section", [inline("a "), link(f"{G}a", "検索")]),
        (":cat: 👍", "section", [inline(":cat: 👍")]),
        ("@bob", "section", [link("https://far.example/@bob", "@bob")]),
        ("#tag", "section", [link(f"{HOME}/tags/tag", "#tag")]),
        (A, "section", [link(A, A)]),
        (f"[c]({A})", "section", [link(A, "c")]),
        ("$[x2 a]", "section", [inline("a", bold=True)]),
        ("$[spin a]", "section", [inline("a")]),
        ("$[font.monospace a]", "section", [inline("a", code=True)]),
        ("$[blur a] b", "section", [inline("█████ b")]),
        ("$[fg.color=f00 a]", "section", [inline("a")]),
        ("$[ruby a b]", "section", [inline("a(b)")]),
        ("$[what a]", "section", [inline("$[what a]")]),
    ],
)
def test_a_construct_in_slack(text: str, kind: str, elements: list[dict[str, Any]]) -> None:
    assert slack.render(tree(text)) == [{"type": f"rich_text_{kind}", "elements": elements}]


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        pytest.param(Origin(server=HOME), f"{HOME}/@bob", id="a local author"),
        pytest.param(FAR, "https://far.example/@bob", id="a remote author"),
        pytest.param(Origin(), None, id="nobody knows"),
    ],
)
def test_a_mention_without_a_host_is_of_the_authors_host(origin: Origin, url: str | None) -> None:
    label = (Text("@bob"),)
    assert tree("@bob", origin) == ((Link(url, label, LabelSource.RELAY),) if url else label)


@pytest.mark.parametrize(
    ("origin", "name", "url"),
    [
        pytest.param(Origin(server=HOME), "cat", f"{HOME}/emoji/cat.webp", id="a local author"),
        pytest.param(FAR, "cat", f"{HOME}/emoji/cat@far.example.webp", id="a remote author"),
        pytest.param(
            Origin(server=HOME, host="例え.example"),
            "cat",
            f"{HOME}/emoji/cat@xn--r8jz45g.example.webp",
            id="a host with other letters",
        ),
        pytest.param(
            Origin(server=HOME, host="/../../admin/delete?all=1#"),
            "cat",
            None,
            id="a host that would steer the path",
        ),
        pytest.param(Origin(server=HOME, host="a.example:1"), "cat", None, id="a host and a port"),
        pytest.param(Origin(server=HOME, host="127.0.0.1"), "cat", None, id="an address"),
        pytest.param(Origin(), "cat", None, id="no server"),
    ],
)
def test_custom_emoji_are_of_the_authors_server(origin: Origin, name: str, url: str | None) -> None:
    assert tree(f":{name}:", origin) == (Emoji(name, url),)


def test_names_and_warnings_know_emoji_only() -> None:
    made = tree_of(parse_simple("**a** :cat: @bob"), FAR)
    assert made == (Text("**a** "), Emoji("cat", FAR.emoji("cat")), Text(" @bob"))


def test_a_label_that_looks_like_an_address_is_not_a_link() -> None:
    made = tree(f"[**good**.example]({A})")
    assert made[:2] == (Styled(Style.BOLD, (Text("good"),)), Text(".example ("))
    assert made[2] == Link(A, (Text(A),))


def test_a_lone_surrogate_breaks_no_address() -> None:
    assert discord.render(tree("a\ud800 検索")) == f"a [検索](<{G}a%3F>)"


LIVE = (
    "@everyone <@1> <!channel> [x](javascript:alert(1)) || ``` <script> "
    "https://matrix.to/#/@a:b.example \u202eU+202E"
)


def test_characters_that_are_live_in_a_chat_arrive_as_text() -> None:
    check(made := tree(f"<plain>{LIVE}</plain>"))
    said = visible(LIVE)
    assert "".join(it.char for it in in_discord.read(spans(discord.render(made)))) == said
    assert "".join(it.char for it in in_slack.read(slack.render(made))) == said
    assert in_matrix.Reading(matrix.render(made)).said_text == said
    assert {it.target for it in in_matrix.Reading(matrix.render(made)).said} == {None}


def check(nodes: Tree) -> None:
    """All dialects say what the tree says, and nothing in them is live or pings."""
    assert in_discord.read(spans(discord.render(nodes), lists=True)) == in_discord.expected(nodes)
    elements = slack.render(nodes)
    assert in_slack.read(elements) == in_slack.expected(nodes)
    reading = in_matrix.Reading(matrix.render(nodes))
    assert reading.said == in_matrix.expected(nodes)
    assert reading.depth <= 100
    mrkdwn = slack.escape(plain.render(nodes))
    payload = {"text": mrkdwn, "blocks": [{"type": "rich_text", "elements": elements}]}
    assert pings(payload) == set()
    assert links({"text": mrkdwn}) == []


def texts(value: object) -> Iterator[str]:
    """Every text of a request, whatever it is, but for what is nothing but an address."""
    match value:
        case str() if not value.startswith("http"):
            yield value
        case dict():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def test_all_texts_of_all_samples_arrive_as_they_are() -> None:
    found = {text for it in requests() for text in texts(it.event)}
    assert len(found) > 500
    for text in sorted(found):
        check(tree(text))
