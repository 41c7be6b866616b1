"""Shortening: it fits, it is the beginning of the text, and it ends where a text may end."""

import sys
from collections.abc import Callable, Iterator

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.sinks.discord import markup as discord
from relay.sinks.matrix import markup as matrix
from relay.sinks.slack import markup as slack
from relay.text import plain
from relay.text.shorten import ELLIPSIS, WORD, boundary, cut, shorten
from relay.text.tree import (
    Center,
    Code,
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
    text_of,
)
from tests.readers.trees import trees

URL = "https://a.example/b"
SIZES: dict[str, Callable[[Tree], int]] = {
    "discord, UTF-16 units": lambda it: len(discord.render(it).encode("utf-16-le")) // 2,
    "slack, characters": lambda it: len(str(slack.render(it))),
    "matrix, bytes": lambda it: len(matrix.render(it).encode()),
    "plain, characters": lambda it: len(plain.line(it)),
}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@given(trees, st.integers(0, 400))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_it_fits_and_is_the_begin_of_the_text(
    size: Callable[[Tree], int], nodes: Tree, limit: int
) -> None:
    found = shorten(nodes, lambda it: size(it) <= limit)
    if size(nodes) <= limit:
        assert found == nodes
    elif found == ():
        assert size(ELLIPSIS) > limit
    else:
        assert size(found) <= limit
        assert found[-1:] == ELLIPSIS
        assert text_of(nodes).startswith(text_of(found[:-1]))


@given(trees, st.integers(0, 60))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_links_moments_formulas_and_headings_stay_whole(nodes: Tree, length: int) -> None:
    kept = list(whole(cut(nodes, length)))
    assert kept == list(whole(nodes))[: len(kept)]


def whole(nodes: Tree) -> Iterator[object]:
    for node in nodes:
        match node:
            case Link() | Time() | Math() | Heading():
                yield node
            case Styled(_, children) | Quote(children) | Center(children):
                yield from whole(children)


@given(st.text(min_size=1), st.integers(0, 60))
@settings(derandomize=True, max_examples=300)
def test_a_text_is_cut_between_words_or_letters(text: str, limit: int) -> None:
    at = boundary(text, limit)
    assert 0 <= at <= limit
    assert letters(text) == letters(text[:at]) + letters(text[at:])


def letters(text: str) -> list[str]:
    return regex.findall(r"\X", text)


@pytest.mark.parametrize(
    ("text", "limit", "begin"),
    [
        pytest.param("one two three", 9, "one two", id="at a blank"),
        pytest.param("one two three", 7, "one two", id="right before a blank"),
        pytest.param("one\ntwo", 5, "one", id="at a line"),
        pytest.param("犬と\u3000猫と鳥", 4, "犬と", id="at a wide blank"),
        pytest.param("a" * 9, 4, "aaaa", id="in a word where there are no others"),
        pytest.param("a " + "b" * 99, 60, "a " + "b" * 58, id="not at a blank far away"),
        pytest.param("日本語です", 3, "日本語", id="where there are no blanks"),
        pytest.param("xe\u0301\u0323y", 2, "x", id="not before an accent"),
        pytest.param("x👨\u200d👩\u200d👧y", 4, "x", id="not in a family"),
        pytest.param("x👍🏽y", 2, "x", id="not before a skin tone"),
        pytest.param("🇯🇵🇫🇷🇩🇪", 3, "🇯🇵", id="not in a flag"),
        pytest.param("a" + "🇯🇵" * 300, 402, "a" + "🇯🇵" * 200, id="nor far into a line of flags"),
        pytest.param("한국어", 2, "한국", id="hangul"),
        pytest.param("\u1112\u1161\u11ab\u1100", 2, "", id="not in a syllable of letters"),
        pytest.param("क\u094dषि", 2, "", id="not in a conjunct"),
        pytest.param("☺\ufe0fx", 1, "", id="not before a variation selector"),
        pytest.param("Z" + "\u0301" * 999, 500, "", id="a letter under too many accents"),
        pytest.param("ab", 2, "ab", id="all of it"),
    ],
)
def test_where_a_text_is_cut(text: str, limit: int, begin: str) -> None:
    assert text[: boundary(text, limit)] == begin


@pytest.mark.parametrize(
    ("nodes", "limit", "shown"),
    [
        pytest.param((Text("one two"),), 7, "one two", id="it fits"),
        pytest.param((Text("one two three"),), 9, "one two…", id="at a word"),
        pytest.param((Styled(Style.BOLD, (Text("one two"),)),), 9, "**one**…", id="marks closed"),
        pytest.param((Code("one two"),), 7, "`one`…", id="code closed"),
        pytest.param((Pre("one\ntwo"),), 13, "```\none\n```\n…", id="a block closed"),
        pytest.param((Text("one "), Link(URL, (Text("two three"),))), 30, "one …", id="no link"),
        pytest.param((Quote((Text("one two"),)),), 7, "> one\n…", id="in a quote"),
        pytest.param((Text("****"),), 7, r"\*\*\*…", id="no escape is cut"),
        pytest.param((Text("😀😀😀"),), 5, "😀😀…", id="no surrogate pair is cut"),
        pytest.param((Text("one"),), 1, "…", id="only the ellipsis"),
        pytest.param((Text("one"),), 0, "", id="not even that"),
    ],
)
def test_how_it_looks(nodes: Tree, limit: int, shown: str) -> None:
    size = SIZES["discord, UTF-16 units"]
    assert discord.render(shorten(nodes, lambda it: size(it) <= limit)) == shown


def test_the_end_may_be_a_link_and_counts() -> None:
    ending = (Text("… "), Link(URL, (Text("→"),)))
    found = shorten((Text("word " * 99),), lambda it: len(discord.render(it)) <= 50, ending)
    assert discord.render(found) == f"word word word word… [→](<{URL}>)"


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=500))
@settings(derandomize=True, max_examples=50)
def test_no_more_is_lost_than_a_word(text: str) -> None:
    found = shorten((Text(text),), lambda it: len(text_of(it)) <= 400)
    assert len(text_of(found)) >= 400 - WORD - 1 - trailing(text, 400)


def trailing(text: str, limit: int) -> int:
    return limit - len(text[:limit].rstrip())


HUGE: dict[str, Tree] = {
    "words": (Text("lorem ipsum " * 2500),),
    "marks": (Text("*" * 30_000),),
    "flags": (Text("🇯🇵" * 15_000),),
    "accents": (Text("Z\u0301\u0302" * 10_000),),
    "pieces": tuple(Styled(Style.BOLD, (Text("word "),)) for _ in range(3000)),
    "single letters": tuple(Text("a") for _ in range(30_000)),
}


@pytest.mark.parametrize("nodes", HUGE.values(), ids=HUGE)
def test_a_huge_text_is_rendered_only_some_times(nodes: Tree) -> None:
    lengths = []

    def fits(it: Tree) -> bool:
        lengths.append(len(text_of(it)))
        return SIZES["discord, UTF-16 units"](it) <= 4096

    assert fits(shorten(nodes, fits))
    assert len(lengths) <= 25
    assert max(lengths[1:]) <= 8193  # all of it only once


def test_each_level_of_a_tree_is_gone_through_once() -> None:
    nodes: Tree = tuple(Text("word ") for _ in range(500))
    for _ in range(40):
        nodes = (Styled(Style.BOLD, nodes),)
    seen = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal seen
        seen += event == "call"

    sys.setprofile(count)
    try:
        kept = cut(nodes, 1_000)
    finally:
        sys.setprofile(None)
    assert len(text_of(kept)) == 1_000
    assert seen < 3_000
