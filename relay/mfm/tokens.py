"""
Where constructs begin: one pattern for each place a text can be in.

No part of the patterns can try a character twice for one start, and no part runs past a character
that could start it anew: whatever is more difficult is only begun here, and looked ahead for with
`Source.next`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from relay.mfm import emoji
from relay.mfm.nodes import Bold, Fn, Italic, Node, Small, Strike

NEWLINE = r"(?:\r\n|[\r\n])"
LINE_END = r"(?=[\r\n]|\Z)"
SPACE = " \u3000\t"
WORD = "A-Za-z0-9"

Make = Callable[[tuple[Node, ...]], Node]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A construct that holds others: its closer, and the pattern of what ends its body anyhow."""

    close: str
    stop: str
    ahead: re.Pattern[str]


def _kind(close: str, stop: str = "", *, line: bool = False) -> Kind:
    stop = stop or re.escape(close) + (r"|[\r\n]" if line else "")
    return Kind(close, stop, re.compile(f"(?={stop})"))


def _tada(children: tuple[Node, ...]) -> Node:
    return Fn("tada", {}, children)


OPENERS: dict[str, tuple[Kind, Make]] = {
    "<b>": (_kind("</b>"), Bold),
    "<i>": (_kind("</i>"), Italic),
    "<s>": (_kind("</s>"), Strike),
    "<small>": (_kind("</small>"), Small),
    "***": (_kind("***"), _tada),
    "**": (_kind("**"), Bold),
    "~~": (_kind("~~", line=True), Strike),
}
FN = _kind("]")
LABEL = _kind("]", line=True)
CENTER = _kind("</center>", f"{NEWLINE}?</center>")
TOP = _kind("", r"[\r\n]")
"""The text itself, or a quote's: lines may begin blocks there."""

_ARG = r"[A-Za-z0-9_]++(?:=[A-Za-z0-9_.-]++)?+"
_FN = rf"\$\[[A-Za-z0-9_]++(?:\.{_ARG}(?:,{_ARG})*+)?+"
_NAME = r"[A-Za-z0-9_.-]++"
_APART = f"(?<![{WORD}])"

TOKENS = {
    "keycap": emoji.KEYCAP,
    "open": r"<(?:b|i|s|small)>|\*\*\*?|~~",
    "plain": "<plain>",
    "angle": "<https?://",
    "under": f"__[{WORD}{SPACE}]++__",
    "italic": rf"{_APART}(?:\*[{WORD}{SPACE}]++\*|_[{WORD}{SPACE}]++_)",
    "code": "`[^`´\r\n]++`",
    "math": r"\\\(",
    "fn": f"{_FN} ",
    "skip": rf"{_FN}|\$\[|<center>",
    "mention": f"{_APART}@{_NAME}(?:@{_NAME})?+",
    "hashtag": f"{_APART}#",
    "emoji": f":[{WORD}_+-]++:(?![{WORD}])",
    "link": r"\??\[",
    "url": "https?://",
    "picture": emoji.PICTURE,
}
NOT_IN_LABELS = {"angle", "mention", "hashtag", "link", "url"}
SIMPLE = {"keycap", "picture", "emoji", "plain"}

_BEGINS = rf"(?=[<*~_`\\$@#:\[{emoji.STARTS}]|\?\[|https?://|{emoji.KEYCAP})"


def _pattern(names: set[str]) -> str:
    return "|".join(f"(?P<{name}>{part})" for name, part in TOKENS.items() if name in names)


@cache
def tokens(kind: Kind, *, label: bool) -> re.Pattern[str]:
    """The pattern for what may come next in a body; `label`: somewhere within a link's label."""
    names = TOKENS.keys() - NOT_IN_LABELS if label else set(TOKENS)
    # In a label a bracket is text: but the scout, that went in after it, shall know the place.
    bracket = r"|(?P<bracket>\[)" if label else ""
    return re.compile(f"(?P<stop>{kind.stop})|{_BEGINS}(?:{_pattern(names)}{bracket})")


SIMPLE_TOKENS = re.compile(_BEGINS + f"(?:{_pattern(SIMPLE)})")
