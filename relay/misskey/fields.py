"""
Reads fields of untrusted JSON objects: each by its type, or not at all.

A field that is null or of another type counts as absent. Lists and mappings are bounded.
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
DETAILS = 25  # plain values of a body of an unknown kind
MAX_INTEGER = 2**53 - 1

# Forks put such fields into the bodies of system events; nobody may read them.
_PRIVATE = re.compile(
    r"(?i:mail|addr|ips?$|ipv\d|secret|token|password|agent|memo|note|2fa|factor)"
    r"|(?:\b|_)ip(?![a-z])|I[Pp](?![a-z])"  # an address, but not a description
)
_WEB_URL = re.compile(r"https?://[^\s\x00-\x20\x7f\"'<>`\\]+", re.I)


def text(source: Json, key: str) -> str | None:
    """A text that is not empty, or None."""
    return words(source.get(key))


def words(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def name(source: Json, key: str) -> str | None:
    """A text on one line, cut to the length of the longest name."""
    value = source.get(key)
    if not isinstance(value, str):
        return None
    line = " ".join(value.split())
    return f"{line[:NAME].rstrip()}…" if len(line) > NAME else line or None


def warning(source: Json, key: str) -> str | None:
    """
    A content warning: present even if it is blank, because Misskey folds the note behind it.

    A value of an unknown type folds the note too, behind a blank warning.
    """
    value = source.get(key)
    if isinstance(value, str):
        return value or None
    return " " if restricts(source, key) else None


def identifier(source: Json, key: str) -> str:
    """An id that a database can have in an index; empty if there is none."""
    value = text(source, key) or ""
    return value if len(value) <= ID and "\0" not in value else ""


def flag(source: Json, key: str) -> bool:
    """A flag that grants or describes something: only ``true`` sets it."""
    return source.get(key) is True


def restricts(source: Json, key: str) -> bool:
    """A flag that restricts who may read something: only absent, null or false clears it."""
    value = source.get(key)
    return value is not None and value is not False


def count(source: Json, key: str) -> int | None:
    """A whole number that JSON readers, databases and people agree on."""
    value = source.get(key)
    return value if type(value) is int and abs(value) <= MAX_INTEGER else None


def moment(source: Json, key: str) -> int | None:
    """An ISO 8601 date, as Unix milliseconds."""
    value = source.get(key)
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return round(date.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def web_url(source: Json, key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) and _WEB_URL.fullmatch(value) else None


def mapping(source: Json, key: str) -> Json:
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def items(source: Json, key: str) -> list[Any]:
    value = source.get(key)
    return value[:ITEMS] if isinstance(value, list) else []


def each(source: Json, key: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    return tuple(read(item) for item in items(source, key) if isinstance(item, dict))


def addresses(source: Json, key: str) -> dict[str, str]:
    urls = mapping(source, key)
    names = list(urls)[: ITEMS * 5]
    return {name: url for name in names if (url := web_url(urls, name)) is not None}


def counts(source: Json, key: str) -> dict[str, int]:
    numbers = mapping(source, key)
    names = list(numbers)[:ITEMS]
    return {name: number for name in names if (number := count(numbers, name)) is not None}


def details(source: Json) -> dict[str, str | int | float | bool]:
    """The plain values of a body of an unknown kind, but those with a name that sounds private."""
    plain = {
        key: value
        for key, value in source.items()
        if isinstance(value, str | int | float | bool) and not _PRIVATE.search(key)
    }
    return dict(list(plain.items())[:DETAILS])
