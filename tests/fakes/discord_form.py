"""Discord's form checks: a value, the place where it stands, and the tree of errors they fill."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.records import units

Path = tuple[str | int, ...]


class FormErrors:
    """The nested `errors` object of an answer with code 50035."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}
        self.found: list[tuple[Path, str, str]] = []

    def add(self, path: Path, code: str, message: str) -> None:
        node = self.tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
        self.found.append((path, code, message))


Check = Callable[[Any, Path, FormErrors], None]


def require(path: Path, errors: FormErrors) -> None:
    errors.add(path, "BASE_TYPE_REQUIRED", "This field is required")


def text(maximum: int, *, minimum: int = 0) -> Check:
    """A string whose length counts after Discord has trimmed it."""

    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if not isinstance(value, str):
            errors.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        length = units(value.strip())
        if minimum and not minimum <= length <= maximum:
            message = f"Must be between {minimum} and {maximum} in length."
            errors.add(path, "BASE_TYPE_BAD_LENGTH", message)
        elif length > maximum:
            errors.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")

    return check


def integer(minimum: int, maximum: int) -> Check:
    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            errors.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < minimum:
            message = f"int value should be greater than or equal to {minimum}."
            errors.add(path, "NUMBER_TYPE_MIN", message)
        elif value > maximum:
            message = f"int value should be less than or equal to {maximum}."
            errors.add(path, "NUMBER_TYPE_MAX", message)

    return check


def boolean(value: Any, path: Path, errors: FormErrors) -> None:
    if not isinstance(value, bool):
        errors.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def snowflake(value: Any, path: Path, errors: FormErrors) -> None:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,20}", str(value)):
        errors.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')


def timestamp(value: Any, path: Path, errors: FormErrors) -> None:
    try:
        datetime.fromisoformat(value)
        valid = "T" in value
    except (TypeError, ValueError):
        valid = False
    if not valid:
        message = f"Could not parse {value}. Should be ISO8601."
        errors.add(path, "DATE_TIME_TYPE_PARSE", message)


def url(*, attachment: bool = False) -> Check:
    """http(s), for pictures also attachment; the empty string has the scheme "" and is refused."""
    schemes = ("http", "https", "attachment") if attachment else ("http", "https")

    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if not isinstance(value, str):
            errors.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return
        if units(value) > 2048:
            errors.add(path, "BASE_TYPE_MAX_LENGTH", "Must be 2048 or fewer in length.")
        scheme = value.split(":", 1)[0].lower() if ":" in value else ""
        if scheme not in schemes:
            message = f'Scheme "{scheme}" is not supported. Scheme must be one of {schemes}.'
            errors.add(path, "URL_TYPE_INVALID_SCHEME", message)
        elif scheme != "attachment" and not _well_formed(value):
            errors.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")

    return check


# Discord refuses hosts without a dot (http://grafana:3000, http://localhost):
# https://github.com/bugsink/bugsink/issues/280, https://github.com/go-gitea/gitea/issues/14379
def _well_formed(value: str) -> bool:
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        return False
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "." in host.strip("."):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def listing(item: Check, *, maximum: int, unique: bool = False) -> Check:
    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if not isinstance(value, list):
            errors.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return
        if len(value) > maximum:
            errors.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
        for index, entry in enumerate(value):
            item(entry, (*path, index), errors)
            if unique and entry in value[:index]:
                message = "The set already contains this value"
                errors.add((*path, index), "SET_TYPE_ALREADY_CONTAINS_VALUE", message)

    return check


def choice(options: Iterable[str]) -> Check:
    allowed = tuple(options)

    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if value not in allowed:
            errors.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {allowed}.")

    return check


def model(fields: dict[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    """An object; null means absent, and a key that Discord would ignore is refused here."""

    def check(value: Any, path: Path, errors: FormErrors) -> None:
        if not isinstance(value, dict):
            message = "Only dictionaries may be used in a ModelType"
            errors.add(path, "MODEL_TYPE_CONVERT", message)
            return
        for name, entry in value.items():
            if name not in fields:
                # Stricter than Discord on purpose: a client that leaks its own settings is caught.
                errors.add((*path, name), "UNKNOWN_KEY", "The fake refuses unknown keys")
            elif entry is not None:
                fields[name](entry, (*path, name), errors)
        for name in required:
            entry = value.get(name)
            if entry is None or (isinstance(entry, str) and not entry.strip()):
                require((*path, name), errors)

    return check
