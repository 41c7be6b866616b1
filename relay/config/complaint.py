"""What pydantic found wrong, in words for people, with the likely meaning of a misspelt word."""

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic_core import ErrorDetails

from relay.config.shape import Shape
from relay.config.source import Loc, word
from relay.config.variable import SECRETS
from relay.suggestion import closest, did_you_mean, nearest

MAPPING = "should be a mapping: keys with values, indented below"
WORDS = {
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "string_too_short": "is empty",
    "string_unicode": "should be UTF-8 text",
    "path_type": "should be the name of a folder",
    "too_short": "is an empty list",
    "tuple_type": "should be a list",
    "frozen_set_type": "should be a list",
    "dict_type": MAPPING,
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
}


def complaints(shape: Shape, found: Iterable[ErrorDetails]) -> Iterator[tuple[Loc, str]]:
    """The paths in the file, and what to tell of each: never the value, which can be a secret."""
    for one in found:
        # pydantic counts only what is right in a list; what is wrong is told anyway.
        if not (one["type"] == "too_short" and one["input"]):
            yield _complaint(shape, one)


def _complaint(shape: Shape, found: ErrorDetails) -> tuple[Loc, str]:
    path, kind = tuple(found["loc"]), found["type"]
    written, context = shape.written(path), found.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return written, _unknown_key(str(written[-1]), shape.keys(path))
        case "missing":
            return written, f"{written[-1]} is missing"
        case "union_tag_not_found":
            told = f"type is missing: it should be {either(shape.tags(path))}"
            return written, told + _meant_for("type", found["input"])
        case "union_tag_invalid":
            tags = shape.tags(path)
            wanted = did_you_mean(str(context.get("tag", "")), tags)
            return (*written, "type"), f"should be {either(tags)}{wanted}"
        case "literal_error" | "enum":
            known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            return written, f"should be {either(known)}{did_you_mean(str(found['input']), known)}"
        case "string_type":
            return written, _no_text(found["input"])
        case _:
            return written, WORDS.get(kind, _sentence(found["msg"]))


def either(words: Sequence[str]) -> str:
    """``a, b or c``"""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _unknown_key(key: str, known: Sequence[str]) -> str:
    files = [f"{name}_file" for name in known if name in SECRETS]
    return f"unknown key {key}{did_you_mean(key, [*known, *files]) or closest(key, known)}"


def _meant_for(key: str, given: object) -> str:
    """The key that was probably meant to be another one."""
    known = [str(one) for one in given] if isinstance(given, dict) else []
    found = nearest(key, known)
    return "" if found is None else f"; is {word(found)} meant to be {key}?"


def _no_text(given: object) -> str:
    if isinstance(given, bool):
        return "should be a text: put it in quotes"
    return "should be a single text"


def _sentence(message: str) -> str:
    return (
        message.removeprefix("Value error, ")
        .replace("Input should", "should")
        .replace("String should", "should")
    )
