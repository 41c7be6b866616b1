"""
The members of JSON objects that strangers made: each by its type, or not at all.

What is absent, null or of another type was not said. Lists and mappings are bounded.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

Json = Mapping[str, Any]
T = TypeVar("T")

ITEMS = 100  # of any list or mapping
ID = 100  # characters; Misskey's own have up to 32
NAME = 256  # characters; Misskey keeps up to 128 of a person's, up to 256 of a file's
DETAILS = 25  # plain values of a body that nobody has heard of
MAX_INTEGER = 2**53 - 1

# What forks put into the bodies of system events and what is nobody's business.
_PRIVATE = re.compile(
    r"(?i:mail|addr|ips?$|ipv\d|secret|token|password|agent|memo|note|2fa|factor)"
    r"|(?:\b|_)ip(?![a-z])|I[Pp](?![a-z])"  # an address, but not a description
)
_WEB_URL = re.compile(r"https?://[^\s\x00-\x20\x7f\"'<>`\\]+", re.I)


def text(source: Json, key: str) -> str | None:
    """A text that says something; an empty one is none."""
    return words(source.get(key))


def words(found: object) -> str | None:
    return found if isinstance(found, str) and found.strip() else None


def name(source: Json, key: str) -> str | None:
    """A text on one line, whatever it was written on, and not longer than any name is."""
    found = " ".join((text(source, key) or "").split())
    return f"{found[:NAME].rstrip()}…" if len(found) > NAME else found or None


def warning(source: Json, key: str) -> str | None:
    """
    A content warning: present even if it is blank, because Misskey folds the note behind it.

    A value of an unknown type folds the note too, behind a blank warning.
    """
    found = source.get(key)
    if isinstance(found, str):
        return found or None
    return " " if restricts(source, key) else None


def identifier(source: Json, key: str) -> str:
    """An id that a database can have in an index; empty if there is none."""
    found = text(source, key) or ""
    return found if len(found) <= ID else ""


def flag(source: Json, key: str) -> bool:
    """A flag that grants or describes something: only ``true`` sets it."""
    return source.get(key) is True


def restricts(source: Json, key: str) -> bool:
    """A flag that restricts who may read something: only absent, null or false clears it."""
    found = source.get(key)
    return found is not None and found is not False


def count(source: Json, key: str) -> int | None:
    """A whole number that JSON readers, databases and people agree on."""
    found = source.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) > MAX_INTEGER:
        return None
    return found


def moment(source: Json, key: str) -> int | None:
    """An ISO 8601 date, as Unix milliseconds."""
    try:
        found = datetime.fromisoformat(source[key])
    except (KeyError, TypeError, ValueError):
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return round(found.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def web_url(source: Json, key: str) -> str | None:
    found = source.get(key)
    return found if isinstance(found, str) and _WEB_URL.fullmatch(found) else None


def mapping(source: Json, key: str) -> Json:
    found = source.get(key)
    return found if isinstance(found, dict) else {}


def items(source: Json, key: str) -> list[Any]:
    found = source.get(key)
    return found[:ITEMS] if isinstance(found, list) else []


def each(source: Json, key: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    return tuple(read(item) for item in items(source, key) if isinstance(item, dict))


def addresses(source: Json, key: str) -> dict[str, str]:
    found = mapping(source, key)
    named = list(found)[: ITEMS * 5]
    return {name: url for name in named if (url := web_url(found, name)) is not None}


def counts(source: Json, key: str) -> dict[str, int]:
    found = mapping(source, key)
    named = list(found)[:ITEMS]
    return {name: number for name in named if (number := count(found, name)) is not None}


def details(source: Json) -> dict[str, str | int | float | bool]:
    """The plain values of a body that nobody has heard of, without what sounds private."""
    plain = {
        key: value
        for key, value in source.items()
        if isinstance(value, str | int | float | bool) and not _PRIVATE.search(key)
    }
    return dict(list(plain.items())[:DETAILS])
