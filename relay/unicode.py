"""
What Unicode says of the characters of a text. Only this module knows its library.

It is brought when a text first needs it, which no ASCII does: its tables take 2 MB.
"""

from functools import cache, lru_cache
from typing import Any

Pattern = Any
"""What regex, which comes without types, compiles."""


def without_unseen(text: str) -> str:
    """Without what nobody sees, or takes for a blank: https://www.unicode.org/reports/tr39/"""
    return text if text.isascii() else str(_unseen().sub("", text))


def without_marks(text: str) -> str:
    """Without accents and the like, as far as they are characters of their own."""
    return text if text.isascii() else str(_marks().sub("", text))


@lru_cache(maxsize=8)
def cluster_ends(text: str) -> list[int]:
    """Where a text may be cut: 0 and the end of each grapheme cluster."""
    return [0, *(cluster.end() for cluster in _cluster().finditer(text))]


@cache
def _unseen() -> Pattern:
    return _compiled(r"[\p{Cf}\p{Default_Ignorable_Code_Point}\u2000-\u200a\u202f\u205f\u2800]+")


@cache
def _marks() -> Pattern:
    return _compiled(r"\p{M}+")


@cache
def _cluster() -> Pattern:
    """
    A grapheme cluster: https://www.unicode.org/reports/tr29/

    Pairs of flag letters by name: regex takes quadratic time to count them.
    """
    return _compiled(r"[\U0001f1e6-\U0001f1ff]{2}[\p{Grapheme_Extend}\p{Mc}\u200d]*|\X")


def _compiled(pattern: str) -> Pattern:
    import regex

    return regex.compile(pattern)
