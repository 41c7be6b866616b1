"""
Parses MFM as the reference (mfm-js 0.26.0) does, node for node, but in linear time.

One pass, without recursion: a pattern jumps to the next token, an opener puts a frame on a stack.
What has no closer swallows the rest of the text as text (so does the reference): nothing but links
and centred blocks is ever gone back for, and for those there is the scout.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from relay.mfm.block import Centered, Quoted, block, search
from relay.mfm.leaf import LEAVES, Token
from relay.mfm.nodes import Center, Fn, Link, Node, Quote, Text
from relay.mfm.scout import Scout
from relay.mfm.source import Source
from relay.mfm.tokens import CENTER, FN, LABEL, OPENERS, SIMPLE_TOKENS, TOP, Kind, Make, tokens

NEST_LIMIT = 20


@dataclass(slots=True)
class _Frame:
    """A body being read: `mark` is the end of the last node, what follows it is text so far."""

    kind: Kind
    depth: int
    label: bool
    search: Callable[[str, int], Token | None]
    make: Make
    start: int
    begin: int
    mark: int
    end: int = 0
    nodes: list[Node] = field(default_factory=list)


class _Reading:
    """One text being read, the note's or a quote's; `quotes` are the nodes still to be filled."""

    def __init__(self, text: str, limit: float, depth: int) -> None:
        self.text = text
        self.source = Source(text, limit)
        self.scout = Scout(self.source)
        find = tokens(TOP, label=False).search
        self.frame = _Frame(TOP, depth, False, find, _top, 0, 0, 0)
        self.frames = [self.frame]
        self.quotes: list[tuple[int, _Reading]] = []

    @property
    def nodes(self) -> list[Node]:
        return self.frames[0].nodes

    def read(self) -> None:
        text, source = self.text, self.source
        pos = self._blocks(0)
        while token := self.frame.search(text, pos):
            name = token.lastgroup or ""
            leaf = LEAVES.get(name)
            if leaf is None:
                pos = _STEPS[name](self, token)
                continue
            node, pos = leaf(source, token, self.frame.depth)
            if node is not None:
                self._add(node, token.start(), pos)
        del self.frames[1:]
        self.frame = self.frames[0]
        self._flush(self.frame, len(text))

    def _flush(self, frame: _Frame, end: int) -> None:
        if end > frame.mark:
            frame.nodes.append(Text(self.text[frame.mark : end]))

    def _add(self, node: Node, start: int, end: int) -> None:
        frame = self.frame
        if start > frame.mark:
            frame.nodes.append(Text(self.text[frame.mark : start]))
        frame.nodes.append(node)
        frame.mark = end

    def _open(self, token: Token) -> int:
        kind, make = OPENERS[token.group()]
        return self._enter(kind, make, token.start(), token.end())

    def _fn(self, token: Token) -> int:
        name, _, args = token.group()[2:-1].partition(".")
        return self._enter(FN, partial(Fn, name, _args(args)), token.start(), token.end())

    def _link(self, token: Token) -> int:
        found = self.scout.link(token, self.frame.depth)
        if found is None:
            return token.end()
        _, url, end = found
        make = partial(Link, token.group() == "?[", url)
        return self._enter(LABEL, make, token.start(), token.end(), end)

    def _enter(self, kind: Kind, make: Make, start: int, begin: int, end: int = 0) -> int:
        """Go into a body; `end` if it is known to close."""
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
        if frame.kind is TOP:
            end = self._block(at)
            return at + 1 if end is None else self._blocks(end)
        self.frames.pop()
        self.frame = self.frames[-1]
        end = self._close(frame, at)
        return self._blocks(end) if frame.kind is CENTER else end

    def _close(self, frame: _Frame, stop: int) -> int:
        """Make a node of a body that stopped here; if that is not its closer it stays text."""
        end = frame.end
        if not end:
            if stop == frame.begin or not self.text.startswith(frame.kind.close, stop):
                return stop
            end = stop + len(frame.kind.close)
        self._flush(frame, stop)
        self._add(frame.make(tuple(frame.nodes)), frame.start, end)
        return end

    def _blocks(self, pos: int) -> int:
        """Take the blocks that begin right here, at the begin of a line."""
        while pos < len(self.text) and self.text[pos] not in "\r\n" and self.frame.kind is TOP:
            end = self._block(pos)
            if end is None:
                break
            pos = end
        return pos

    def _block(self, pos: int) -> int | None:
        """Take the block here, if one begins, and tell where the text goes on."""
        begun = block(self.source, pos)
        if begun is not None and isinstance(begun[0], Centered):
            found = self.scout.center(begun[1], self.frame.depth)
            if found is not None:
                return self._enter(CENTER, Center, pos, begun[1], found[1])
            begun = None
        if begun is None:
            begun = search(self.source, pos)
            if begun is None or self._inline_at(pos):
                return None
        node, end = begun
        if isinstance(node, Quoted):
            self._add(Quote(()), pos, end)
            self.quotes.append((len(self.nodes) - 1, node.text))
        else:
            self._add(node, pos, end)
        return end

    def _inline_at(self, pos: int) -> bool:
        """Tell whether something else than text begins here, and so comes before a search."""
        if self.text[pos] == "\ufe0f":  # to the reference an emoji, that it then makes text
            return True
        token = self.frame.search(self.text, pos)
        if token is None or token.start() > pos or token.lastgroup == "stop":
            return False
        name = token.lastgroup or ""
        if name in LEAVES:
            node, end = LEAVES[name](self.source, token, self.frame.depth)
            return node is not None or end > pos + 1
        return name != "link" or self.scout.link(token, self.frame.depth) is not None


_STEPS: dict[str, Callable[[_Reading, Token], int]] = {
    "open": _Reading._open,
    "fn": _Reading._fn,
    "link": _Reading._link,
    "stop": _Reading._stop,
}


def _args(written: str) -> dict[str, str | bool]:
    pairs = (pair.partition("=") for pair in written.split(",") if pair)
    # The reference collects into a JavaScript object, where this key is no key.
    return {key: value or True for key, _, value in pairs if key != "__proto__"}


def _top(nodes: tuple[Node, ...]) -> Node:
    raise AssertionError("the text itself is never closed")


def parse(text: str, *, nest_limit: float = NEST_LIMIT) -> tuple[Node, ...]:
    """Parse a note's text. No input raises, recurses, or takes more than linear time."""
    readings = [_Reading(text, nest_limit, 0)]
    quotes: list[tuple[_Reading, int, _Reading]] = []
    for reading in readings:
        reading.read()
        for index, quoted in reading.quotes:
            depth = reading.frame.depth + 1
            if depth >= nest_limit:
                reading.nodes[index] = Quote((Text(quoted),))
                continue
            inner = _Reading(quoted, nest_limit, depth)
            quotes.append((reading, index, inner))
            readings.append(inner)
    for outer, index, inner in reversed(quotes):
        outer.nodes[index] = Quote(tuple(inner.nodes))
    return tuple(readings[0].nodes)


def parse_simple(text: str) -> tuple[Node, ...]:
    """Parse a name or a content warning: only emoji and `<plain>` mean something there."""
    source = Source(text, NEST_LIMIT)
    nodes: list[Node] = []
    mark = pos = 0
    while token := SIMPLE_TOKENS.search(text, pos):
        node, pos = LEAVES[token.lastgroup or ""](source, token, 0)
        if node is None:
            continue
        if token.start() > mark:
            nodes.append(Text(text[mark : token.start()]))
        nodes.append(node)
        mark = pos
    if mark < len(text):
        nodes.append(Text(text[mark:]))
    return tuple(nodes)
