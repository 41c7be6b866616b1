"""
Reads constructs that need no stack: leaves, which hold no other nodes, and blocks of whole lines.

Without a node the text up to the end stays text: one character, or more if the reference eats more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from relay.mfm.nodes import (
    MfmBlockCode,
    MfmBold,
    MfmEmojiCode,
    MfmHashtag,
    MfmInlineCode,
    MfmItalic,
    MfmMathBlock,
    MfmMathInline,
    MfmMention,
    MfmNode,
    MfmPlain,
    MfmSearch,
    MfmText,
    MfmUnicodeEmoji,
    MfmUrl,
)
from relay.mfm.tokens import CENTER, LINE_END, NEWLINE, SPACE, IndexedText

Token = re.Match[str]
Leaf = tuple[MfmNode | None, int]

_NEWLINE = re.compile(f"{NEWLINE}?")
_CLOSERS = {close: re.compile(re.escape(close)) for close in ("</plain>", r"\]")}
_MATH_STOP = re.compile(r"(?=\\\)|[\r\n])")
_ANGLE_STOP = re.compile(f"[>{SPACE}]")
_URL_RUN = re.compile("[.,A-Za-z0-9_/:%#@$&?!~=+-]*")
_URL_BRACKETS = {"(": ")", "[": "]"}
_TAG_RUN = re.compile(r"""[^ \u3000\t.,!?'"#:/\[\]【】()「」（）<>\r\n]*""")
_TAG_BRACKETS = {"(": ")", "[": "]", "「": "」", "（": "）"}


def _picture(source: IndexedText, token: Token, depth: int) -> Leaf:
    return MfmUnicodeEmoji(token.group()), token.end()


def _emoji(source: IndexedText, token: Token, depth: int) -> Leaf:
    return MfmEmojiCode(token.group()[1:-1]), token.end()


def _under(source: IndexedText, token: Token, depth: int) -> Leaf:
    return MfmBold((MfmText(token.group()[2:-2]),)), token.end()


def _italic(source: IndexedText, token: Token, depth: int) -> Leaf:
    return MfmItalic((MfmText(token.group()[1:-1]),)), token.end()


def _code(source: IndexedText, token: Token, depth: int) -> Leaf:
    return MfmInlineCode(token.group()[1:-1]), token.end()


def _skip(source: IndexedText, token: Token, depth: int) -> Leaf:
    return None, token.end()


def _math(source: IndexedText, token: Token, depth: int) -> Leaf:
    begin = token.end()
    if source.last("\\)") <= begin:
        return None, token.start() + 1
    stop = source.next(_MATH_STOP, begin)
    if stop == begin or not source.text.startswith("\\)", stop):
        return None, token.start() + 1
    return MfmMathInline(source.text[begin:stop]), stop + 2


def enclosed(source: IndexedText, begin: int, close: str) -> tuple[str, int] | None:
    """Take what stands before the closer, less a newline at either end, and the closer's place."""
    text = source.text
    begin = _NEWLINE.match(text, begin).end()  # type: ignore[union-attr]  # it may be empty
    if source.last(close) <= begin:
        return None
    at = stop = source.next(_CLOSERS[close], begin)
    if stop > begin and text[stop - 1] in "\r\n":
        stop -= 2 if stop - 2 >= begin and text[stop - 2 : stop] == "\r\n" else 1
    return (text[begin:stop], at) if stop > begin else None


def _plain(source: IndexedText, token: Token, depth: int) -> Leaf:
    inside = enclosed(source, token.end(), "</plain>")
    if inside is None:
        return None, token.start() + 1
    text, at = inside
    return MfmPlain((MfmText(text),)), at + len("</plain>")


def _mention(source: IndexedText, token: Token, depth: int) -> Leaf:
    name, _, host = token.group()[1:].partition("@")
    kept = host.rstrip(".-")
    if not host:
        name = name.rstrip(".-")
    if not name or name[0] in ".-" or (host and (not kept or kept[0] in ".-" or name[-1] in ".-")):
        return None, token.end()
    acct = f"@{name}@{kept}" if host else f"@{name}"
    return MfmMention(name, kept or None, acct), token.start() + len(acct)


def _balanced(
    source: IndexedText, pos: int, run: re.Pattern[str], brackets: dict[str, str], room: int
) -> int:
    """Go on over a run of characters and pairs of brackets; stop before a bracket left open."""
    awaited: list[str] = []
    end = pos
    while True:
        pos = run.match(source.text, pos).end()  # type: ignore[union-attr]  # it may be empty
        char = source.text[pos : pos + 1]
        if not awaited:
            end = pos
        if char in brackets and len(awaited) < room:
            awaited.append(brackets[char])
        elif awaited and char == awaited[-1]:
            awaited.pop()
        else:
            return end
        pos += 1


def _hashtag(source: IndexedText, token: Token, depth: int) -> Leaf:
    room = max(1, source.limit - depth)
    end = _balanced(source, token.end(), _TAG_RUN, _TAG_BRACKETS, room)
    tag = source.text[token.end() : end]
    if not tag or (tag.isascii() and tag.isdigit()):
        return None, token.start() + 1
    return MfmHashtag(tag), end


def _url(source: IndexedText, token: Token, depth: int) -> Leaf:
    room = max(1, source.limit - depth)
    end = _balanced(source, token.end(), _URL_RUN, _URL_BRACKETS, room)
    if end == token.end():
        return None, token.start() + 1
    address = source.text[token.end() : end].rstrip(".,")
    if not address:
        return None, end
    return MfmUrl(token.group() + address), token.end() + len(address)


def _angle(source: IndexedText, token: Token, depth: int) -> Leaf:
    stop = source.next(_ANGLE_STOP, token.end())
    if stop == token.end() or source.text[stop : stop + 1] != ">":
        return None, token.start() + 1
    return MfmUrl(source.text[token.start() + 1 : stop], brackets=True), stop + 1


LEAVES: dict[str, Callable[[IndexedText, Token, int], Leaf]] = {
    "keycap": _picture,
    "picture": _picture,
    "emoji": _emoji,
    "under": _under,
    "asterisk": _italic,
    "underscore": _italic,
    "code": _code,
    "skip": _skip,
    "passed": _skip,
    "math": _math,
    "plain": _plain,
    "mention": _mention,
    "hashtag": _hashtag,
    "url": _url,
    "angle": _angle,
}


# The characters that JavaScript's trim() removes; Python's strip() removes more.
_JS_SPACES = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_ONE_NEWLINE = re.compile(f"{NEWLINE}?")
_CENTER = re.compile(f"<center>{NEWLINE}?")
_CODE = re.compile(f"```([^\r\n]*){NEWLINE}")
_CODE_CLOSE = re.compile(f"{NEWLINE}```{LINE_END}")
_CODE_END = re.compile(f"{NEWLINE}```{NEWLINE}?")
_MATH_END = re.compile(rf"\\\]{LINE_END}{NEWLINE}?")
_QUOTE_LINE = re.compile(f">[{SPACE}]?([^\r\n]*)")
_QUOTE = re.compile(f">[^\r\n]*+(?:{NEWLINE}>[^\r\n]*+)*+")
_TWO_NEWLINES = re.compile(f"{NEWLINE}{{0,2}}")
_BUTTON = re.compile(
    rf"[{SPACE}](?:\[(?:[sS][eE][aA][rR][cC][hH]|検索)\]|[sS][eE][aA][rR][cC][hH]|検索){LINE_END}"
)
_LINE = re.compile("[^\r\n]*")


@dataclass(frozen=True, slots=True)
class OpenQuote:
    """A quote whose lines, without their marks, are still to be parsed."""

    text: str


@dataclass(frozen=True, slots=True)
class OpenCenter:
    """A centred block, if it closes."""


BlockStart = tuple[MfmNode | OpenQuote | OpenCenter, int]
"""The block, and where the text goes on; for a centred block where its body begins."""


def block(source: IndexedText, pos: int) -> BlockStart | None:
    """Take the block that begins here: at the start of a line, or at the newline before it."""
    line = _end(_ONE_NEWLINE, source, pos)
    match source.text[line : line + 1]:
        case "<":
            return _center_block(source, line)
        case "`":
            return _code_block(source, line)
        case "\\":
            return _math_block(source, line)
        case ">" | "\r" | "\n":
            return _quote_block(source, _end(_TWO_NEWLINES, source, pos))
        case _:
            return None


def search(source: IndexedText, pos: int) -> tuple[MfmSearch, int] | None:
    """Take the search that this line is, or the line after the newline that is here."""
    button = source.next(_BUTTON, pos)
    if button == len(source.text):
        return None
    line = _end(_ONE_NEWLINE, source, pos)
    if not line < button < _end(_LINE, source, line):
        return None
    end = _end(_LINE, source, button)
    query, content = source.text[line:button], source.text[line:end]
    return MfmSearch(query, content), _end(_ONE_NEWLINE, source, end)


def has_search(text: str) -> bool:
    return _BUTTON.search(text) is not None


def _end(pattern: re.Pattern[str], source: IndexedText, pos: int) -> int:
    match = pattern.match(source.text, pos)
    return match.end() if match else pos


def _center_block(source: IndexedText, line: int) -> BlockStart | None:
    opened = _CENTER.match(source.text, line)
    if opened is None or source.last(CENTER.close) < opened.end():
        return None
    return OpenCenter(), opened.end()


def _code_block(source: IndexedText, line: int) -> BlockStart | None:
    opened = _CODE.match(source.text, line)
    if opened is None:
        return None
    close = source.next(_CODE_CLOSE, opened.end())
    if close in {opened.end(), len(source.text)}:
        return None
    code = MfmBlockCode(source.text[opened.end() : close], opened[1].strip(_JS_SPACES) or None)
    return code, _end(_CODE_END, source, close)


def _math_block(source: IndexedText, line: int) -> BlockStart | None:
    if not source.text.startswith("\\[", line):
        return None
    inside = enclosed(source, line + 2, "\\]")
    closed = inside and _MATH_END.match(source.text, inside[1])
    return (MfmMathBlock(inside[0]), closed.end()) if inside and closed else None


def _quote_block(source: IndexedText, line: int) -> BlockStart | None:
    quote = _QUOTE.match(source.text, line)
    if quote is None:
        return None
    lines = _QUOTE_LINE.findall(source.text, line, quote.end())
    if lines == [""]:
        return None
    return OpenQuote("\n".join(lines)), _end(_TWO_NEWLINES, source, quote.end())
