"""The MFM parser: equal to the reference, linear whatever is written, and never raising."""

import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mfm import lookahead, parse, parse_simple, to_json
from relay.mfm import parser as mfm_parser
from relay.mfm.nodes import (
    MfmBold,
    MfmCenter,
    MfmEmojiCode,
    MfmFn,
    MfmHashtag,
    MfmItalic,
    MfmLink,
    MfmMention,
    MfmNode,
    MfmQuote,
    MfmSearch,
    MfmText,
    MfmUnicodeEmoji,
    MfmUrl,
)

SAMPLES = Path(__file__).parent.parent / "samples" / "mfm.jsonl"
VECTORS = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]

PIECES = [
    *[
        "[",
        "?[",
        "]",
        "](",
        "](https://a)",
        "](x)",
        "$[",
        "$[x ",
        "$[x.y=1,z ",
        "\\[",
        "\\]",
        "\\(",
    ],
    *["<b>", "</b>", "<i>", "</i>", "<s>", "</s>", "<small>", "</small>", "<plain>", "</plain>"],
    *["<center>", "</center>", "**", "***", "*", "_", "__", "~~", "`", "```", "> ", ">", "\\)"],
    *[
        "https://",
        "https://a.b",
        "<https://a>",
        "(",
        ")",
        "「",
        "」",
        "@a",
        "@a@b.c",
        "#a",
        "#",
        ":a:",
    ],
    *[
        " search",
        " [検索]",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "a",
        "1",
        "あ",
        "😀",
        "☺",
        "\ufe0f",
        "\u20e3",
    ],
    *["\0", "\u200b", "\u200d", "\ud800", "👩‍👧", "🇯🇵"],
]
markup = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)


def outcome(vector: dict[str, object]) -> list[dict[str, object]]:
    text, opts = str(vector["input"]), vector["opts"]
    if vector["fn"] == "parseSimple":
        return to_json(parse_simple(text))
    limit = opts["nestLimit"] if isinstance(opts, dict) else 20
    return to_json(parse(text, nest_limit=limit))


