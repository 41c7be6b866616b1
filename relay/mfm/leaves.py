"""
Constructs without others inside: from a token to a node and where it ends.

Without a node the text up to the end stays text: one character, or more if the reference eats more.
"""

import re
from collections.abc import Callable

from relay.mfm.nodes import (
    Bold,
    EmojiCode,
    Hashtag,
    InlineCode,
    Italic,
    MathInline,
    Mention,
    Node,
    Plain,
    Text,
    UnicodeEmoji,
    Url,
)
from relay.mfm.tokens import NEWLINE, SPACE, Source

Token = re.Match[str]
Leaf = tuple[Node | None, int]

_NEWLINE = re.compile(f"{NEWLINE}?")
_CLOSERS = {close: re.compile(re.escape(close)) for close in ("</plain>", r"\]")}
_MATH_STOP = re.compile(r"(?=\\\)|[\r\n])")
_ANGLE_STOP = re.compile(f"[>{SPACE}]")
_URL_RUN = re.compile("[.,A-Za-z0-9_/:%#@$&?!~=+-]*")
_URL_BRACKETS = {"(": ")", "[": "]"}
_TAG_RUN = re.compile(r"""[^ \u3000\t.,!?'"#:/\[\]【】()「」（）<>\r\n]*""")
_TAG_BRACKETS = {"(": ")", "[": "]", "「": "」", "（": "）"}


def _picture(source: Source, token: Token, depth: int) -> Leaf:
    return UnicodeEmoji(token.group()), token.end()


def _emoji(source: Source, token: Token, depth: int) -> Leaf:
    return EmojiCode(token.group()[1:-1]), token.end()


def _under(source: Source, token: Token, depth: int) -> Leaf:
    return Bold((Text(token.group()[2:-2]),)), token.end()


def _italic(source: Source, token: Token, depth: int) -> Leaf:
    return Italic((Text(token.group()[1:-1]),)), token.end()


def _code(source: Source, token: Token, depth: int) -> Leaf:
    return InlineCode(token.group()[1:-1]), token.end()


def _skip(source: Source, token: Token, depth: int) -> Leaf:
    return None, token.end()


def _math(source: Source, token: Token, depth: int) -> Leaf:
    begin = token.end()
    if source.last("\\)") <= begin:
        return None, token.start() + 1
    stop = source.next(_MATH_STOP, begin)
    if stop == begin or not source.text.startswith("\\)", stop):
        return None, token.start() + 1
    return MathInline(source.text[begin:stop]), stop + 2


def enclosed(source: Source, begin: int, close: str) -> tuple[str, int] | None:
    """Take what stands before the closer, less a newline at either end, and the closer's place."""
    text = source.text
    begin = _NEWLINE.match(text, begin).end()  # type: ignore[union-attr]  # it may be empty
    if source.last(close) <= begin:
        return None
    at = stop = source.next(_CLOSERS[close], begin)
    if stop > begin and text[stop - 1] in "\r\n":
        stop -= 2 if stop - 2 >= begin and text[stop - 2 : stop] == "\r\n" else 1
    return (text[begin:stop], at) if stop > begin else None


def _plain(source: Source, token: Token, depth: int) -> Leaf:
    inside = enclosed(source, token.end(), "</plain>")
    if inside is None:
        return None, token.start() + 1
    text, at = inside
    return Plain((Text(text),)), at + len("</plain>")


def _mention(source: Source, token: Token, depth: int) -> Leaf:
    name, _, host = token.group()[1:].partition("@")
    kept = host.rstrip(".-")
    if not host:
        name = name.rstrip(".-")
    if not name or name[0] in ".-" or (host and (not kept or kept[0] in ".-" or name[-1] in ".-")):
        return None, token.end()
    acct = f"@{name}@{kept}" if host else f"@{name}"
    return Mention(name, kept or None, acct), token.start() + len(acct)


def _balanced(
    source: Source, pos: int, run: re.Pattern[str], brackets: dict[str, str], room: int
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


def _hashtag(source: Source, token: Token, depth: int) -> Leaf:
    room = max(1, source.limit - depth)
    end = _balanced(source, token.end(), _TAG_RUN, _TAG_BRACKETS, room)
    tag = source.text[token.end() : end]
    if not tag or (tag.isascii() and tag.isdigit()):
        return None, token.start() + 1
    return Hashtag(tag), end


def _url(source: Source, token: Token, depth: int) -> Leaf:
    room = max(1, source.limit - depth)
    end = _balanced(source, token.end(), _URL_RUN, _URL_BRACKETS, room)
    if end == token.end():
        return None, token.start() + 1
    address = source.text[token.end() : end].rstrip(".,")
    if not address:
        return None, end
    return Url(token.group() + address), token.end() + len(address)


def _angle(source: Source, token: Token, depth: int) -> Leaf:
    stop = source.next(_ANGLE_STOP, token.end())
    if stop == token.end() or source.text[stop : stop + 1] != ">":
        return None, token.start() + 1
    return Url(source.text[token.start() + 1 : stop], brackets=True), stop + 1


LEAVES: dict[str, Callable[[Source, Token, int], Leaf]] = {
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
