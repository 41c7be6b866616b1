"""
Links lead where they seem to: only some addresses are followed, and only honest labels stand alone.

A reader takes some words of a label for an address or for a person. A word is folded as eyes fold
it (invisible characters, look-alike dots, fullwidth letters, written dots). It reads as an address
if something follows a dot in it that could be a top-level domain: a name of the root zone, a
look-alike of one (``c0m``), or letters that can be taken for Latin ones. ``Node.js``, ``v1.2.3``
and ``e.g.`` do not; ``README.md`` does, because Moldova has ``.md``.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from relay.text import hosts
from relay.text.top_level_domains import TOP_LEVEL
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
from relay.text.unicode import (
    has_letters_like_latin,
    has_mixed_letters,
    is_visible,
    without_marks,
    without_unseen,
)

MAX_LINK_TEXT_LENGTH = 1_000  # characters of a label that anybody reads for a name
_NO_FILE = re.compile(r"[/\\\u2044\u2215\u29f8\uff0f\uff3c]")
"""Characters that file names never contain."""
_HOST = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])(?::\d+)?")

# Characters that look like a dot or that browsers take for one. Most are confusables of
# https://www.unicode.org/reports/tr39/
_DOTS = (
    "\u00b7\u02d9\u0387\u0660\u06d4\u06f0\u0701\u0702\u0971\u1427\u16eb\u2022\u2024\u2025\u2027"
    "\u2218\u2219\u22c5\u25cf\u25e6\u2981\u2e30\u2e31\u2e33\u3002\u30fb\ua4f8\ua60e\ua78f\ufe12"
    "\ufe52\uff0e\uff61\uff65\U00010101\U00010a50\U0001d16d"
    "\u0830\u25aa\u2804\u2820\u2840\u2880\u2b1d\u2e3c\U0001f784"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LOOKS = str.maketrans(
    {
        **dict.fromkeys(_DOTS, "."),
        **dict.fromkeys("\\\u2044\u2215\u29f8\u2571\u31d3\ufe68\uff0f\u27cb\u2f03", "/"),
        **dict.fromkeys("\u0589\u05c3\u2236\ua789\ufe13\ufe55\uff1a\u02f8\u205a", ":"),
        **dict.fromkeys("\ufe6b\uff20", "@"),
        **dict.fromkeys("\u3007\u0966\u09e6\u0ed0\u0e50", "o"),
        # Letters in boxes, circles and parentheses, and those that flags are made of.
        **{
            chr(first + place): letter
            for first in (0x249C, 0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6)
            for place, letter in enumerate(_LETTERS)
        },
    }
)
_WRITTEN_DOT = re.compile(
    r"(?:(?<!\s)\s++)?[(\[{<（［｛＜〔【]\s*(?:\.|dot|punkt|punto|ponto|point|точка|ドット|点|點|점)"
    r"\s*[)\]}>）］｝＞〕】]\s*"
    r"|(?<=\S)(?:\s+|[-_])dot(?:\s+|[-_])(?=\S)"
    r"|(?<=\S)\s+\.\s*(?=\w)",
    re.I,
)
_ENDING = re.compile(r"(?<=[^\s.])\.(xn--[\w-]+|[^\W_]+)", re.I)
_OTHER = re.compile(
    r"//\w|\w:/|^\W*www\.\w|@[\w.-]+@\w|[\w-]\.[^\W\d_]{2,}/|\b(?:mailto|matrix|javascript|data|file|tel|sms|xmpp|magnet):(?=.)"
    r"|\b[a-z][\w-]{0,62}:\d{2,5}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|[0-9a-f]{0,4}:(?:[0-9a-f]{0,4}:){2,6}[0-9a-f]{1,4}(?=\W*$)(?<!^\d\d:\d\d:\d\d)",
    re.I,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/+|/+|(?:https?|mailto|matrix):", re.I)
_AROUND = "()[]{}<>\"'`,;!?…*_~|-+=.:（）「」『』【】、。"
_PERSON = re.compile(r"(?<!\w)@([\w.-]*+)(?!@)")


@lru_cache(256)
def is_web(url: str) -> bool:
    """
    Whether a link may lead there: http, https or mailto.

    Hosts that readers and browsers could read in two ways are refused: after a user's name
    (``https://good.example@evil.example``), or in look-alike characters.
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


def honest(target: Link) -> Link | Tree:
    """
    The link, if it may be followed and its label does not lie; else a tree to show instead.

    That is the label alone, or label and address side by side. Only labels that users chose can
    lie: trust depends on where a link was made, not on the words of its label.
    """
    url, children = target.url, target.children
    if not is_web(url):
        return children
    label = clean(text_of(children)).strip()
    if not (is_shown := is_visible(label)) or label.rstrip("/") in _spellings(url):
        plain = _in_letters(url)
        if plain != url or not is_shown:
            return Link(plain, (Text(plain),))
    elif _may_lie(label, target):
        plain = _in_letters(url)
        return (*children, Text(" ("), Link(plain, (Text(plain),)), Text(")"))
    bare = without_links(children)
    return target if bare == children else replace(target, children=bare)


def link(url: str, children: Tree, source: LabelSource = LabelSource.USER) -> Tree:
    """A tree that links a label, as far as ``honest`` allows it."""
    shown_as = honest(Link(url, children, source))
    return (shown_as,) if isinstance(shown_as, Link) else shown_as


def _may_lie(label: str, target: Link) -> bool:
    """Whether readers could take a label for a place or a person other than the link leads to."""
    if target.source is LabelSource.RELAY:
        return False
    if target.source is LabelSource.FILE and not _NO_FILE.search(label):
        return False
    return misleads(label, target.url)


@lru_cache(256)
def misleads(label: str, url: str) -> bool:
    """Whether a label names a host, or a person, other than that of ``url``; or is too long."""
    if len(label) > MAX_LINK_TEXT_LENGTH:
        return True
    parts = urlsplit(url)
    host = parts.path.rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname or ""
    own = hosts.ascii_form(host.lower().rstrip("."))
    letters = hosts.unicode_form(own)
    if letters != own:  # its own name in letters does not lie: read it as punycode
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
    if host.isascii() or hosts.unicode_form(host) == host:
        return url
    return url.replace(host, hosts.ascii_form(host), 1)


def without_links(nodes: Tree) -> Tree:
    """The same tree with the labels of its links as plain text: links do not nest."""
    result: list[Node] = []
    for node in nodes:
        match node:
            case Link():
                result.extend(without_links(node.children))
            case Styled() | Quote() | Center() | Heading() | Colored():
                result.append(replace(node, children=without_links(node.children)))
            case _:
                result.append(node)
    return tuple(result)


def _as_seen(label: str) -> str:
    """A label as eyes read it, folded."""
    text = unicodedata.normalize("NFKC", without_unseen(label).translate(_LOOKS))
    text = _WRITTEN_DOT.sub(".", without_marks(text).translate(_LOOKS))
    return without_marks(unicodedata.normalize("NFKD", text)).translate(_LOOKS).casefold()


@lru_cache(256)
def hosts_in(label: str) -> tuple[str, ...]:
    """Words that readers could take for hosts, folded; a whole address if it names no host."""
    return tuple(_hosts(_as_seen(label)))


@lru_cache(256)
def people_in(label: str) -> tuple[str, ...]:
    """Words that read as people without a server: ``@bob``."""
    names = (name.rstrip(".-") for name in _PERSON.findall(_as_seen(label)))
    return tuple(f"@{name}" for name in names if name)


def _hosts(label: str) -> Iterator[str]:
    for word in label.split():
        if _OTHER.search(word) is None and not any(map(_ends_host, _ENDING.finditer(word))):
            continue
        bare = word.strip(_AROUND)
        scheme = _SCHEME.match(bare)
        place = re.split(r"[/\\?#]", bare[scheme.end() if scheme else 0 :], maxsplit=1)[0]
        *before, last = place.split("@")
        yield from (part.strip(_AROUND) for part in before if "." in part)
        if host := re.sub(r":\d+$", "", last).strip(_AROUND):
            yield host


def _ends_host(match: re.Match[str]) -> bool:
    """Whether a reader could take the letters after a dot for a top-level domain."""
    ending, before = match[1], match.string[match.start() - 1]
    if ending.startswith("xn--"):
        return True
    if len(ending) < 2:
        return False
    if ending.isascii():
        return ending in TOP_LEVEL or (before.isalpha() and _skeleton(ending) in _SKELETONS)
    return has_letters_like_latin(ending) or has_mixed_letters(ending) or _composed(ending)


def _composed(ending: str) -> bool:
    return unicodedata.normalize("NFC", ending) in _OTHER_NAMES


def _skeleton(name: str) -> str:
    """A name with look-alike letters made equal: ``c0m``, ``corn`` and ``com`` are the same."""
    if name.isdigit():
        return name
    alike = name.replace("rn", "m").replace("vv", "w").replace("cl", "d")
    return alike.translate(str.maketrans("01!|i", "ollll"))


_SKELETONS = frozenset(_skeleton(name) for name in TOP_LEVEL if name.isascii())
_OTHER_NAMES = frozenset(
    unicodedata.normalize("NFC", without_marks(unicodedata.normalize("NFKD", name)))
    for name in TOP_LEVEL
    if not name.isascii()
)