def test_every_vector_gives_what_the_reference_gives() -> None:
    wrong = [
        f"line {number}: {json.dumps(vector['input'], ensure_ascii=False)}\n"
        f"  expected {json.dumps(vector['output'], ensure_ascii=False)}\n"
        f"  parsed   {json.dumps(outcome(vector), ensure_ascii=False)}"
        for number, vector in enumerate(VECTORS, start=1)
        if outcome(vector) != vector["output"]
    ]
    assert not wrong, f"{len(wrong)} of {len(VECTORS)} differ\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        pytest.param("", (), id="an empty text has no nodes"),
        pytest.param("**a", (MfmText("**a"),), id="without a closer all is text"),
        pytest.param("**a :b:", (MfmText("**a :b:"),), id="what is inside is text then, too"),
        pytest.param("****", (MfmText("****"),), id="nothing inside is no bold"),
        pytest.param("***a***", (MfmFn("tada", {}, (MfmText("a"),)),), id="three stars: a tada"),
        pytest.param(
            "$[x.__proto__=1,k ]", (MfmText("$[x.__proto__=1,k ]"),), id="an empty fn is text"
        ),
        pytest.param(
            "$[x.__proto__=1,k a]",
            (MfmFn("x", {"k": True}, (MfmText("a"),)),),
            id="what is no key in JavaScript is no argument",
        ),
        pytest.param(
            "[@a #b](https://c)",
            (MfmLink(False, "https://c", (MfmText("@a #b"),)),),
            id="a label holds nothing that leads elsewhere",
        ),
        pytest.param(
            "?[a](<https://b c>)",
            (MfmText("?[a](<"), MfmUrl("https://b"), MfmText(" c>)")),
            id="an address has no spaces",
        ),
        pytest.param(
            "[a](https://b.)", (MfmText("[a]("), MfmUrl("https://b"), MfmText(".)")), id="dot"
        ),
        pytest.param("a@b", (MfmText("a@b"),), id="no mention after a letter"),
        pytest.param(
            "@a@b-", (MfmMention("a", "b", "@a@b"), MfmText("-")), id="a host ends with a letter"
        ),
        pytest.param("@a-@b", (MfmText("@a-@b"),), id="so does a name before a host"),
        pytest.param("@a-", (MfmMention("a", None, "@a"), MfmText("-")), id="else its end is cut"),
        pytest.param("#1", (MfmText("#1"),), id="a number is no hashtag"),
        pytest.param("#a(b", (MfmHashtag("a"), MfmText("(b")), id="an open bracket ends a hashtag"),
        pytest.param("a:b:c", (MfmText("a:b:c"),), id="no emoji before a letter"),
        pytest.param("a:b:", (MfmText("a"), MfmEmojiCode("b")), id="but after one"),
        pytest.param("a*b*", (MfmText("a*b*"),), id="no italic after a letter"),
        pytest.param("*\u212a*", (MfmText("*\u212a*"),), id="the Kelvin sign is no letter"),
        pytest.param("☺\ufe0e", (MfmText("☺\ufe0e"),), id="what shall be text is text"),
        pytest.param("☺\ufe0f", (MfmUnicodeEmoji("☺\ufe0f"),), id="what shall be a picture is one"),
        pytest.param("a\ufe0f", (MfmText("a\ufe0f"),), id="the sign for it alone is text"),
        pytest.param("\ufe0f search", (MfmText("\ufe0f search"),), id="but prevents a search"),
        pytest.param("🇯🇵🇦", (MfmUnicodeEmoji("🇯🇵"), MfmUnicodeEmoji("🇦")), id="flags are pairs"),
        pytest.param("*️⃣*", (MfmUnicodeEmoji("*️⃣"), MfmText("*")), id="a key comes before all else"),
        pytest.param(
            "a\n**b** search\n",
            (MfmText("a"), MfmSearch("**b**", "**b** search")),
            id="a search on a new line wins over what the line begins with",
        ),
        pytest.param(
            "**b** search",
            (MfmBold((MfmText("b"),)), MfmText(" search")),
            id="on the first line it does not",
        ),
        pytest.param(
            "<center> search", (MfmSearch("<center>", "<center> search"),), id="but over text"
        ),
        pytest.param("<b> search", (MfmText("<b> search"),), id="an opener is not text here"),
        pytest.param(
            "[a](https://b) search",
            (MfmLink(False, "https://b", (MfmText("a"),)), MfmText(" search")),
            id="nor is a link",
        ),
        pytest.param("[a search", (MfmSearch("[a", "[a search"),), id="what is no link is"),
        pytest.param(
            "> a\r> > b\n\n\nc",
            (MfmQuote((MfmText("a"), MfmQuote((MfmText("b"),)))), MfmText("\nc")),
            id="a quote takes two newlines after it",
        ),
        pytest.param(
            "\n<center>\n> a\n</center>\nb",
            (MfmCenter((MfmText("> a"),)), MfmText("b")),
            id="there are no blocks in blocks but in quotes",
        ),
        pytest.param("~~a\nb~~", (MfmText("~~a\nb~~"),), id="strike ends with the line"),
    ],
)
def test_details_of_the_reference(text: str, nodes: tuple[MfmNode, ...]) -> None:
    assert parse(text) == nodes


def test_a_name_holds_emoji_and_plain_text_only() -> None:
    assert parse_simple("**a** :b:😀 @c") == (
        MfmText("**a** "),
        MfmEmojiCode("b"),
        MfmUnicodeEmoji("😀"),
        MfmText(" @c"),
    )


def test_deeper_than_the_limit_is_text() -> None:
    assert parse("<b><i>a</i></b>", nest_limit=1) == (MfmBold((MfmText("<i>a</i>"),)),)
    assert parse("<b><i>a</i></b>", nest_limit=2) == (MfmBold((MfmItalic((MfmText("a"),)),)),)
    assert parse("> > a", nest_limit=1) == (MfmQuote((MfmText("> a"),)),)
    assert parse("<center>\n~~a</center>", nest_limit=1) == (MfmCenter((MfmText("~~a"),)),)
    assert parse("[~~a~~](https://b)", nest_limit=1) == (
        MfmLink(False, "https://b", (MfmText("~~a~~"),)),
    )


UNITS = [
    *[
        "[",
        "?[",
        "\\[",
        "[a ",
        "<center>\n",
        "[**",
        "\\(",
        "<plain>",
        "<https://",
        "$[x ",
        "**",
        "~~",
    ],
    *["<b>", "<i>", "<s>", "<small>", "> ", "\n> ", "$[x.y=", "((((", "#((((", "`", "```a\n"],
    *["https://((((", ":a", "@a", "@a@", "***", "_a", "__a", "[a](https://", "a search\nb", "\n"],
    *[
        "[<b>",
        "<b>[",
        "**~~[",
        "<center>\n> <b>\n",
        "[<https://<b>",
        "https://a~~$[x ",
        "😀",
        "~~\n",
    ],
]
TAILS = ["", "](x)\n[a](https://a)", "\n</center>x", "</b></i>~~**\\)]](https://a)"]


