"""
Parses MFM as the reference (mfm-js 0.26.0) does, node for node, but in linear time.

Nothing recurses: quotes, whose lines are texts of their own, wait in a list for their turn.
"""

from relay.mfm.leaf import LEAVES
from relay.mfm.nodes import Node, Quote, Text
from relay.mfm.reading import Reading
from relay.mfm.source import Source
from relay.mfm.tokens import SIMPLE_TOKENS

NEST_LIMIT = 20


def parse(text: str, *, nest_limit: int = NEST_LIMIT) -> tuple[Node, ...]:
    """Parse a note's text. What nests deeper than the limit is text."""
    readings = [Reading(text, nest_limit, 0)]
    quotes: list[tuple[Reading, int, Reading]] = []
    for outer in readings:
        outer.read()
        depth = outer.depth + 1
        for index, quoted in outer.quotes:
            if depth >= nest_limit:
                outer.nodes[index] = Quote((Text(quoted),))
                continue
            inner = Reading(quoted, nest_limit, depth)
            readings.append(inner)
            quotes.append((outer, index, inner))
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
