"""Names of hosts, read as nothing but that."""

import re
import unicodedata
from functools import lru_cache

from relay.text.unicode import is_plain_name

LONGEST_NAME = 253  # characters
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def host_name(text: str) -> str | None:
    """
    The name of a host as DNS has it, in small ASCII letters; None if the text is any other thing.

    An IP address is none, and neither is a name with a port, a user or a path.
    """
    try:
        found = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = found.split(".")
    if len(found) > LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return None
    # As a number browsers and systems take it for an address: 127.1, 0x7f000001, 2130706433.
    return None if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]) else found


PREFIX = "xn--"
LONGEST = 63  # characters of a part of a name, https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
_PUNYCODE = re.compile(r"(?<![\w.-])(?:[\w-]+\.)*xn--[\w.-]*[\w-]", re.I | re.ASCII)


def readable(text: str | None) -> str:
    """A text with the hosts in it decoded that are in punycode: ``bob@日本.example``."""
    if text is None or PREFIX not in text.lower():
        return text or ""
    return _PUNYCODE.sub(lambda found: shown(found[0]), text)


@lru_cache(256)
def shown(host: str) -> str:
    """A host in letters, or in punycode if letters could deceive."""
    parts = host.split(".")
    decoded = [_decoded(part) for part in parts]
    if all(is_plain_name(part) for part in decoded if not part.isascii()):
        return ".".join(decoded)
    return ascii_form(host)


@lru_cache(256)
def ascii_form(host: str) -> str:
    """A host in punycode: what goes over the wire."""
    return ".".join(part if part.isascii() else _encoded(part) for part in host.split("."))


def _decoded(part: str) -> str:
    if not part.lower().startswith(PREFIX) or len(part) > LONGEST:
        return part
    try:
        found = part[len(PREFIX) :].lower().encode("ascii").decode("punycode")
        if found.isascii() or _encoded(found) != part.lower():
            return part
    except (UnicodeError, OverflowError, ValueError):
        return part
    return found


def _encoded(part: str) -> str:
    folded = unicodedata.normalize("NFKC", part).lower()
    try:
        return PREFIX + folded.encode("punycode").decode("ascii")
    except UnicodeError:
        return part
