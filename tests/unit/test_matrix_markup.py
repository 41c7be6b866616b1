"""Matrix HTML, read by an HTML parser with the specification's allow-list."""

import pytest
from hypothesis import given, settings

from relay.sinks.matrix import markup as matrix
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
from tests.readers.in_matrix import Reading, expected
from tests.readers.trees import TOKENS, trees, visible

URL = "https://a.example/b"


@pytest.mark.parametrize(
    ("nodes", "html"),
    [
        pytest.param((Text("<b>&'\"\n"),), "&lt;b&gt;&amp;&#x27;&quot;<br>", id="text"),
        pytest.param((Styled(Style.BOLD, (Text("a"),)),), "<b>a</b>", id="bold"),
        pytest.param((Styled(Style.ITALIC, (Text("a"),)),), "<i>a</i>", id="italic"),
        pytest.param((Styled(Style.UNDERLINE, (Text("a"),)),), "<u>a</u>", id="underline"),
        pytest.param((Styled(Style.STRIKE, (Text("a"),)),), "<del>a</del>", id="strike"),
        pytest.param((Styled(Style.SMALL, (Text("a"),)),), "a", id="small"),
        pytest.param(
            (Styled(Style.SPOILER, (Text("a"),)),), "<span data-mx-spoiler>a</span>", id="spoiler"
        ),
        pytest.param((Code("<a>"),), "<code>&lt;a&gt;</code>", id="code"),
        pytest.param(
            (Pre("a\nb", "py"),), '<pre><code class="language-py">a\nb</code></pre>', id="pre"
        ),
        pytest.param((Pre("a", '"><b>'),), "<pre><code>a</code></pre>", id="no language"),
        pytest.param(
            (Math('x"^2'),),
            '<span data-mx-maths="x&quot;^2"><code>x&quot;^2</code></span>',
            id="a formula",
        ),
        pytest.param(
            (Math("x", block=True),), '<div data-mx-maths="x"><code>x</code></div>', id="in lines"
        ),
        pytest.param((Quote((Text("\na\n"),)),), "<blockquote>a</blockquote>", id="quote"),
        pytest.param((Center((Text("a"),)),), "<div>a</div>", id="center"),
        pytest.param((Heading((Text("a"),)),), "<b>a</b><br>", id="heading"),
        pytest.param(
            (Colored((Text("a"),), "#ff0000", "#00ff00"),),
            '<span data-mx-color="#ff0000" data-mx-bg-color="#00ff00">a</span>',
            id="colors",
        ),
        pytest.param((Colored((Text("a"),), 'red"><b>'),), "a", id="no color"),
        pytest.param((Emoji("a"), Time(0)), ":a:1970-01-01 00:00 UTC", id="emoji, a moment"),
        pytest.param((Link(URL, (Text("a"),)),), f'<a href="{URL}">a</a>', id="link"),
        pytest.param(
            (Link(f'{URL}"onclick="x', (Text("a"),)),),
            f'<a href="{URL}&quot;onclick=&quot;x">a</a>',
            id="a quote in an address",
        ),
        pytest.param((Link("javascript:x", (Text("a"),)),), "a", id="no address"),
        pytest.param(
            (Link(URL, (Link(URL, (Text("a"),)),)),), f'<a href="{URL}">a</a>', id="link in link"
        ),
        pytest.param(
            (Link(URL, (Text("b.example"),)),),
            f'b.example (<a href="{URL}">{URL}</a>)',
            id="a lie",
        ),
    ],
)
def test_a_tree_as_html(nodes: Tree, html: str) -> None:
    assert matrix.render(nodes) == html


@pytest.mark.parametrize(
    "url",
    [
        "https://matrix.to/#/@a:b.example",
        "http://MATRIX.to:443/#/%40a%3Ab.example",
        "https://www.matrix.to./#/!room:b.example",
        "https://matrix%2eto/#/@a:b.example",
        "https://x@matrix.to/#/@a:b.example",
        "matrix:u/a:b.example",
    ],
)
def test_no_link_makes_a_pill(url: str) -> None:
    html = matrix.render((Link(url, (Text("a"),)), Text(f" {url} "), Link(url, (Text(url),))))
    assert "<a" not in html
    # What looks like an address is kept from being made one by the client.
    assert "matrix.to" not in html.lower()
    assert "matrix:u" not in html
    assert visible(url) in Reading(html).said_text


@given(trees)
@settings(derandomize=True, max_examples=400, deadline=None)
def test_a_reader_sees_each_leaf_in_its_styles(nodes: Tree) -> None:
    html = matrix.render(nodes)
    reading = Reading(html)
    assert reading.said == expected(nodes)
    assert clean(html) == html
    assert reading.depth <= 100


@pytest.mark.parametrize("token", TOKENS)
def test_a_live_construct_is_literal_text_in_every_place(token: str) -> None:
    nodes = (Text(token), Quote((Code(token), Pre(token), Math(token))), Link(URL, (Text(token),)))
    assert Reading(matrix.render(nodes)).said == expected(nodes)


@pytest.mark.parametrize("around", [Quote, Center, Heading, lambda it: Styled(Style.BOLD, it)])
def test_levels_end_before_clients_stop_to_show_them(around: type[Quote]) -> None:
    nodes: Tree = (Text("a"), Math("b", block=True), Styled(Style.SPOILER, (Text("secret"),)))
    for _ in range(200):
        nodes = (around(nodes),)
    reading = Reading(matrix.render(nodes))
    assert 90 <= reading.depth <= 100
    assert "ab" in reading.said_text.replace(">", "")  # what is deeper is plain text
    assert "secret" not in reading.said_text
