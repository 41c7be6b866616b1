"""
The parts of a page that live updates replace.

Templates mark them with comments, ``<!--[key-->`` to ``<!--]-->``; each is an element with that id.
"""

import re
import zlib
from collections.abc import Mapping

Parts = Mapping[str, str]
"""HTML by keys."""

_PART = re.compile(r"<!--\[([\w.-]+)-->\s*(.*?)\s*<!--\]-->", re.S)
_TIME = re.compile(r'(<time class="ago"[^>]*>)[^<]*')


def parts_of(html: str) -> Parts:
    return dict(_PART.findall(html))


def timeless(parts: Parts) -> Parts:
    """The parts without their relative times, which the page itself keeps as they are now."""
    return {key: _TIME.sub(r"\1", html) for key, html in parts.items()}


def digest(parts: Parts) -> str:
    """A short hash, by which a page names the parts that it was loaded with."""
    return f"{zlib.crc32(repr(sorted(timeless(parts).items())).encode()):x}"
