"""
A configuration file as plain data, and every mistake in it with its line and column.

A mistake quotes what stands in the file, never what a variable or another file gave: that can be
a secret. pydantic's errors become sentences that name the key that was probably meant.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from relay.suggestion import closest, did_you_mean, nearest

SECRETS = ("secret", "url", "token", "keys", "password", "proxy")
"""The keys whose value may stand in a file of its own: ``<key>_file``."""

Loc = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, both from 1."""

QUOTED = 80  # characters

UNKNOWN = "https://127.0.0.1/unknown"
"""Stands for a value that could not be read."""

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)")
_WORD = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """A mistake and its place."""

    line: int
    column: int
    path: str
    text: str

    def written(self, file: str) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}:{self.column}: {where}{self.text}"


@dataclass
class Document:
    """The data of a file, the places of its values, and the mistakes so far."""

    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    """The files that secrets were read from."""
    absent: list[Loc] = field(default_factory=list)
    """Values that a variable or another file lacks."""
    _places: dict[Loc, Place] = field(default_factory=dict)
    _written: dict[Loc, str] = field(default_factory=dict)
    _unread: set[Loc] = field(default_factory=set)

    def put(self, path: Loc, place: Place) -> None:
        """Remember the place of a value; the first place of a path counts."""
        self._places.setdefault(path, place)

    def place(self, path: Loc) -> Place:
        return self._places.get(path, (1, 1))

    def filled(self, path: Loc, written: str) -> None:
        """Remember that a value comes from a variable or another file, not from this one."""
        self._written[path] = written

    def is_filled(self, path: Loc) -> bool:
        return path in self._written

    def origin(self, path: Loc, *, file: str) -> str:
        """
        The line of a value, and its source: the names of variables, or another file.

        Not as it is written: the text next to a variable, or its default, can be a secret.
        """
        path = self._known(path)
        written = self._written.get(path)
        place = f"{file}:{self.place(path)[0]}"
        if written is None:
            return place
        names = [f"${{{name}}}" for name in _VARIABLE.findall(written)]
        return ", ".join([place, *(names or ["a file"])])

    def quoted(self, path: Loc, value: object) -> str:
        """A value as it is written in the file, on one line."""
        text = self._written.get(path, str(value))[:QUOTED]
        return "".join(letter if letter.isprintable() else "…" for letter in text)

    def mistake(self, path: Loc, text: str) -> None:
        """Add a mistake, unless it only follows from a value that could not be read."""
        path = self._known(path)
        if path not in self._unread:
            self.mistakes.append(self._at(path, text))

    def unread(self, path: Loc, text: str) -> str:
        """Add the reason why a value cannot be read; returns a placeholder."""
        self.mistake(path, text)
        self._unread.add(self._known(path))
        return UNKNOWN

    def missing(self, path: Loc, text: str) -> str:
        """The same for a value that a variable or another file lacks."""
        self.absent.append(self._known(path))
        return self.unread(path, text)

    def warn(self, path: Loc, text: str) -> None:
        """Add a warning: the value is allowed, but hardly meant."""
        self.warnings.append(self._at(self._known(path), text))

    def _known(self, path: Loc) -> Loc:
        """The path, or its nearest parent that is in the file."""
        while path and path not in self._places:
            path = path[:-1]
        return path

    def _at(self, path: Loc, text: str) -> Mistake:
        return Mistake(*self.place(path), dotted(path), text)


def lines(mistakes: Iterable[Mistake], *, file: str) -> list[str]:
    """A line for each mistake, once, in the order of the file."""
    return [mistake.written(file) for mistake in sorted(set(mistakes))]


