"""
The rich-text tree, between what authors write and what chats read.

Leaves hold literal text; markup writers escape there and nowhere else, once.
A tree is a tuple of nodes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from operator import is_

from msgspec import Struct
from msgspec.structs import replace

from relay.text.unicode import is_visible, with_few_marks


class Style(StrEnum):
    """How a span of text looks; the values are the tags of the HTML subset."""

    BOLD = "b"
    ITALIC = "i"
    UNDERLINE = "u"
    STRIKE = "s"
    SMALL = "small"
    SPOILER = "spoiler"


class Text(Struct, frozen=True):
    """Literal text; a newline in it is a line break."""

    text: str


class Styled(Struct, frozen=True):
    """A span in one style."""

    style: Style
    children: "Tree"


class Code(Struct, frozen=True):
    """A span of code."""

    text: str


class Pre(Struct, frozen=True):
    """Lines of code."""

    text: str
    language: str = ""


class Math(Struct, frozen=True):
    """A TeX formula, in the line or (``block``) on lines of its own."""

    formula: str
    block: bool = False


class Quote(Struct, frozen=True):
    """A quotation, set off from the text around it."""

    children: "Tree"


class Center(Struct, frozen=True):
    """Centred lines."""

    children: "Tree"


class Heading(Struct, frozen=True):
    """A line above others; in the block ``fields`` it begins a field."""

    children: "Tree"


class Colored(Struct, frozen=True):
    """A span in colors of ``#rrggbb``; empty: unchanged."""

    children: "Tree"
    foreground: str = ""
    background: str = ""


class LabelSource(StrEnum):
    """The author of a link's label, which decides how far readers may trust it."""

    USER = "user"
    """An author, in a note or a profile: the label may lie about where the link leads."""
    RELAY = "relay"
    """Relay itself: a mention, a hashtag, a person's name next to the handle."""
    FILE = "file"
    """The file that the link leads to: its name."""


class Link(Struct, frozen=True):
    """A link to the web; markup writers pass it through ``honest`` so that no label deceives."""

    url: str
    children: "Tree"
    source: LabelSource = LabelSource.USER


class Emoji(Struct, frozen=True):
    """A server's own emoji ``:name:``, with the address of its picture if that is known."""

    name: str
    url: str | None = None
    code: str = ""
    """The chat's own code for it: ``<:name:id>``, a name, ``mxc://…``; empty if there is none."""


class Time(Struct, frozen=True):
    """A moment (Unix milliseconds) that chats show in the reader's own time if they can."""

    at: int
    words: str = ""
    """The moment in words, for chats that cannot."""


Parent = Styled | Quote | Center | Heading | Colored | Link
Node = Text | Code | Pre | Math | Emoji | Time | Parent
Tree = tuple[Node, ...]
_PARENTS = (Styled, Quote, Center, Heading, Colored, Link)

