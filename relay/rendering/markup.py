"""
Parses the HTML subset that templates write into the tree.

``b i u s small spoiler code pre blockquote center h a br time emoji``, and ``mfm``, which stands
for a tree that the filter of that name has made. A newline is a line break, as in every chat.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import unescape

from relay.rendering.meter import BoundError
from relay.text.links import link
from relay.text.tree import (
    Center,
    Code,
    Emoji,
    Heading,
    LabelSource,
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
    stripped,
    text_of,
)

Attributes = Mapping[str, str]
Make = Callable[[Attributes, Tree], Tree]

_NUMBER = re.compile(r"-?[0-9]{1,16}")

DEPTH = 50  # tags in tags; deeper ones are dropped

HEAVIEST = 500_000  # characters of one message; a tag or a node counts as NODE of them
NODE = 16

_TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/<>"']*+)([^<>"']*+(?:(?:"[^"<]*"|'[^'<]*')[^<>"']*+)*+)>"""
)
"""A tag; every other ``<`` is text."""
_ATTRIBUTE = re.compile(r"""([^\s/=]+)\s*(?:=\s*("[^"]*"|'[^']*'|[^\s"']*))?""")

TREE = "mfm"
"""The tag that stands for a tree made elsewhere: ``<mfm n="0"></mfm>``."""


def _styled(style: Style) -> Make:
    return lambda attributes, children: (Styled(style, children),)


def _pre(attributes: Attributes, children: Tree) -> Tree:
    return (Pre(text_of(children).strip("\n"), attributes.get("language", "")),)


def _time(attributes: Attributes, children: Tree) -> Tree:
    written = text_of(children).strip()
    return (Time(int(written)),) if _NUMBER.fullmatch(written) else children


def _link(attributes: Attributes, children: Tree) -> Tree:
    return link(attributes.get("href", ""), children, _source(attributes))


def _picture(attributes: Attributes, children: Tree) -> Tree:
    return (Link(attributes.get("href", ""), children, _source(attributes)),)


def _source(attributes: Attributes) -> LabelSource:
    """The author of a label, by HTML's ``rel``: labels of users are not trusted."""
    return _SOURCES.get(attributes.get("rel", ""), LabelSource.USER)


_SOURCES = {"author": LabelSource.RELAY, "enclosure": LabelSource.FILE}


def _emoji(attributes: Attributes, children: Tree) -> Tree:
    return (Emoji(text_of(children).strip(":"), attributes.get("url")),)


MAKE: dict[str, Make] = {
    **{style.value: _styled(style) for style in Style},
    "code": lambda attributes, children: (Code(text_of(children)),),
    "pre": _pre,
    "blockquote": lambda attributes, children: (Quote(children),),
    "center": lambda attributes, children: (Center(children),),
    "h": lambda attributes, children: (Heading(children),),
    "a": _link,
    "time": _time,
    "emoji": _emoji,
}


PICTURES: Mapping[str, Make] = {"a": _picture}
"""Tags in the block of pictures, where a link's label is an alt text, not an address."""


class MarkupParser:
    """Parses one block of a template. ``problems`` lists everything outside the subset."""

    def __init__(
        self,
        trees: Sequence[Tree] = (),
        *,
        make: Mapping[str, Make] = MAKE,
        room: list[int] | None = None,
    ) -> None:
        """``room`` is how many characters of trees may be placed; parsers may share it."""
        self.problems: list[str] = []
        self._trees = trees
        self._room = [HEAVIEST] if room is None else room
        self._make = make
        self._open: list[tuple[str, Attributes, list[Node]]] = [("", {}, [])]

    def parse(self, source: str) -> Tree:
        """The tree of a block, without blank lines around it."""
        text = self._uncommented(source) if "<!--" in source else source
        at = 0
        for match in _TAG.finditer(text):
            if at < match.start():
                self._add(Text(unescape(text[at : match.start()])))
            at = match.end()
            slash, name, rest = match.groups()
            if not slash:
                self._begin(name.lower(), _attributes(rest) if rest else {})
            if slash or (rest.endswith("/") and _ATTRIBUTE.sub("", rest).endswith("/")):
                self._close(name.lower())
        if at < len(text):
            self._add(Text(unescape(text[at:])))
        while len(self._open) > 1:
            self.problems.append(f"<{self._open[-1][0]}> is never closed")
            self._end()
        return stripped(tuple(self._open[0][2]))

    def _begin(self, tag: str, attributes: Attributes) -> None:
        if tag == "br":
            self._add(Text("\n"))
        elif tag == TREE:
            self._add(*self._placed(attributes.get("n", "")))
        elif tag in self._make and len(self._open) > DEPTH:
            self.problems.append(f"<{tag}> is nested more than {DEPTH} deep")
        elif tag in self._make:
            self._open.append((tag, attributes, []))
        else:
            self.problems.append(f"<{tag}> is not in the HTML subset of templates")

    def _close(self, tag: str) -> None:
        if tag in {TREE, "br"} or tag not in self._make:
            return
        if tag not in [name for name, _, _ in self._open]:
            self.problems.append(f"</{tag}> closes nothing")
            return
        while self._open[-1][0] != tag:
            self.problems.append(f"<{self._open[-1][0]}> is not closed before </{tag}>")
            self._end()
        self._end()

    def _uncommented(self, source: str) -> str:
        """A text without ``<!-- … -->``; a comment that never ends is text."""
        text, *comments = source.split("<!--")
        kept, open_since = [text], len(comments)
        for number, comment in enumerate(comments):
            _, end, after = comment.partition("-->")
            if end:
                kept.append(after)
                open_since = len(comments)
            else:
                open_since = min(open_since, number)
        if len(comments) > open_since:
            self.problems.append("<!-- is never closed")
        return "".join((*kept, *(f"&lt;!--{comment}" for comment in comments[open_since:])))

    def _placed(self, number: str) -> Tree:
        known = _NUMBER.fullmatch(number) and 0 <= int(number) < len(self._trees)
        tree = self._trees[int(number)] if known else ()
        self._room[0] -= _weight(tree)
        if self._room[0] < 0:
            raise BoundError("the same text with its markup too often")
        return tree

    def _end(self) -> None:
        tag, attributes, children = self._open.pop()
        self._add(*self._make[tag](attributes, tuple(children)))

    def _add(self, *nodes: Node) -> None:
        children = self._open[-1][2]
        for node in nodes:
            if isinstance(node, Text) and children and isinstance(children[-1], Text):
                children[-1] = Text(children[-1].text + node.text)
            else:
                children.append(node)


def room(sources: Iterable[str]) -> list[int]:
    """The room for trees in a message of these blocks. BoundError if they are too long."""
    left = HEAVIEST - sum(len(source) + NODE * source.count("<") for source in sources)
    if left < 0:
        raise BoundError("more text and markup than a message may have")
    return [left]


def _weight(nodes: Tree) -> int:
    total = 0
    for node in nodes:
        total += NODE
        match node:
            case Text(text) | Code(text) | Pre(text):
                total += len(text)
            case Math(formula):
                total += len(formula)
            case Emoji() | Time():
                pass
            case _:
                total += _weight(node.children)
    return total


def _attributes(written: str) -> Attributes:
    return {
        name.lower(): unescape(value[1:-1] if value[:1] in {'"', "'"} else value)
        for name, value in _ATTRIBUTE.findall(written)
    }


def parsed(source: str, parser: Callable[[], MarkupParser]) -> Tree:
    """The tree of a block; a word or an address, as most are, needs no parser."""
    if "<" in source or "&" in source:
        return parser().parse(source)
    return (Text(bare),) if (bare := source.strip()) else ()
