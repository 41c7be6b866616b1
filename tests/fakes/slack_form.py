"""Slack's checks of one JSON object: known keys, types, lengths, each mistake with its place."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.records import units


@dataclass(slots=True)
class Mistakes:
    """What goes into `response_metadata.messages` beside `invalid_blocks`."""

    messages: list[str] = field(default_factory=list)

    def add(self, pointer: str, what: str) -> None:
        self.messages.append(f"[ERROR] {what} [json-pointer:{pointer}]")


Check = Callable[[Any, str, Mistakes], None]


def text(maximum: int | None = None, *, pattern: str | None = None) -> Check:
    """A string that is not empty."""

    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        if not isinstance(value, str):
            mistakes.add(at, "must be a string")
        elif not value:
            mistakes.add(at, "must be more than 0 characters")
        elif maximum is not None and units(value) > maximum:
            mistakes.add(at, f"must be less than {maximum + 1} characters")
        elif pattern is not None and not re.fullmatch(pattern, value):
            mistakes.add(at, "does not match the pattern")

    return check


def link(*schemes: str, maximum: int = 3000) -> Check:
    allowed = schemes or ("http", "https", "mailto")

    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        text(maximum)(value, at, mistakes)
        if isinstance(value, str) and (
            value.split(":", 1)[0].lower() not in allowed
            or not re.fullmatch(r"[a-zA-Z]+:(//)?[^\s/]\S*", value)
        ):
            mistakes.add(at, "must be a valid URL")

    return check


def boolean(value: Any, at: str, mistakes: Mistakes) -> None:
    if not isinstance(value, bool):
        mistakes.add(at, "must be a boolean")


def integer(minimum: int, maximum: int) -> Check:
    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            mistakes.add(at, "must be an integer")
        elif not minimum <= value <= maximum:
            mistakes.add(at, f"must be between {minimum} and {maximum}")

    return check


def one_of(*options: str) -> Check:
    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        if value not in options:
            mistakes.add(at, f"must be one of {', '.join(options)}")

    return check


def listing(item: Check, maximum: int | None = None) -> Check:
    """An array with at least one item."""

    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        if not isinstance(value, list):
            mistakes.add(at, "must be an array")
            return
        if not value:
            mistakes.add(at, "no items in array")
        if maximum is not None and len(value) > maximum:
            mistakes.add(at, f"no more than {maximum} items allowed")
        for index, entry in enumerate(value):
            item(entry, f"{at}/{index}", mistakes)

    return check


def model(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """An object with these keys and no others; `typed` has taken the `type` out."""
    known = required | (optional or {})

    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        if not isinstance(value, dict):
            mistakes.add(at, "must be an object")
            return
        for name in required.keys() - value.keys():
            mistakes.add(at, f"missing required field: {name}")
        for name, entry in value.items():
            if name in known:
                known[name](entry, f"{at}/{name}", mistakes)
            else:
                mistakes.add(f"{at}/{name}", f"invalid additional property: {name}")

    return check


def typed(kinds: dict[str, Check]) -> Check:
    """An object whose `type` chooses its check."""

    def check(value: Any, at: str, mistakes: Mistakes) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            mistakes.add(at, f"unsupported type: {kind}")
        else:
            rest = {name: entry for name, entry in value.items() if name != "type"}
            kinds[kind](rest, at, mistakes)

    return check
