"""
The rich-text tree, between what authors write and what chats read.

Leaves hold literal text: that is the only place where a dialect escapes, and it does so once.
A tree is a tuple of nodes.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from urllib.parse import unquote, urlsplit

import regex


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
    """A link to the web; dialects read it through ``honest``: no label shows another address."""

    url: str
    children: "Tree"


@dataclass(frozen=True, slots=True)
class Emoji:
    """A server's own emoji ``:name:``, with the address of its picture if that is known."""

    name: str
    url: str | None = None
    code: str = ""
    """What the chat itself has for it: ``<:name:id>``, a name, ``mxc://…``; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Time:
    """A moment (Unix milliseconds) that chats show in the reader's own time if they can."""

    at: int
    shown: str = ""
    """The moment in words, for chats that cannot."""


Node = Text | Styled | Code | Pre | Math | Quote | Center | Heading | Colored | Link | Emoji | Time
Tree = tuple[Node, ...]

_NEWLINE = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Characters that rearrange or hide the text around them (controls, marks of direction, and the
# tags that once named languages, but for those that make a flag of Scotland out of a black one),
# and halves of characters. https://www.unicode.org/reports/tr9/, https://trojansource.codes
_HARMFUL = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f)"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

# What of a label nobody sees, or takes for a blank; https://www.unicode.org/reports/tr39/
_UNSEEN = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}\u2000-\u200a\u202f\u205f\u2800]+")
_MARKS = regex.compile(r"\p{M}+")
_ADDRESS = re.compile(
    r"//\w|\w:/|\b(?:mailto|matrix|javascript|data|file|tel|sms|xmpp|magnet):(?=.)"
    r"|\b[a-z][\w-]{0,62}:\d{2,5}\b"
    r"|[\w-]\.[^\W\d_]{2,}"  # a host, or an e-mail address
    # the same with one of the characters that look like a dot, or that browsers take for one
    "|[\\w-][\u0660\u06f0\u0701\u0702\u3002\ua4f8\ua60e\U00010a50\U0001d16d][a-z]{2,}"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.I,
)
_FILE = re.compile(
    r"(?:[\w()+-]|\.(?=\d))+\.(?:png|jpe?g|gif|webp|avif|bmp|heic|svg|mp3|m4a|aac|og[ga]|opus|wav"
    r"|flac|mp4|m4v|webm|mkv|pdf|txt|json|csv|docx?|xlsx?|pptx?|(?:tar\.)?[gx]z|7z|rar)",
    re.I,
)
"""Names of files whose endings are no top-level domains: these do not look like addresses."""
_HANDLE = re.compile(r"@[\w.-]+@([\w.-]+)")

_HOST = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])(?::\d+)?")


def clean(text: str) -> str:
    """Text without characters that rearrange the line or that no chat accepts."""
    return _HARMFUL.sub(r"\1", _NEWLINE.sub("\n", text))


def merged(nodes: Iterable[Node]) -> Iterator[Node]:
    """The same nodes, with neighbouring texts as one."""
    for kind, group in groupby(nodes, type):
        if kind is Text:
            yield Text(text_of(group))
        else:
            yield from group


def mapped(nodes: Tree, change: Callable[[Node], Node]) -> Tree:
    """The same tree with ``change`` applied to every leaf."""
    found: list[Node] = []
    for node in nodes:
        match node:
            case Styled() | Quote() | Center() | Heading() | Colored() | Link():
                found.append(replace(node, children=mapped(node.children, change)))
            case _:
                found.append(change(node))
    return tuple(found)


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


@lru_cache(256)
def is_web(url: str) -> bool:
    """
    Whether a link may lead there: http, https or mailto.

    Hosts that readers and browsers could understand in two ways are refused: with a user's name
    before them (``https://good.example@evil.example``), or in look-alike characters.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if clean("".join(url.split())) != url:
        return False
    if parts.scheme == "mailto":
        return "@" in parts.path
    host = parts.netloc
    if parts.scheme not in {"http", "https"} or _HOST.fullmatch(host) is None:
        return False
    return unicodedata.normalize("NFKC", host) == host


def honest(found: Link) -> Link | Tree:
    """
    The link, if it may be followed and its label does not lie; else what to show in its place.

    That is the label alone, or label and address side by side.
    """
    url, children = found.url, found.children
    if not is_web(url):
        return children
    label = clean(text_of(children)).strip()
    bare = url.partition("://")[2] or url.removeprefix("mailto:")
    if not _UNSEEN.sub("", label):
        return Link(url, (Text(url),))
    names = {url, bare, url.rstrip("/"), bare.rstrip("/")}
    if label not in names and looks_like_address(label, url):
        return (*children, Text(" ("), Link(url, (Text(url),)), Text(")"))
    return Link(url, without_links(children))


def link(url: str, children: Tree) -> Tree:
    """A tree that links a label, as far as ``honest`` allows it."""
    made = honest(Link(url, children))
    return (made,) if isinstance(made, Link) else made


@lru_cache(256)
def looks_like_address(label: str, url: str = "") -> bool:
    """Whether readers could take a label for a place other than ``url``."""
    words = (word.strip("()[]<>\"'（）「」") for word in _UNSEEN.sub("", label).split())
    return any(map(_is_address, (word for word in words if not _is_handle(word, url))))


def _is_address(word: str) -> bool:
    folded = _MARKS.sub("", unicodedata.normalize("NFKD", word))
    return _ADDRESS.search(folded) is not None and _FILE.fullmatch(word) is None


def _is_handle(word: str, url: str) -> bool:
    """Whether it is ``@user@host`` and the link leads to that host, or to a page on that user."""
    found = _HANDLE.fullmatch(word)
    if found is None or not url:
        return False
    return urlsplit(url).hostname == found[1].lower() or unquote(url).endswith(f"/{word}")


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
