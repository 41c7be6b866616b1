"""The settings' JSON schema: which keys a place of the configuration has."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from relay.config.env import SECRETS
from relay.config.yaml import Loc, word
from relay.suggestion import closest, did_you_mean, nearest

Schema = Mapping[str, Any]


class Shape:
    """Walks the schema of a model along the paths that pydantic tells."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root: Schema = model.model_json_schema()

    def written(self, path: Loc) -> Loc:
        """The path without pydantic's own steps: the tag of a union, and ``[key]``."""
        return tuple(step for step, _ in self._steps(path))

    def keys(self, path: Loc) -> list[str]:
        """The keys that may stand where the last step of a path does."""
        *_, (_, holder) = self._steps(path)
        return list(holder.get("properties", ()))

    def tags(self, path: Loc) -> list[str]:
        """The values that ``type`` can have in the mapping at a path."""
        here = self._root
        for step, holder in self._steps(path):
            here = self._inside(holder, step)
        return list(_by_tag(here))

    def _steps(self, path: Loc) -> Iterator[tuple[str | int, Schema]]:
        """Each step that is in the file, and the schema of what holds it."""
        here = self._bare(self._root)
        for step in path:
            if step in (tags := _by_tag(here)):
                here = self._bare({"$ref": tags[str(step)]})
            elif step != "[key]":
                yield step, here
                here = self._inside(here, step)

    def _inside(self, holder: Schema, step: str | int) -> Schema:
        if isinstance(step, int):
            return self._bare(holder.get("items", {}))
        found = holder.get("properties", {}).get(step, holder.get("additionalProperties"))
        return self._bare(found if isinstance(found, Mapping) else {})

    def _bare(self, schema: Schema) -> Schema:
        """What a reference points to, and what is left of ``X | None``."""
        if "$ref" in schema:
            here: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                here = here[step]
            return self._bare(here)
        members = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self._bare(members[0]) if len(members) == 1 else schema


def _by_tag(schema: Schema) -> Mapping[str, str]:
    found: Mapping[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return found


CLOSE_TO_TYPE = 0.7
FORGIVEN = {"extra_forbidden", "literal_error", "enum", "bool_parsing", "bool_type"}
"""Without these keys the rest still makes sense."""


def likely(data: Mapping[str, Any], found: Iterable[ErrorDetails], shape: Shape) -> dict[str, Any]:
    """The data without the keys that are forgiven, and with the types of sinks put right."""
    meant = copy.deepcopy(dict(data))
    for one in found:
        if one["type"] in FORGIVEN:
            _remove(meant, shape.written(tuple(one["loc"])))
    sinks, types = meant.get("sinks"), shape.tags(("sinks", "any"))
    for sink in sinks.values() if isinstance(sinks, dict) else ():
        if not isinstance(sink, dict):
            continue
        if "type" not in sink and (key := _meant_as_type(sink)) is not None:
            sink["type"] = sink.pop(key)
        if isinstance(sink.get("type"), str):
            sink["type"] = nearest(sink["type"], types) or sink["type"]
    return meant


def _remove(data: dict[str, Any], path: Loc) -> None:
    """Take out the key that leads to the end of a path: with the whole list, if it is in one."""
    here: Any = data
    holder, key = data, path[0]
    for step in path:
        if isinstance(here, dict):
            holder, key = here, step
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    holder.pop(str(key), None)


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
            if (key := _meant_as_type(found["input"])) is not None:
                return (*written, key), f"unknown key {word(key)}: did you mean type?"
            return written, f"type is missing: it should be {either(shape.tags(path))}"
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


def _meant_as_type(sink: object) -> str | None:
    """The key of a sink without a type that is probably its misspelt ``type``."""
    known = [str(key) for key in sink] if isinstance(sink, dict) else []
    return nearest("type", known, cutoff=CLOSE_TO_TYPE)


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
