"""
Shorten a tree until its rendered form fits.

The cut is made in the tree, so it never breaks markup; it falls between words where there are
words, else between grapheme clusters (https://www.unicode.org/reports/tr29/), never in a link.
"""

from bisect import bisect_right
from collections.abc import Callable

from msgspec.structs import replace

from relay.text.tree import (
    Code,
    Emoji,
    Heading,
    Link,
    Math,
    Node,
    Pre,
    Text,
    Time,
    Tree,
    merged,
    text_of,
)
from relay.text.unicode import cluster_ends

ELLIPSIS: Tree = (Text("…"),)
WORD = 40  # characters within which a blank is looked for

_LEAVES = (Code, Emoji, Heading, Link, Math, Pre, Text, Time)
"""Nodes without children, and nodes that are kept whole or not at all."""

FIRST_SPAN = 1024  # characters; the cut is looked for in spans twice as long each time


def shorten(nodes: Tree, fits: Callable[[Tree], bool], ending: Tree = ELLIPSIS) -> Tree:
    """The longest beginning of ``nodes``, followed by ``ending``, that fits; all if that fits."""
    return nodes if fits(nodes) else beginning(nodes, fits, ending)


def beginning(nodes: Tree, fits: Callable[[Tree], bool], ending: Tree = ELLIPSIS) -> Tree:
    """
    The result of ``shorten`` for a tree that is known not to fit.

    Empty if not even ``ending`` fits.
    """
    nodes = tuple(merged(nodes))
    longest: Tree = ending if fits(ending) else ()
    low, high, most = 0, FIRST_SPAN, _length(nodes)
    while longest and high < most and fits(longer := (*cut(nodes, high), *ending)):
        longest, low, high = longer, high, high * 2
    high = min(high, most) - 1
    while longest and low < high:
        middle = (low + high + 1) // 2
        if fits(longer := (*cut(nodes, middle), *ending)):
            longest, low = longer, middle
        else:
            high = middle - 1
    return longest


def cut(nodes: Tree, length: int) -> Tree:
    """The first ``length`` characters of a tree, or a few less: words and links stay whole."""
    return _taken(nodes, length)[0]


def _taken(nodes: Tree, length: int) -> tuple[Tree, int]:
    """The beginning of a tree, and the characters left over; negative if nodes were dropped."""
    taken: list[Node] = []
    for node in nodes:
        if isinstance(node, _LEAVES):
            whole, left = (node,), length - _size(node)
            part = whole if left >= 0 else _part(node, length)
        else:
            children, left = _taken(node.children, length)
            part = (node,) if left >= 0 else (replace(node, children=children),) * bool(children)
        taken.extend(part)
        if left < 0:
            return tuple(taken), left
        length = left
    return tuple(taken), length


def _length(nodes: Tree) -> int:
    return sum(map(_size, nodes))


def _size(node: Node) -> int:
    match node:
        case Text(text) | Code(text) | Pre(text):
            return len(text)
        case Emoji() | Time():
            return 1
        case Math(formula):
            return len(formula)
        case Link(_, children):
            return max(1, len(text_of(children)))
        case _:
            return _length(node.children)


def _part(node: Node, length: int) -> Tree:
    """The beginning of a leaf that is too long as a whole."""
    if isinstance(node, Text | Code | Pre):
        kept = node.text[: boundary(node.text, length)].rstrip()
        return (replace(node, text=kept),) if kept else ()
    return ()


def boundary(text: str, limit: int) -> int:
    """The last place at or before ``limit`` where a text may be cut."""
    if limit >= len(text):
        return len(text)
    blank = max(text.rfind(char, 0, limit + 1) for char in " \n\u3000")
    if blank > 0 and blank >= limit - WORD:
        return blank
    if text.isascii():
        return limit
    ends = cluster_ends(text)
    return ends[bisect_right(ends, limit) - 1]
