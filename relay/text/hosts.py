"""Host names: checked as DNS has them, decoded from punycode, encoded for the wire."""

import re
import unicodedata
from functools import lru_cache

from relay.text.unicode import is_plain_name

MAX_NAME_LENGTH = 253  # characters
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def host_name(text: str) -> str | None:
    """
    The name of a host as DNS has it, in small ASCII letters; None if the text is anything else.

    IP addresses, and names with a port, a user or a path, are rejected.
    """
    try:
        name = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = name.split(".")
    if len(name) > MAX_NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        return None
    # Browsers and systems read a number as an address: 127.1, 0x7f000001, 2130706433.
    return None if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]) else name


PREFIX = "xn--"
MAX_LABEL_LENGTH = 63  # characters: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
_PUNYCODE = re.compile(r"(?<![\w.-])(?:[\w-]+\.)*xn--[\w.-]*[\w-]", re.I | re.ASCII)


def readable(text: str | None) -> str:
    """A text with its punycode hosts decoded: ``bob@日本.example``."""
    if text is None or PREFIX not in text.lower():
        return text or ""
    return _PUNYCODE.sub(lambda match: unicode_form(match[0]), text)


@lru_cache(256)
def unicode_form(host: str) -> str:
    """A host in Unicode letters, or in punycode if the letters could deceive."""
    parts = host.split(".")
    decoded = [_decoded(part) for part in parts]
    if all(is_plain_name(part) for part in decoded if not part.isascii()):
        return ".".join(decoded)
    return ascii_form(host)


@lru_cache(256)
def ascii_form(host: str) -> str:
    """A host in punycode, as it goes over the wire."""
    return ".".join(part if part.isascii() else _encoded(part) for part in host.split("."))


def _decoded(part: str) -> str:
    if not part.lower().startswith(PREFIX) or len(part) > MAX_LABEL_LENGTH:
        return part
    try:
        decoded = part[len(PREFIX) :].lower().encode("ascii").decode("punycode")
        if decoded.isascii() or _encoded(decoded) != part.lower():
            return part
    except (UnicodeError, OverflowError, ValueError):
        return part
    return decoded


def _encoded(part: str) -> str:
    folded = unicodedata.normalize("NFKC", part).lower()
    try:
        return PREFIX + folded.encode("punycode").decode("ascii")
    except UnicodeError:
        return part
