"""
Flattens a tree into blocks of runs, each run a leaf with all the styles around it.

For chats whose markup does not nest as freely as a tree: each mark begins and ends with its run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from relay.text.links import honest
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    Link,
    Math,
    Node,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    Tree,
    clean,
    merged,
    text_of,
)

Styles = frozenset[Style]


Leaf = Text | Code | Time | Link | Emoji
_LITERAL = (Text, Code)


class Run(NamedTuple):
    """A leaf in its styles; its texts are clean, and its link, if it is one, may be followed."""

    leaf: Leaf
    styles: Styles = frozenset()


@dataclass(slots=True)
class Block:
    """Lines on their own: text, or (``pre``) code; ``quoted`` if they are inside a quote."""

    runs: list[Run] = field(default_factory=list)
    quoted: bool = False
    pre: Pre | None = None
    styles: Styles = frozenset()
    """Those of ``pre``."""


def bare(nodes: Tree) -> str | None:
    """The clean text of a tree that has nothing else, as a name or a title; None: it has more."""
    if len(nodes) == 1 and isinstance(node := nodes[0], Text):
        return clean(node.text)
    return None if nodes else ""


def blocks(nodes: Tree, *, hidden: str = "") -> list[Block]:
    """The blocks of a tree; ``hidden``, unless empty, replaces the content of spoilers."""
    flow = _Flow(hidden)
    flow.write(nodes, frozenset(), quoted=False)
    return [block for block in flow.blocks if block.runs or block.pre]


def line(nodes: Tree, styles: Styles = frozenset(), *, hidden: str = "") -> list[Run]:
    """The runs of a tree in one line."""
    runs: list[Run] = []
    for block in blocks(nodes, hidden=hidden):
        if runs:
            runs.append(Run(Text(" ")))
        if block.pre is not None:
            runs.append(Run(Code(block.pre.text), block.styles))
        runs += block.runs
    return [Run(_on_one_line(run.leaf), run.styles | styles) for run in runs]


def _on_one_line(leaf: Leaf) -> Leaf:
    if isinstance(leaf, _LITERAL) and "\n" in leaf.text:
        return type(leaf)(leaf.text.replace("\n", " "))
    return leaf


def lines(runs: list[Run]) -> Iterator[list[Run]]:
    """The runs of each line; a line break is only ever in a text."""
    runs_of_line: list[Run] = []
    for run in runs:
        if not isinstance(run.leaf, Text):
            runs_of_line.append(run)
            continue
        first, *rest = run.leaf.text.split("\n")
        runs_of_line.append(Run(Text(first), run.styles))
        for text in rest:
            yield runs_of_line
            runs_of_line = [Run(Text(text), run.styles)]
    yield runs_of_line


class _Flow:
    def __init__(self, hidden: str) -> None:
        self.blocks: list[Block] = []
        self.hidden = hidden
        self._begins = True

    def write(self, nodes: Tree, styles: Styles, *, quoted: bool) -> None:
        for node in merged(nodes):
            self._node(node, styles, quoted)

    def _node(self, node: Node, styles: Styles, quoted: bool) -> None:
        match node:
            case Text(text):
                self._add(Text(clean(text)), styles, quoted)
            case Emoji(code=code) if code:
                self._add(node, styles, quoted)
            case Emoji(name):
                self._add(Text(f":{clean(name)}:"), styles, quoted)
            case Code(text) | Math(text, block=False):
                self._add(Code(clean(text).replace("\n", " ")), styles, quoted)
            case Time():
                self._add(node, styles, quoted)
            case Link():
                link = honest(node)
                if isinstance(link, Link):
                    self._add(link, styles, quoted)
                else:
                    self.write(link, styles, quoted=quoted)
            case Styled(Style.SPOILER, children) if self.hidden:
                text = self.hidden if clean(text_of(children)).strip() else ""
                self._add(Text(text), styles, quoted)
            case Styled(style, children):
                self.write(children, styles | {style}, quoted=quoted)
            case Colored(children):
                self.write(children, styles, quoted=quoted)
            case Heading(children):
                self._own_lines(children, styles | {Style.BOLD}, quoted)
            case Center(children):
                self._own_lines(children, styles, quoted)
            case Quote(children):  # none of these chats has quotes in quotes
                self._own_lines(children, styles, quoted=True)
            case Pre(text, language):
                self._pre(Pre(clean(text).strip("\n"), language), styles, quoted)
            case Math(formula):
                self._pre(Pre(clean(formula).strip("\n"), "tex"), styles, quoted)

    def _own_lines(self, children: Tree, styles: Styles, quoted: bool) -> None:
        self._begins = True
        self.write(children, styles, quoted=quoted)
        self._begins = True

    def _pre(self, pre: Pre, styles: Styles, quoted: bool) -> None:
        if pre.text.strip():
            self.blocks.append(Block(quoted=quoted, pre=pre, styles=styles))
        self._begins = True

    def _add(self, leaf: Leaf, styles: Styles, quoted: bool) -> None:
        if isinstance(leaf, _LITERAL) and not leaf.text:
            return
        if self._begins:
            self.blocks.append(Block(quoted=quoted))
            self._begins = False
        runs = self.blocks[-1].runs
        before = runs[-1].leaf if runs and runs[-1].styles == styles else None
        if isinstance(leaf, Text) and isinstance(before, Text):
            runs[-1] = Run(Text(before.text + leaf.text), styles)
        else:
            runs.append(Run(leaf, styles))
