"""The text being parsed with an index of its closers, and the patterns of its tokens."""

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from relay.mfm import emoji
from relay.mfm.nodes import MfmBold, MfmFn, MfmItalic, MfmNode, MfmSmall, MfmStrike


class IndexedText:
    """A text, how deep constructs may nest in it, and where the next closer of a kind stands."""

    __slots__ = ("_last", "_places", "limit", "text")

    def __init__(self, text: str, limit: int) -> None:
        self.text = text
        self.limit = limit
        self._last: dict[str, int] = {}
        self._places: dict[str, list[int]] = {}

    def next(self, pattern: re.Pattern[str], pos: int) -> int:
        """
        Find where `pattern` matches next, at `pos` or later; the end of the text if nowhere.

        All places are looked up once: thousands of openers without a closer cost one search.
        """
        places = self._places.get(pattern.pattern)  # a pattern itself hashes slowly
        if places is None:
            places = [match.start() for match in pattern.finditer(self.text)]
            places.append(len(self.text))
            self._places[pattern.pattern] = places
        return places[bisect_left(places, pos)]

    def last(self, closer: str) -> int:
        """Find where `closer` stands for the last time; -1 if nowhere."""
        place = self._last.get(closer)
        if place is None:
            place = self._last[closer] = self.text.rfind(closer)
        return place


NEWLINE = r"(?:\r\n|[\r\n])"
LINE_END = r"(?=[\r\n]|\Z)"
SPACE = " \u3000\t"
WORD = "A-Za-z0-9"

Make = Callable[[tuple[MfmNode, ...]], MfmNode]


@dataclass(frozen=True, slots=True, eq=False)
class Construct:
    """A construct that holds others: its closer, and the pattern of where its body ends anyhow."""

    close: str
    stop: str
    ahead: re.Pattern[str]
    line: bool
    """Its body ends with the line, not only at the closer."""


def _construct(close: str, stop: str = "", *, line: bool = False) -> Construct:
    stop = stop or re.escape(close) + (r"|[\r\n]" if line else "")
    return Construct(close, stop, re.compile(f"(?={stop})"), line)


def _tada(children: tuple[MfmNode, ...]) -> MfmNode:
    return MfmFn("tada", {}, children)


OPENERS: dict[str, tuple[Construct, Make]] = {
    "<b>": (_construct("</b>"), MfmBold),
    "<i>": (_construct("</i>"), MfmItalic),
    "<s>": (_construct("</s>"), MfmStrike),
    "<small>": (_construct("</small>"), MfmSmall),
    "***": (_construct("***"), _tada),
    "**": (_construct("**"), MfmBold),
    "~~": (_construct("~~", line=True), MfmStrike),
}
FN = _construct("]")
LABEL = _construct("]", line=True)
CENTER = _construct("</center>", f"{NEWLINE}?</center>")
TOP = _construct("", rf"{NEWLINE}(?=[<`\\]|{NEWLINE}?>)")
"""The text itself, or a quote's: lines may begin blocks there."""
SEARCHED = _construct("", r"[\r\n]")
"""The same, if it has a search button: any line may be a search."""

_ARG = r"[A-Za-z0-9_]++(?:=[A-Za-z0-9_.-]++)?+"
_FN = rf"[A-Za-z0-9_]++(?:\.{_ARG}(?:,{_ARG})*+)?+"
_NAME = r"[A-Za-z0-9_.-]++"

# The beginning of a token is separate: `re` rejects an alternative quickly by a leading literal.
TOKENS = {
    "keycap": ("[#*0-9]", emoji.KEYCAP),
    "tag": ("<", "(?:b|i|s|small)>"),
    "plain": ("<", "plain>"),
    "angle": ("<", "https?://"),
    "star": (r"\*", r"\*\*?"),
    "wave": ("~", "~"),
    "link": (r"\[", ""),
    "silent": (r"\?", r"\["),
    "emoji": (":", f"[{WORD}_+-]++:(?![{WORD}])"),
    "mention": ("@", f"(?<![{WORD}]@){_NAME}(?:@{_NAME})?+"),
    "hashtag": ("#", f"(?<![{WORD}]#)"),
    "url": ("h", "ttps?://"),
    "asterisk": (r"\*", rf"(?<![{WORD}]\*)[{WORD}{SPACE}]++\*"),
    "under": ("_", f"_[{WORD}{SPACE}]++__"),
    "underscore": ("_", f"(?<![{WORD}]_)[{WORD}{SPACE}]++_"),
    "code": ("`", "[^`´\r\n]++`"),
    "math": (r"\\", r"\("),
    "fn": (r"\$", rf"\[{_FN} "),
    "skip": (r"\$", rf"\[(?:{_FN})?+"),
    "picture": ("", emoji.PICTURE),
}
LINKS = {"link", "silent"}
NOT_IN_LABELS = {"angle", "mention", "hashtag", "url"} | LINKS
SIMPLE = {"keycap", "picture", "emoji", "plain"}

_BEGINS = rf"(?=[<*~_`\\$@#:?h0-9\[\]\r\n{emoji.STARTS}])"


def pattern(names: set[str]) -> str:
    tokens = ((name, *parts) for name, parts in TOKENS.items() if name in names)
    return "|".join(f"{lead}(?P<{name}>{rest})" for name, lead, rest in tokens)


@cache
def tokens(kind: Construct, *, label: bool) -> re.Pattern[str]:
    """The pattern for the next token of a body; `label`: within a link's label."""
    names = set(TOKENS)
    if label:
        names -= NOT_IN_LABELS
    # These are text, but the lookahead went in after them: the parser has to stop there as well.
    passed = r"\[(?P<passed>)" if label else "<(?P<passed>)(?=center>)"
    return re.compile(f"{_BEGINS}(?:(?P<stop>{kind.stop})|{pattern(names)}|{passed})")


@cache
def places(kind: Construct, *, label: bool) -> re.Pattern[str]:
    """The same pattern without width, for `IndexedText.next`: it finds overlapping tokens too."""
    return re.compile(f"(?={tokens(kind, label=label).pattern})")


SIMPLE_TOKENS = re.compile(_BEGINS + f"(?:{pattern(SIMPLE)})")
