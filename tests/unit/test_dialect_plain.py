"""Plain text."""

import pytest
from hypothesis import given, settings

from relay.text import plain
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    LabelSource,
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
from tests.readers.trees import trees

URL = "https://a.example/b"


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        pytest.param((Text("*a* <b>"), Code("c"), Emoji("d")), "*a* <b>c:d:", id="leaves"),
        pytest.param(
            (Styled(Style.BOLD, (Text("a"),)), Colored((Text("b"),)), Center((Text("c"),))),
            "ab\nc",
            id="styles are nothing",
        ),
        pytest.param((Center((Text("a\nb"),)), Text("c")), "a\nb\nc", id="center in lines"),
        pytest.param((Text("a"), Math("x", True), Text("b")), "a\nx\nb", id="a formula in lines"),
        pytest.param((Text("a"), Pre("b\nc"), Text("d")), "a\nb\nc\nd", id="code in lines"),
        pytest.param((Math("x"), Heading((Text("y"),))), "x\ny", id="formula, heading"),
        pytest.param((Text("a"), Quote((Text("b\nc"),))), "a\n> b\n> c", id="quote"),
        pytest.param((Quote((Quote((Text("a"),)),)),), "> > a", id="quote in quote"),
        pytest.param((Styled(Style.SPOILER, (Text("a"),)),), "█████", id="hidden"),
        pytest.param((Styled(Style.SPOILER, ()), Text("a")), "a", id="nothing to hide"),
        pytest.param((Link(URL, (Text("a"),)),), f"a ({URL})", id="link"),
        pytest.param((Link(URL, (Text(URL),)),), URL, id="address"),
        pytest.param((Link(URL, ()),), URL, id="no label"),
        pytest.param((Link(URL, (Text("@a"),), LabelSource.RELAY),), "@a", id="a person"),
        pytest.param((Link(URL, (Text("#a"),), LabelSource.RELAY),), "#a", id="a tag"),
        pytest.param((Link(URL, (Text("#a"),)),), f"#a ({URL})", id="a label like a tag"),
        pytest.param((Link("javascript:x", (Text("a"),)),), "a", id="no address"),
        pytest.param((Link(URL, (Text("b.example"),)),), f"b.example ({URL})", id="a lie"),
        pytest.param((Link("mailto:a@b.example", (Text("c"),)),), "c (a@b.example)", id="mail"),
        pytest.param((Time(1_700_000_000_000),), "2023-11-14 22:13 UTC", id="a moment"),
        pytest.param((Time(10**20),), "1" + "0" * 20, id="a moment beyond all dates"),
    ],
)
def test_a_tree_as_text(nodes: Tree, text: str) -> None:
    assert plain.render(nodes) == text


@given(trees)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_text_is_clean_and_hides_what_is_hidden(nodes: Tree) -> None:
    text = plain.render((Text("a"), Styled(Style.SPOILER, (Text("secret"), *nodes)), *nodes))
    assert clean(text) == text
    assert "secret" not in text
    assert "\n" not in plain.line(nodes)


@pytest.mark.parametrize("block", [Center, Heading, Quote])
def test_the_plain_form_glues_no_block_to_the_words_beside_it(block: type) -> None:
    simple = plain.simple((Text("a"), block((Text("b"),)), Text("c")))
    assert plain.render(simple).replace("> ", "") == "a\nb\nc"