def dotted(path: Loc) -> str:
    """A path as people write it: ``routes[0].match.event``."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{word(step)}" for step in path]
    return "".join(parts).removeprefix(".")


def word(key: str) -> str:
    """The key, cut to a word: in ``{secret:abc}`` YAML takes the secret for a part of it."""
    match = _WORD.match(key)
    start = match[0] if match else ""
    return start if start == key else f"{start}…"


Schema = Mapping[str, Any]


class Shape:
    """Walks the schema of a model along the paths of pydantic's errors."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root: Schema = model.model_json_schema()

    def written(self, path: Loc) -> Loc:
        """The path without pydantic's own steps: the tag of a union, and ``[key]``."""
        return tuple(step for step, _ in self._steps(path))

    def keys(self, path: Loc) -> list[str]:
        """The keys that are allowed at the last step of a path."""
        *_, (_, holder) = self._steps(path)
        return list(holder.get("properties", ()))

    def tags(self, path: Loc) -> list[str]:
        """The values that ``type`` can have in the mapping at a path."""
        here = self._root
        for step, holder in self._steps(path):
            here = self._inside(holder, step)
        return list(_by_tag(here))

    def _steps(self, path: Loc) -> Iterator[tuple[str | int, Schema]]:
        """Each step that is in the file, with the schema of its parent."""
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
        inner = holder.get("properties", {}).get(step, holder.get("additionalProperties"))
        return self._bare(inner if isinstance(inner, Mapping) else {})

    def _bare(self, schema: Schema) -> Schema:
        """The schema behind a reference, and ``X`` of ``X | None``."""
        if "$ref" in schema:
            here: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                here = here[step]
            return self._bare(here)
        members = [member for member in schema.get("anyOf", ()) if member.get("type") != "null"]
        return self._bare(members[0]) if len(members) == 1 else schema


def _by_tag(schema: Schema) -> Mapping[str, str]:
    mapping: Mapping[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return mapping


CLOSE_TO_TYPE = 0.7
FORGIVEN = {"extra_forbidden", "literal_error", "enum", "bool_parsing", "bool_type"}
"""Without these keys the rest still makes sense."""


def likely(data: Mapping[str, Any], errors: Iterable[ErrorDetails], shape: Shape) -> dict[str, Any]:
    """The data without the keys that are forgiven, and with the types of sinks put right."""
    meant = copy.deepcopy(dict(data))
    for error in errors:
        if error["type"] in FORGIVEN:
            _remove(meant, shape.written(tuple(error["loc"])))
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


def complaints(shape: Shape, errors: Iterable[ErrorDetails]) -> Iterator[tuple[Loc, str]]:
    """A path and a message for each error; never the value, which can be a secret."""
    for error in errors:
        # pydantic counts only the valid items of a list; the others are reported anyway.
        if not (error["type"] == "too_short" and error["input"]):
            yield _complaint(shape, error)


def _complaint(shape: Shape, error: ErrorDetails) -> tuple[Loc, str]:
    path, kind = tuple(error["loc"]), error["type"]
    written, context = shape.written(path), error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return written, _unknown_key(str(written[-1]), shape.keys(path))
        case "missing":
            return written, f"{written[-1]} is missing"
        case "union_tag_not_found":
            if (key := _meant_as_type(error["input"])) is not None:
                return (*written, key), f"unknown key {word(key)}: did you mean type?"
            return written, f"type is missing: it should be {either(shape.tags(path))}"
        case "union_tag_invalid":
            tags = shape.tags(path)
            hint = did_you_mean(str(context.get("tag", "")), tags)
            return (*written, "type"), f"should be {either(tags)}{hint}"
        case "literal_error" | "enum":
            known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            return written, f"should be {either(known)}{did_you_mean(str(error['input']), known)}"
        case "string_type":
            return written, _no_text(error["input"])
        case _:
            return written, WORDS.get(kind, _sentence(error["msg"]))


def either(words: Sequence[str]) -> str:
    """Join words: ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _unknown_key(key: str, known: Sequence[str]) -> str:
    files = [f"{name}_file" for name in known if name in SECRETS]
    return f"unknown key {key}{did_you_mean(key, [*known, *files]) or closest(key, known)}"


def _meant_as_type(sink: object) -> str | None:
    """The key of a sink without a type that is probably its misspelt ``type``."""
    known = [str(key) for key in sink] if isinstance(sink, dict) else []
    return nearest("type", known, cutoff=CLOSE_TO_TYPE)


def _no_text(value: object) -> str:
    if isinstance(value, bool):
        return "should be a text: put it in quotes"
    return "should be a single text"


def _sentence(message: str) -> str:
    return (
        message.removeprefix("Value error, ")
        .replace("Input should", "should")
        .replace("String should", "should")
    )
