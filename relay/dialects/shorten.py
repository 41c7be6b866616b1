"""
Shorten a tree until its rendered form fits.

The cut is made in the tree, so it never breaks markup; it falls between words where there are
words, else between grapheme clusters (https://www.unicode.org/reports/tr29/), never in a link.
"""

from collections.abc import Callable
from dataclasses import replace

import regex

from relay.tree import Code, Emoji, Heading, Link, Math, Node, Pre, Text, Time, Tree, text_of

ELLIPSIS: Tree = (Text("…"),)
WORD = 40  # characters within which a blank is looked for
CLUSTER = 256  # characters of a grapheme cluster at most; more is no letter of any script

_CLUSTER = regex.compile(r"\X")


def shorten(nodes: Tree, fits: Callable[[Tree], bool], ending: Tree = ELLIPSIS) -> Tree:
    """
    The longest beginning of ``nodes``, followed by ``ending``, that fits; all of it if that fits.

    Where not even ``ending`` fits nothing is left.
    """
    if fits(nodes):
        return nodes
    low, high = 0, _length(nodes)
    while low < high:
        middle = (low + high + 1) // 2
        if fits((*cut(nodes, middle), *ending)):
            low = middle
        else:
            high = middle - 1
    found = (*cut(nodes, low), *ending)
    return found if fits(found) else ()


def cut(nodes: Tree, length: int) -> Tree:
    """The first ``length`` characters of a tree, or a few less: words and links stay whole."""
    found: list[Node] = []
    for node in nodes:
        size = _size(node)
        if size <= length:
            found.append(node)
            length -= size
            continue
        if (part := _part(node, length)) is not None:
            found.append(part)
        break
    return tuple(found)


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


def _part(node: Node, length: int) -> Node | None:
    """The beginning of a node that is too long as a whole."""
    match node:
        case Text(text) | Code(text) | Pre(text):
            kept = text[: boundary(text, length)].rstrip()
            return replace(node, text=kept) if kept else None
        case Emoji() | Time() | Math() | Link() | Heading():
            return None
        case _:
            children = cut(node.children, length)
            return replace(node, children=children) if children else None


def boundary(text: str, limit: int) -> int:
    """The last place at or before ``limit`` where a text may be cut."""
    blank = max(text.rfind(" ", 0, limit + 1), text.rfind("\n", 0, limit + 1))
    if blank > 0 and blank >= limit - WORD:
        return blank
    start = max(0, limit - CLUSTER)
    ends = [start + match.end() for match in _CLUSTER.finditer(text, start, limit + CLUSTER)]
    return max((end for end in ends if end <= limit), default=0 if start == 0 else start)
