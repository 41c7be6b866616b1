"""
How people read a label: which of its words they take for an address or for a person.

A word is folded as eyes fold it (invisible characters, look-alike dots, fullwidth letters, written
dots). It reads as an address if something follows a dot in it that could be a top-level domain: a
name of the root zone, what looks like one (``c0m``), or letters that can be taken for Latin ones.
``Node.js``, ``v1.2.3`` and ``e.g.`` are none; ``README.md`` is one, because Moldova has ``.md``.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from relay.text.top_level_domains import TOP_LEVEL
from relay.text.unicode import (
    has_letters_like_latin,
    has_mixed_letters,
    without_marks,
    without_unseen,
)

# What looks like a dot, or what browsers take for one. Most are in the confusables of
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


def folded(label: str) -> str:
    """A label as eyes read it."""
    text = unicodedata.normalize("NFKC", without_unseen(label).translate(_LOOKS))
    text = _WRITTEN_DOT.sub(".", without_marks(text).translate(_LOOKS))
    return without_marks(unicodedata.normalize("NFKD", text)).translate(_LOOKS).casefold()


@lru_cache(256)
def hosts_in(label: str) -> tuple[str, ...]:
    """What readers could take for hosts, folded; of an address that names none all of it."""
    return tuple(_hosts(folded(label)))


@lru_cache(256)
def people_in(label: str) -> tuple[str, ...]:
    """What reads as people of a server that is not named: ``@bob``."""
    names = (found.rstrip(".-") for found in _PERSON.findall(folded(label)))
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


def _ends_host(found: re.Match[str]) -> bool:
    """Whether what follows a dot could be a top-level domain, in the eyes of a reader."""
    ending, before = found[1], found.string[found.start() - 1]
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
    """What looks alike is alike: ``c0m``, ``corn`` and ``com``."""
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
