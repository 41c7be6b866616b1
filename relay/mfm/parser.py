"""
Parses one text: a pattern jumps from token to token, an opener puts a frame on the stack.

An opener without a closer makes the rest of the text plain, as in the reference. Only links and
centred blocks would need backtracking, and the lookahead decides about those first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from relay.mfm.leaves import LEAVES, OpenCenter, OpenQuote, Token, block, has_search, search
from relay.mfm.lookahead import Lookahead
from relay.mfm.nodes import MfmCenter, MfmFn, MfmLink, MfmNode, MfmQuote, MfmText
from relay.mfm.tokens import (
    CENTER,
    FN,
    LABEL,
    LINKS,
    OPENERS,
    SEARCHED,
    SIMPLE_TOKENS,
    TOP,
    Construct,
    IndexedText,
    Make,
    tokens,
)

_BLOCK_BEGINS = re.compile(r"[<>`\\]")
_LINE_BEGINS = re.compile(r"[^\r\n]")


@dataclass(slots=True)
class _Frame:
    """A body being read: `mark` is the end of the last node, the rest is text so far."""

    kind: Construct
    depth: int
    label: bool
    search: Callable[[str, int], Token | None]
    make: Make
    start: int
    begin: int
    mark: int
    end: int = 0
    nodes: list[MfmNode] = field(default_factory=list)


class MfmParser:
    """A text, the note's or a quote's; `quotes` are the nodes whose texts are still to be read."""

    def __init__(self, text: str, limit: int, depth: int) -> None:
        self.text = text
        self.source = IndexedText(text, limit)
        self.lookahead = Lookahead(self.source)
        self.depth = depth
        kind = SEARCHED if has_search(text) else TOP
        find = tokens(kind, label=False).search
        self.top = self.frame = _Frame(kind, depth, False, find, MfmQuote, 0, 0, 0)
        self.frames = [self.top]
        self.nodes = self.top.nodes
        self.quotes: list[tuple[int, str]] = []

    def read(self) -> None:
        pos = self._blocks(0)
        frame = self.frame
        while token := frame.search(self.text, pos):
            name = token.lastgroup or ""
            if name in _STEPS:
                pos = _STEPS[name](self, token)
                frame = self.frame
                continue
            node, pos = LEAVES[name](self.source, token, frame.depth)
            if node is not None:
                self._add(node, token.start(), pos)
        self._flush(self.top, len(self.text))

    def _flush(self, frame: _Frame, end: int) -> None:
        if end > frame.mark:
            frame.nodes.append(MfmText(self.text[frame.mark : end]))

    def _add(self, node: MfmNode, start: int, end: int) -> None:
        frame = self.frame
        if start > frame.mark:
            frame.nodes.append(MfmText(self.text[frame.mark : start]))
        frame.nodes.append(node)
        frame.mark = end

    def _open(self, token: Token) -> int:
        kind, make = OPENERS[token.group()]
        return self._enter(kind, make, token.start(), token.end())

    def _fn(self, token: Token) -> int:
        name, _, args = token.group()[2:-1].partition(".")
        return self._enter(FN, partial(MfmFn, name, _args(args)), token.start(), token.end())

    def _link(self, token: Token) -> int:
        link = self.lookahead.link(token, self.frame.depth)
        if link is None:
            return token.end()
        _, url, end = link
        make = partial(MfmLink, token.group() == "?[", url)
        return self._enter(LABEL, make, token.start(), token.end(), end)

    def _enter(self, kind: Construct, make: Make, start: int, begin: int, end: int = 0) -> int:
        """Enter a body; `end` is where it closes, if that is known."""
        if not (end or kind.line) and self.source.last(kind.close) < begin:
            return len(self.text)
        outer = self.frame
        label = outer.label or kind is LABEL
        find = tokens(kind, label=label).search
        frame = _Frame(kind, outer.depth + 1, label, find, make, start, begin, begin, end)
        if frame.depth >= self.source.limit:
            return self._close(frame, self.source.next(kind.ahead, begin))
        self.frames.append(frame)
        self.frame = frame
        return begin

    def _stop(self, token: Token) -> int:
        frame = self.frame
        at = token.start()
        if frame is self.top:
            end = self._block(at)
            return at + 1 if end is None else self._blocks(end)
        self.frames.pop()
        self.frame = self.frames[-1]
        end = self._close(frame, at)
        return self._blocks(end) if frame.kind is CENTER else end

    def _close(self, frame: _Frame, stop: int) -> int:
        """Make a node of a body that stopped at its closer; without the closer it stays text."""
        end = frame.end
        if not end:
            if stop == frame.begin or not self.text.startswith(frame.kind.close, stop):
                return stop
            end = stop + len(frame.kind.close)
        self._flush(frame, stop)
        self._add(frame.make(tuple(frame.nodes)), frame.start, end)
        return end

    def _blocks(self, pos: int) -> int:
        """Take the blocks that begin here, at the start of a line."""
        begins = _BLOCK_BEGINS if self.top.kind is TOP else _LINE_BEGINS
        while self.frame is self.top and begins.match(self.text, pos):
            end = self._block(pos)
            if end is None:
                break
            pos = end
        return pos

    def _block(self, pos: int) -> int | None:
        """Take the block that begins here, if any, and return where the text goes on."""
        begun = block(self.source, pos)
        if begun is None:
            return self._search(pos)
        node, end = begun
        match node:
            case OpenCenter():
                center = self.lookahead.center(end, self.depth)
                if center is None:
                    return self._search(pos)
                return self._enter(CENTER, MfmCenter, pos, end, center[1])
            case OpenQuote(text):
                self._add(MfmQuote(()), pos, end)
                self.quotes.append((len(self.nodes) - 1, text))
            case _:
                self._add(node, pos, end)
        return end

    def _search(self, pos: int) -> int | None:
        """Take this line as a search, if it is one: the last thing to try before text."""
        match = search(self.source, pos)
        if match is None or self._inline_at(pos):
            return None
        self._add(match[0], pos, match[1])
        return match[1]

    def _inline_at(self, pos: int) -> bool:
        """Whether a node other than text begins here, which takes precedence over a search."""
        if self.text[pos] == "\ufe0f":  # to the reference an emoji, that it then makes text
            return True
        token = self.frame.search(self.text, pos)
        if token is None or token.start() > pos or token.lastgroup == "stop":
            return False
        name = token.lastgroup or ""
        if name in LEAVES:
            node, end = LEAVES[name](self.source, token, self.frame.depth)
            return node is not None or end > pos + 1
        return name not in LINKS or self.lookahead.link(token, self.frame.depth) is not None


_STEPS: dict[str, Callable[[MfmParser, Token], int]] = {
    "tag": MfmParser._open,
    "star": MfmParser._open,
    "wave": MfmParser._open,
    "fn": MfmParser._fn,
    "link": MfmParser._link,
    "silent": MfmParser._link,
    "stop": MfmParser._stop,
}


def _args(written: str) -> dict[str, str | bool]:
    pairs = (pair.partition("=") for pair in written.split(",") if pair)
    # The reference collects into a JavaScript object, where this key cannot be set.
    return {key: value or True for key, _, value in pairs if key != "__proto__"}


NEST_LIMIT = 20


def parse(text: str, *, nest_limit: int = NEST_LIMIT) -> tuple[MfmNode, ...]:
    """Parse a note's text; constructs nested deeper than the limit stay text."""
    readings = [MfmParser(text, nest_limit, 0)]
    quotes: list[tuple[MfmParser, int, MfmParser]] = []
    for outer in readings:
        outer.read()
        depth = outer.depth + 1
        for index, quoted in outer.quotes:
            if depth >= nest_limit:
                outer.nodes[index] = MfmQuote((MfmText(quoted),))
                continue
            inner = MfmParser(quoted, nest_limit, depth)
            readings.append(inner)
            quotes.append((outer, index, inner))
    for outer, index, inner in reversed(quotes):
        outer.nodes[index] = MfmQuote(tuple(inner.nodes))
    return tuple(readings[0].nodes)


def parse_simple(text: str) -> tuple[MfmNode, ...]:
    """Parse a name or a content warning: only emoji and `<plain>` mean something there."""
    source = IndexedText(text, NEST_LIMIT)
    nodes: list[MfmNode] = []
    mark = pos = 0
    while token := SIMPLE_TOKENS.search(text, pos):
        node, pos = LEAVES[token.lastgroup or ""](source, token, 0)
        if node is None:
            continue
        if token.start() > mark:
            nodes.append(MfmText(text[mark : token.start()]))
        nodes.append(node)
        mark = pos
    if mark < len(text):
        nodes.append(MfmText(text[mark:]))
    return tuple(nodes)
