"""Constructs that take whole lines: what begins with a line."""

import re
from dataclasses import dataclass

from relay.mfm.leaves import enclosed
from relay.mfm.nodes import BlockCode, MathBlock, Node, Search
from relay.mfm.tokens import CENTER, LINE_END, NEWLINE, SPACE, Source

# What JavaScript's trim() takes; Python's strip() would take others too.
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
class Quoted:
    """A quote whose lines, without their marks, are still to be parsed."""

    text: str


@dataclass(frozen=True, slots=True)
class Centered:
    """A centred block, if it closes."""


Begun = tuple[Node | Quoted | Centered, int]
"""What begins, and where the text goes on; for a centred block where its body begins."""


def block(source: Source, pos: int) -> Begun | None:
    """Take the block that begins here: at the begin of a line, or at the newline before it."""
    line = _end(_ONE_NEWLINE, source, pos)
    match source.text[line : line + 1]:
        case "<":
            return _center(source, line)
        case "`":
            return _code(source, line)
        case "\\":
            return _math(source, line)
        case ">" | "\r" | "\n":
            return _quote(source, _end(_TWO_NEWLINES, source, pos))
        case _:
            return None


def search(source: Source, pos: int) -> tuple[Search, int] | None:
    """Take the search that this line is, or the line after the newline that is here."""
    button = source.next(_BUTTON, pos)
    if button == len(source.text):
        return None
    line = _end(_ONE_NEWLINE, source, pos)
    if not line < button < _end(_LINE, source, line):
        return None
    end = _end(_LINE, source, button)
    query, content = source.text[line:button], source.text[line:end]
    return Search(query, content), _end(_ONE_NEWLINE, source, end)


def has_search(text: str) -> bool:
    return _BUTTON.search(text) is not None


def _end(pattern: re.Pattern[str], source: Source, pos: int) -> int:
    found = pattern.match(source.text, pos)
    return found.end() if found else pos


def _center(source: Source, line: int) -> Begun | None:
    opened = _CENTER.match(source.text, line)
    if opened is None or source.last(CENTER.close) < opened.end():
        return None
    return Centered(), opened.end()


def _code(source: Source, line: int) -> Begun | None:
    opened = _CODE.match(source.text, line)
    if opened is None:
        return None
    close = source.next(_CODE_CLOSE, opened.end())
    if close in {opened.end(), len(source.text)}:
        return None
    code = BlockCode(source.text[opened.end() : close], opened[1].strip(_JS_SPACES) or None)
    return code, _end(_CODE_END, source, close)


def _math(source: Source, line: int) -> Begun | None:
    if not source.text.startswith("\\[", line):
        return None
    inside = enclosed(source, line + 2, "\\]")
    closed = inside and _MATH_END.match(source.text, inside[1])
    return (MathBlock(inside[0]), closed.end()) if inside and closed else None


def _quote(source: Source, line: int) -> Begun | None:
    found = _QUOTE.match(source.text, line)
    if found is None:
        return None
    lines = _QUOTE_LINE.findall(source.text, line, found.end())
    if lines == [""]:
        return None
    return Quoted("\n".join(lines)), _end(_TWO_NEWLINES, source, found.end())
