"""
Unicode properties of texts: visible characters, marks, scripts, grapheme clusters.

Only this module imports ``regex``. Patterns are compiled when a text first needs them, which ASCII
never does.
"""

import re
from functools import cache, lru_cache
from typing import Any

import regex

Pattern = Any
"""A compiled pattern of ``regex``, which comes without types."""


def without_unseen(text: str) -> str:
    """A text without invisible characters and blanks: https://www.unicode.org/reports/tr39/."""
    return text if text.isascii() else str(_unseen().sub("", text))


def with_few_marks(text: str) -> str:
    """
    A text with a bounded number of marks on each letter: more would cover the lines around it.

    Eight are enough for every script (a Tibetan stack), four of those that go with any script.
    """
    if text.isascii() or _heap().search(text) is None:
        return text
    return str(_tall_heap().sub(r"\1", _common_heap().sub(r"\1", text)))


def is_visible(text: str) -> bool:
    """Whether a text shows anything: a letter, a sign, an emoji."""
    return (_seen() if not text.isascii() else _SEEN).search(text) is not None


def without_marks(text: str) -> str:
    """A text without combining marks: accents that are characters of their own."""
    return text if text.isascii() else str(_marks().sub("", text))


def has_letters_like_latin(text: str) -> bool:
    """Whether a text has letters, of any alphabet, that look like ASCII letters."""
    return not text.isascii() and _like_latin().search(text) is not None


def has_mixed_letters(text: str) -> bool:
    """Whether ASCII letters are mixed with others, except East Asian ones, which is usual."""
    return _mixed().search(text) is not None


def is_plain_name(text: str) -> bool:
    """Whether a name, in letters beyond ASCII, is in one alphabet and looks like no other name."""
    return _plain_name().fullmatch(text) is not None and _like_ascii().fullmatch(text) is None


_SEEN = re.compile("[!-~]")


@lru_cache(maxsize=8)
def cluster_ends(text: str) -> list[int]:
    """Where a text may be cut: 0 and the end of each grapheme cluster."""
    return [0, *(cluster.end() for cluster in _cluster().finditer(text))]


_UNSEEN = r"\p{Cf}\p{Default_Ignorable_Code_Point}\u2000-\u200a\u202f\u205f\u2800\U0001d159"


@cache
def _unseen() -> Pattern:
    return _compiled(f"[{_UNSEEN}]+")


@cache
def _seen() -> Pattern:
    return _compiled(rf"[^{_UNSEEN}\p{{M}}\s\p{{Cc}}\p{{Cs}}]")


@cache
def _marks() -> Pattern:
    return _compiled(r"\p{M}+")


_IGNORED = r"[\p{Default_Ignorable_Code_Point}--\p{M}]*+"  # these keep no marks apart
_COMMON = r"[\p{Script=Inherited}&&\p{M}]"


@cache
def _heap() -> Pattern:
    return _compiled(rf"(?:\p{{M}}{_IGNORED}){{5}}")


@cache
def _tall_heap() -> Pattern:
    return _compiled(rf"((?:\p{{M}}{_IGNORED}){{8}})(?:\p{{M}}{_IGNORED})+")


@cache
def _common_heap() -> Pattern:
    return _compiled(rf"((?:{_COMMON}{_IGNORED}){{4}})(?:{_COMMON}{_IGNORED})+")


@cache
def _like_latin() -> Pattern:
    scripts = "Latin Greek Cyrillic Armenian Cherokee Coptic Lisu Deseret Osage Warang_Citi".split()
    names = "".join(rf"\p{{Script={script}}}" for script in scripts)
    return _compiled(f"[{names}--[A-Za-z]]")


@cache
def _mixed() -> Pattern:
    east = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー\W\dA-Za-z_]"
    return _compiled(rf"^(?=.*[A-Za-z])(?=.*[^{east[1:-1]}]).*$|^(?=.*[A-Za-z])(?=.*[\d--[0-9]])")


@cache
def _plain_name() -> Pattern:
    """
    A pattern for small letters of one alphabet, digits and hyphens.

    Japanese, Chinese and Korean may be mixed with Latin letters, but then have no character that
    looks like a stroke or a Latin letter. Latin means the letters of West and Central Europe.
    """
    scripts = "Arabic Hebrew Thai Lao Devanagari Bengali Gurmukhi Gujarati Tamil Telugu".split()
    scripts += "Kannada Malayalam Sinhala Khmer Cyrillic Greek".split()
    strokes = r"(?:[ノソン一丨丶丿亅〇ニエロ口工二八卜十・ヘへ]|(?<![\p{Hiragana}\p{Katakana}])ー)"
    east = r"[\p{Han}\p{Hiragana}\p{Katakana}ー々\u3005-\u30070-9-]+"
    return _compiled(
        rf"{east}|[\uac00-\ud7a3\p{{Han}}0-9-]+"
        rf"|(?!.*{strokes})[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}ー々a-z0-9-]+"
        rf"|(?!.*{strokes})[\uac00-\ud7a3\p{{Han}}a-z0-9-]+"
        r"|[a-z0-9\u00df-\u00f6\u00f8-\u017e--\u0131\u0138\u0140\u0142\u0149\u0111\u0127\u0167-]+|"
        + "|".join(
            rf"[[\p{{Script={script}}}&&[\p{{Ll}}\p{{Lo}}\p{{M}}]]0-9-]+" for script in scripts
        )
    )


@cache
def _like_ascii() -> Pattern:
    """A pattern for names whose letters all look like Latin ones, from Chromium's lists."""
    return _compiled(
        "[асԁеһіјӏорԗԛѕԝхуъьҽпгѵѡкмтнв0-9-]+"
        "|[αικνρυωηγοτβεμπσχ0-9-]+"
        "|[一ー丨丶丿亅〇ノロ口エ工ニ二0-9-]+"
        "|[דוחיןסװײ0-9-]+"
        "|[ทนบพรหเแดลปฟม0-9-]+"
    )


@cache
def _cluster() -> Pattern:
    """
    A pattern for one grapheme cluster (https://www.unicode.org/reports/tr29/).

    Pairs of flag letters are listed by themselves: regex takes quadratic time to count them.
    """
    return _compiled(r"[\U0001f1e6-\U0001f1ff]{2}[\p{Grapheme_Extend}\p{Mc}\u200d]*|\X")


def _compiled(pattern: str) -> Pattern:
    return regex.compile(pattern, regex.V1)
