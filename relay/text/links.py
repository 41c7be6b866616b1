"""Links that lead where they seem to: which addresses are followed, which labels are honest."""

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from relay.text import hosts
from relay.text.labels import hosts_in, people_in
from relay.text.tree import (
    Center,
    Colored,
    Heading,
    LabelSource,
    Link,
    Node,
    Quote,
    Styled,
    Text,
    Tree,
    clean,
    text_of,
)
from relay.text.unicode import is_visible

LONGEST = 1_000  # characters of a label that anybody reads for a name
_NO_FILE = re.compile(r"[/\\\u2044\u2215\u29f8\uff0f\uff3c]")
"""What no name of a file holds."""
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

    That is the label alone, or label and address side by side. Only labels that users chose can
    lie: trust comes from where a link was made, not from what its label says.
    """
    url, children = found.url, found.children
    if not is_web(url):
        return children
    label = clean(text_of(children)).strip()
    if not is_visible(label) or label.rstrip("/") in _spellings(url):
        plain = _in_letters(url)
        if plain != url or not is_visible(label):
            return Link(plain, (Text(plain),))
    elif _may_lie(label, found):
        plain = _in_letters(url)
        return (*children, Text(" ("), Link(plain, (Text(plain),)), Text(")"))
    return replace(found, children=without_links(children))


def link(url: str, children: Tree, source: LabelSource = LabelSource.USER) -> Tree:
    """A tree that links a label, as far as ``honest`` allows it."""
    made = honest(Link(url, children, source))
    return (made,) if isinstance(made, Link) else made


def _may_lie(label: str, found: Link) -> bool:
    """Whether readers could take a label for a place or a person other than the link leads to."""
    if found.source is LabelSource.RELAY:
        return False
    if found.source is LabelSource.FILE and not _NO_FILE.search(label):
        return False
    return misleads(label, found.url)


@lru_cache(256)
def misleads(label: str, url: str) -> bool:
    """Whether a label names a host, or a person, other than that of ``url``; or is too long."""
    if len(label) > LONGEST:
        return True
    parts = urlsplit(url)
    host = parts.path.rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname or ""
    own = hosts.ascii_form(host.lower().rstrip("."))
    letters = hosts.shown(own)
    if letters != own:  # its own name in letters is no lie: read it as if it stood in punycode
        label = re.sub(rf"(?<![\w.-]){re.escape(letters)}(?![\w-])", own, label, flags=re.I)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2].lower().removeprefix("@")
    return any(not _is_part(named, own) for named in hosts_in(label)) or any(
        named != f"@{last}" for named in people_in(label)
    )


def _is_part(named: str, host: str) -> bool:
    return named.removeprefix("www.") == host.removeprefix("www.") or host.endswith(f".{named}")


def _spellings(url: str) -> set[str]:
    """How an address is written: with and without its scheme."""
    bare = url.partition("://")[2] or url.removeprefix("mailto:")
    return {url.rstrip("/"), bare.rstrip("/")}


def _in_letters(url: str) -> str:
    """An address as it may be shown: a host that looks like another one in punycode."""
    host = urlsplit(url).netloc
    if host.isascii() or hosts.shown(host) == host:
        return url
    return url.replace(host, hosts.ascii_form(host), 1)


def without_links(nodes: Tree) -> Tree:
    """The same tree with the labels of its links as plain text: links do not nest."""
    found: list[Node] = []
    for node in nodes:
        match node:
            case Link():
                found.extend(without_links(node.children))
            case Styled() | Quote() | Center() | Heading() | Colored():
                found.append(replace(node, children=without_links(node.children)))
            case _:
                found.append(node)
    return tuple(found)
