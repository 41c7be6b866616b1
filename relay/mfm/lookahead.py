"""
Finds out whether a link or a centred block closes, before the parser enters it.

These two are all-or-nothing in MFM: without their end they are plain text, and their inside is
parsed again. So their end is found first, without making nodes, and the result is remembered for
every place passed: no place is passed twice in the same state, whatever the input.
"""

import re
from dataclasses import dataclass, field

from relay.mfm.leaves import LEAVES, Token
from relay.mfm.nodes import MfmUrl
from relay.mfm.tokens import (
    CENTER,
    FN,
    LABEL,
    LINE_END,
    LINKS,
    NEWLINE,
    OPENERS,
    Construct,
    IndexedText,
    pattern,
    places,
    tokens,
)

_ADDRESS = re.compile(pattern({"angle", "url"}))
_CENTER_CLOSE = re.compile(f"{NEWLINE}?</center>{LINE_END}{NEWLINE}?")


# Tokens are searched one by one within this many lengths of the text: no real author needs more.
_SEARCH_BUDGET = 4


@dataclass(slots=True)
class _Body:
    """A body being passed: `seen` are its tokens so far, `known` where those of others led."""

    kind: Construct
    depth: int
    label: bool
    start: int
    begin: int
    known: dict[int, int]
    seen: list[int] = field(default_factory=list)


class Lookahead:
    __slots__ = ("_known", "_search_budget", "_tails", "source")

    def __init__(self, source: IndexedText) -> None:
        self.source = source
        self._known: dict[tuple[Construct, int, bool], dict[int, int]] = {}
        self._tails: dict[tuple[int, int], tuple[int, str, int] | None] = {}
        self._search_budget = _SEARCH_BUDGET * len(source.text)

    def link(self, token: Token, depth: int) -> tuple[int, str, int] | None:
        """Find where the label stops, the address, and where the link ends; None if it is none."""
        begin = token.end()
        if self.source.last("](") < begin:
            return None
        stop = self._stop(LABEL, begin, depth, label=True)
        return None if stop == begin else self._tail(stop, depth)

    def center(self, begin: int, depth: int) -> tuple[int, int] | None:
        """Find where the body stops and the block ends; None if it does not close."""
        stop = self._stop(CENTER, begin, depth, label=False)
        closed = _CENTER_CLOSE.match(self.source.text, stop)
        return None if stop == begin or closed is None else (stop, closed.end())

    def _tail(self, stop: int, depth: int) -> tuple[int, str, int] | None:
        """Read the address after a label that stopped here."""
        if not self.source.text.startswith("](", stop):
            return None
        key = (stop, depth)
        if key not in self._tails:
            self._tails[key] = self._address(stop, depth)
        return self._tails[key]

    def _address(self, stop: int, depth: int) -> tuple[int, str, int] | None:
        token = _ADDRESS.match(self.source.text, stop + 2)
        if token is None:
            return None
        node, end = LEAVES[token.lastgroup or ""](self.source, token, depth)
        if not isinstance(node, MfmUrl) or not self.source.text.startswith(")", end):
            return None
        return stop, node.url, end + 1

    def _stop(self, kind: Construct, begin: int, depth: int, *, label: bool) -> int:
        """Find where a body of `kind` beginning here, in a construct at `depth`, stops."""
        if depth + 1 >= self.source.limit:
            return self.source.next(kind.ahead, begin)
        bodies = [self._body(kind, begin, begin, depth + 1, label=label)]
        pos = begin
        while True:
            body = bodies[-1]
            token = self._next(body, pos)
            at = token.start() if token else len(self.source.text)
            if at in body.known:
                stop = body.known[at]
            elif token is None or token.lastgroup == "stop":
                stop = at
            else:
                body.seen.append(at)
                pos = self._pass(token, bodies)
                continue
            body.known.update(dict.fromkeys(body.seen, stop))
            bodies.pop()
            if not bodies:
                return stop
            pos = self._after(body, stop)

    def _body(self, kind: Construct, start: int, begin: int, depth: int, *, label: bool) -> _Body:
        known = self._known.setdefault((kind, depth, label), {})
        return _Body(kind, depth, label, start, begin, known)

    def _next(self, body: _Body, pos: int) -> Token | None:
        """Find the next token; after much searching, by a list of all places."""
        find = tokens(body.kind, label=body.label)
        if self._search_budget > 0:
            token = find.search(self.source.text, pos)
            self._search_budget -= (token.start() if token else len(self.source.text)) - pos
            return token
        at = self.source.next(places(body.kind, label=body.label), pos)
        return find.match(self.source.text, at)

    def _pass(self, token: Token, bodies: list[_Body]) -> int:
        """Go over a leaf, or into the body of an opener."""
        outer = bodies[-1]
        name = token.lastgroup or ""
        if name in LEAVES:
            return LEAVES[name](self.source, token, outer.depth)[1]
        if name in LINKS:
            kind, label = LABEL, True
        else:
            kind, label = FN if name == "fn" else OPENERS[token.group()][0], outer.label
        body = self._body(kind, token.start(), token.end(), outer.depth + 1, label=label)
        if not kind.line and self.source.last(kind.close) < body.begin:
            return len(self.source.text)
        if body.depth >= self.source.limit:
            return self._after(body, self.source.next(kind.ahead, body.begin))
        bodies.append(body)
        return body.begin

    def _after(self, body: _Body, stop: int) -> int:
        """Find where the text goes on after a body that stopped here."""
        if body.kind is LABEL:
            link = None if stop == body.begin else self._tail(stop, body.depth - 1)
            return body.start + 1 if link is None else link[2]
        if stop > body.begin and self.source.text.startswith(body.kind.close, stop):
            return stop + len(body.kind.close)
        return stop
