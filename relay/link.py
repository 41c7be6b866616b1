"""Links that lead where they seem to: which addresses are followed, which labels are honest."""

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from relay.tree import (
    Center,
    Colored,
    Heading,
    Link,
    Node,
    Quote,
    Styled,
    Text,
    Tree,
    clean,
    text_of,
)
from relay.unicode import without_marks, without_unseen

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
    if not without_unseen(label):
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
    words = (word.strip("()[]<>\"'（）「」") for word in without_unseen(label).split())
    return any(map(_is_address, (word for word in words if not _is_handle(word, url))))


def _is_address(word: str) -> bool:
    folded = without_marks(unicodedata.normalize("NFKD", word))
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
