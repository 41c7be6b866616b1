"""
The rich-text tree, between what authors write and what chats read.

Leaves hold literal text: that is the only place where a dialect escapes, and it does so once.
A tree is a tuple of nodes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit


class Style(StrEnum):
    """How a span of text looks; the values are the tags of the HTML subset."""

    BOLD = "b"
    ITALIC = "i"
    UNDERLINE = "u"
    STRIKE = "s"
    SMALL = "small"
    SPOILER = "spoiler"


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text; a newline in it is a line break."""

    text: str


@dataclass(frozen=True, slots=True)
class Styled:
    """A span in one style."""

    style: Style
    children: "Tree"


@dataclass(frozen=True, slots=True)
class Code:
    """A span of code."""

    text: str


@dataclass(frozen=True, slots=True)
class Pre:
    """Lines of code."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Math:
    """A TeX formula, in the line or (``block``) on lines of its own."""

    formula: str
    block: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words, set off."""

    children: "Tree"


@dataclass(frozen=True, slots=True)
class Center:
    """Lines in the middle."""

    children: "Tree"


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above others; in the block ``fields`` it begins a field."""

    children: "Tree"


@dataclass(frozen=True, slots=True)
class Colored:
    """A span in colors of ``#rrggbb``; empty: unchanged."""

    children: "Tree"
    foreground: str = ""
    background: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the web; make it with ``link``, which sees to it that the label does not lie."""

    url: str
    children: "Tree"


@dataclass(frozen=True, slots=True)
class Emoji:
    """A server's own emoji ``:name:``, with the address of its picture if that is known."""

    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Time:
    """A moment (Unix milliseconds) that chats show in the reader's own time if they can."""

    at: int


Node = Text | Styled | Code | Pre | Math | Quote | Center | Heading | Colored | Link | Emoji | Time
Tree = tuple[Node, ...]
Parent = Styled | Quote | Center | Heading | Colored | Link

SCHEMES = ("http", "https", "mailto")
_FILE = re.compile(
    r"\.(?:png|jpe?g|gif|webp|avif|bmp|heic|svg|mp3|m4a|aac|og[ga]|opus|wav|flac|mp4|m4v|webm|mkv|pdf"
    r"|txt|json|csv|docx?|xlsx?|pptx?|gz|xz|7z|rar)$",
    re.I,
)
"""Endings of files that are no top-level domains: such a name does not look like an address."""
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//|www\.)|[\w-]+\.[a-z]{2,}(?:[/:?#]|$)", re.I)
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")

# Characters that rearrange or hide the text around them: controls, marks of direction, and the
# tags that once named languages. https://www.unicode.org/reports/tr9/, https://trojansource.codes
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\ufeff\ufff9-\ufffb]|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0000-\U000e007f]+"
)


def clean(text: str) -> str:
    """Text without characters that rearrange the line or that no chat accepts."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _HARMFUL.sub("", text.replace("\x85", "\n").replace("\u2029", "\n"))


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
        case Time():
            return ""
        case _:
            return text_of(node.children)


def is_web(url: str) -> bool:
    """Whether a link may lead there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if _BLANK_OR_CONTROL.search(url) or _HARMFUL.search(url):
        return False
    return parts.scheme in SCHEMES and bool(parts.netloc or parts.scheme == "mailto")


def link(url: str, children: Tree) -> Tree:
    """
    Link a label, or show label and address side by side where the label looks like an address.

    An address that may not be linked to leaves only the label.
    """
    if not is_web(url):
        return children
    label = clean(text_of(children)).strip()
    if not label or label in {url, url.partition("://")[2]}:
        return (Link(url, (Text(label or url),)),)
    if looks_like_address(label):
        return (*children, Text(" ("), Link(url, (Text(url),)), Text(")"))
    return (Link(url, without_links(children)),)


def looks_like_address(label: str) -> bool:
    """Whether readers could take a label for the place that the link leads to."""
    words = (word.strip("()[]<>\"'「」") for word in label.split())
    return any(_ADDRESS.match(word) and not _FILE.search(word) for word in words)


def without_links(nodes: Tree) -> Tree:
    """The same tree with the labels of its links as plain text: links do not nest."""
    found: list[Node] = []
    for node in nodes:
        match node:
            case Link(_, children):
                found.extend(without_links(children))
            case Styled() | Quote() | Center() | Heading() | Colored():
                found.append(replace(node, children=without_links(node.children)))
            case _:
                found.append(node)
    return tuple(found)