class Counted:
    """A pattern that counts what it passes: each call, and each character."""

    def __init__(self, pattern: re.Pattern[str], steps: list[int]) -> None:
        self.pattern = pattern.pattern
        self._pattern = pattern
        self._steps = steps

    def search(self, text: str, pos: int) -> re.Match[str] | None:
        found = self._pattern.search(text, pos)
        self._steps[0] += 1 + (found.end() if found else len(text)) - pos
        return found

    def match(self, text: str, pos: int) -> re.Match[str] | None:
        found = self._pattern.match(text, pos)
        self._steps[0] += 1 + (found.end() - pos if found else 0)
        return found


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    steps = [0]
    for module in (mfm_parser, lookahead):
        tokens = module.tokens
        monkeypatch.setattr(
            module,
            "tokens",
            lambda kind, *, label, tokens=tokens: Counted(tokens(kind, label=label), steps),
        )
    return steps


@pytest.mark.parametrize("tail", TAILS)
def test_ten_times_the_text_takes_about_ten_times_the_steps(steps: list[int], tail: str) -> None:
    for unit in UNITS:
        counts = []
        for size in (3_000, 30_000):
            steps[0] = 0
            parse(unit * (size // len(unit)) + tail)
            counts.append(steps[0])
        few, many = counts
        assert many < 20 * max(few, 3_000), f"{unit!r} and {tail!r}: {few} steps, then {many}"
        assert many < 500 * 30_000, f"{unit!r} and {tail!r}: {many} steps"


def test_neither_the_text_nor_the_caller_can_be_too_deep() -> None:
    text = "<b>[$[x " * 5_000 + "]](https://a)</b>" * 5_000 + "\n" + "> " * 5_000 + "a"
    expected = parse(text)

    def call(frames: int) -> tuple[MfmNode, ...]:
        return call(frames - 1) if frames else parse(text)

    frame, used = sys._getframe(), 0
    while frame := frame.f_back:
        used += 1
    assert call(sys.getrecursionlimit() - used - 60) == expected


def texts(nodes: tuple[MfmNode, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, MfmText):
            yield node.text
        else:
            yield from texts(getattr(node, "children", ()))


def height(nodes: tuple[MfmNode, ...]) -> int:
    inner = [node.children for node in nodes if hasattr(node, "children")]
    return 1 + max(map(height, inner)) if inner else 0


def is_tidy(nodes: tuple[MfmNode, ...]) -> bool:
    """No empty text, and no two in a row."""
    return (
        MfmText("") not in nodes
        and not any(isinstance(a, MfmText) and isinstance(b, MfmText) for a, b in pairwise(nodes))
        and all(is_tidy(getattr(node, "children", ())) for node in nodes)
    )


@given(markup, st.integers(-1, 25))
def test_what_is_text_in_the_tree_stands_so_in_the_source(text: str, limit: int) -> None:
    nodes = parse(text, nest_limit=limit)
    # A quote's lines are joined with "\n", whatever they ended with.
    rest = iter(text.replace("\r", "\n"))
    assert all(char in rest for part in texts(nodes) for char in part.replace("\r", "\n"))
    assert is_tidy(nodes)


@given(markup, st.integers(-1, 25))
def test_nothing_nests_deeper_than_the_limit(text: str, limit: int) -> None:
    assert height(parse(text, nest_limit=limit)) <= max(1, limit)


@given(markup)
def test_json_has_no_more_than_json_can_say(text: str) -> None:
    layout = to_json(parse(text))
    assert json.loads(json.dumps(layout)) == layout


@given(st.text(alphabet="abc .,;!?-\n\r\tあ漢\0\u200b"))
def test_without_markup_there_is_one_text(text: str) -> None:
    assert parse(text) == parse_simple(text) == ((MfmText(text),) if text else ())


def test_a_node_can_be_a_key() -> None:
    assert parse("$[x.a=1 **b**]")[0] in {MfmFn("x", {"a": "1"}, (MfmBold((MfmText("b"),)),))}