SHORT = 300  # characters; a name or a line is cleaned more than once
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Characters that rearrange or hide the text around them (controls, marks of direction, and the
# tags that once named languages, but for those that make a flag of Scotland out of a black one),
# and halves of characters. https://www.unicode.org/reports/tr9/, https://trojansource.codes
_HARMFUL = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f)"
    "|[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """Text without what rearranges the line, is drawn over others, or is accepted by no chat."""
    if text.isascii() and text.isprintable():
        return text
    return _cleaned(text) if len(text) <= SHORT else _cleaned.__wrapped__(text)


@lru_cache(256)
def _cleaned(text: str) -> str:
    if not text.isprintable():  # nearly all texts are, and nothing harmful is
        text = _HARMFUL.sub(r"\1", _NEWLINE.sub("\n", text))
    return with_few_marks(text)


def merged(nodes: Iterable[Node]) -> Iterator[Node]:
    """The same nodes, with neighbouring texts as one."""
    if isinstance(nodes, tuple) and len(nodes) < 2:  # most trees: a name, a title
        yield from nodes
        return
    for kind, group in groupby(nodes, type):
        if kind is Text:
            yield Text(text_of(group))
        else:
            yield from group


def _same_or(nodes: Tree, changed: Tree) -> Tree:
    """The nodes themselves, if nothing has changed."""
    is_same = len(changed) == len(nodes) and all(map(is_, changed, nodes))
    return nodes if is_same else changed


def _with_children(node: Parent, children: Tree) -> Node:
    """The node with other children; itself if they are the same."""
    same = _same_or(node.children, children)
    return node if same is node.children else replace(node, children=children)


def mapped(nodes: Tree, change: Callable[[Node], Node]) -> Tree:
    """The same tree with ``change`` applied to every leaf."""
    changed = tuple(
        _with_children(node, mapped(node.children, change))
        if isinstance(node, _PARENTS)
        else change(node)
        for node in nodes
    )
    return _same_or(nodes, changed)


def relinked(nodes: Tree, change: Callable[[Link], Tree]) -> Tree:
    """The same tree with each link replaced by the result of ``change``."""
    changed: list[Node] = []
    for node in nodes:
        if isinstance(node, Link):
            changed.extend(change(node))
        elif isinstance(node, _PARENTS):
            changed.append(_with_children(node, relinked(node.children, change)))
        else:
            changed.append(node)
    return _same_or(nodes, tuple(changed))


def stripped(nodes: Tree) -> Tree:
    """A tree without blank text at its two ends."""
    rest = list(nodes)
    while rest and isinstance(rest[0], Text):
        rest[0] = Text(rest[0].text.lstrip())
        if rest[0].text:
            break
        del rest[0]
    while rest and isinstance(rest[-1], Text):
        rest[-1] = Text(rest[-1].text.rstrip())
        if rest[-1].text:
            break
        del rest[-1]
    return tuple(rest)


def on_one_line(nodes: Tree) -> Tree:
    """The same tree without line breaks: no name or title begins a line of its own."""
    return tuple(_inline(nodes))


def _inline(nodes: Tree) -> Iterator[Node]:
    for node in nodes:
        match node:
            case Text(text):
                yield node if text.isprintable() else Text(re.sub(r"\s+", " ", text))
            case Code(text) | Pre(text):
                yield Code(" ".join(text.split()))
            case Math(formula):
                yield Math(" ".join(formula.split()))
            case Quote(children) | Center(children):
                yield from _inline(children)
            case Heading(children):
                yield Styled(Style.BOLD, on_one_line(children))
            case Styled() | Colored() | Link():
                yield _with_children(node, on_one_line(node.children))
            case _:
                yield node


BLANK_LINES = 1  # in a row; a wall of them pushes away what stands around it


def folded(nodes: Tree) -> Tree:
    """The same tree with at most ``BLANK_LINES`` in a row, except in code."""
    return _Folding().tree(nodes)


class _Folding:
    """Counts the line breaks since the last visible character."""

    def __init__(self) -> None:
        self.breaks = BLANK_LINES + 1

    def tree(self, nodes: Tree) -> Tree:
        return tuple(map(self._node, nodes))

    def _node(self, node: Node) -> Node:
        match node:
            case Text(text) if text.isprintable() and is_visible(text):
                self.breaks = 0
                return node
            case Text(text):
                return Text(self._text(text))
            case Quote() | Center() | Heading() if not is_visible(text_of(node.children)):
                return Text(self._text("\n") if not self.breaks else "")
            case Quote() | Center() | Heading():
                self.breaks = BLANK_LINES + 1
                changed = replace(node, children=self.tree(node.children))
                self.breaks = 1
                return changed
            case Styled() | Colored() | Link():
                return _with_children(node, self.tree(node.children))
            case Pre() | Math(block=True):
                self.breaks = 1
                return node
            case _:
                self.breaks = 0
                return node

    def _text(self, text: str) -> str:
        first, *others = _NEWLINE.sub("\n", text).split("\n")
        parts = [self._line(first, is_last=not others)]
        for left, line in zip(range(len(others) - 1, -1, -1), others, strict=True):
            if self.breaks <= BLANK_LINES:
                parts.append("\n")
                self.breaks += 1
            parts.append(self._line(line, is_last=not left))
        return "".join(parts)

    def _line(self, line: str, *, is_last: bool) -> str:
        """A part of a text between line breaks; the last may go on in the next node."""
        if is_visible(line):
            self.breaks = 0
            return line
        return line if is_last else ""


def text_of(nodes: Iterable[Node]) -> str:
    """All literal text of a tree, without its markup."""
    return "".join(map(_text_of, nodes))


def _text_of(node: Node) -> str:
    match node:
        case Text(text) | Code(text) | Pre(text):
            return text
        case Math(formula):
            return formula
        case Emoji(name):
            return f":{name}:"
        case Time(at):
            return str(at)
        case _:
            return text_of(node.children)
