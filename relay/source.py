"""
YAML text to plain data, with the place of every value and all mistakes at once.

Scalars stay the text that was written, but for ``true``, ``false`` and ``null``: what they are
meant to be is the business of the models, so ``12:30``, ``no`` and ``0123`` are no traps.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Loc = tuple[str | int, ...]

SECRETS = ("secret", "url", "token", "password")
"""The keys whose value may stand in a file of its own: ``<key>_file``."""

MAX_SECRET = 64 * 1024  # bytes of such a file

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_VARIABLE = re.compile(r"\$(?P<literal>\$)?\{(?P<name>\w*)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong, and where: line and column count from 1."""

    line: int
    column: int
    path: str
    text: str

    def told(self, file: str) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}:{self.column}: {where}{self.text}"


@dataclass
class Source:
    """A configuration file as plain data."""

    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    _places: dict[Loc, tuple[int, int]] = field(default_factory=dict)

    def mistake(self, path: Loc, text: str) -> None:
        """Note a mistake at a path; a step that the file lacks stays at its parent."""
        while path not in self._places and path:
            path = path[:-1]
        line, column = self._places.get(path, (1, 1))
        self.mistakes.append(Mistake(line, column, dotted(path), text))

    def has(self, path: Loc) -> bool:
        return path in self._places


def dotted(path: Loc) -> str:
    """``routes[0].match.event``, as people write a path."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).lstrip(".")


def read(text: str, *, base: Path, environ: Mapping[str, str]) -> Source:
    """Read YAML; relative names of secret files start at ``base``."""
    source = Source()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        source.mistakes.append(Mistake(line, column, "", f"not YAML: {error.problem}"))
        return source
    except (yaml.YAMLError, RecursionError) as error:
        source.mistakes.append(Mistake(1, 1, "", f"not YAML: {str(error).splitlines()[0]}"))
        return source
    if root is not None:
        source.data = _Walk(source, base, environ).value(root, ())
    return source


@dataclass
class _Walk:
    source: Source
    base: Path
    environ: Mapping[str, str]
    above: frozenset[int] = frozenset()

    def value(self, node: yaml.Node, path: Loc) -> Any:
        self.source._places.setdefault(path, _place(node))
        if id(node) in self.above:
            self.source.mistake(path, "an alias that holds itself")
            return None
        inside = _Walk(self.source, self.base, self.environ, self.above | {id(node)})
        if isinstance(node, yaml.MappingNode):
            return inside._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [inside.value(item, (*path, place)) for place, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            base = key.removesuffix("_file")
            is_file = base != key and base in SECRETS
            name = base if is_file else key
            inner = (*path, name)
            twice = name in found
            self.source._places[inner] = _place(key_node)
            value = self.value(value_node, inner)
            if twice:
                what = f"{name} and {name}_file" if is_file else key
                self.source.mistake(inner, f"{what} given twice")
                continue
            found[name] = self._content(value, inner) if is_file else value
        return found

    def _content(self, value: Any, path: Loc) -> Any:
        """The text of a secret's file, or of each of several, without the newline at its end."""
        if isinstance(value, list):
            return [self._content(one, path) for one in value]
        try:
            with (self.base / str(value)).open(encoding="utf-8") as file:
                return file.read(MAX_SECRET).strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            self.source.mistake(path, f"the file {value} cannot be read: {reason}")
            return UNKNOWN

    def _scalar(self, node: yaml.Node, path: Loc) -> Any:
        if getattr(node, "style", None) is None and node.value.lower() in _WORDS:
            return _WORDS[node.value.lower()]
        return _VARIABLE.sub(self._variable(path), node.value)

    def _variable(self, path: Loc) -> Callable[[re.Match[str]], str]:
        def put(found: re.Match[str]) -> str:
            if found["literal"]:
                return found[0][1:]
            value = self.environ.get(found["name"]) or found["default"]
            if value is None:
                self.source.mistake(path, f"the environment variable {found['name']} is not set")
                return UNKNOWN
            return value

        return put


UNKNOWN = "https://127.0.0.1/unknown"
"""Stands for what could not be read, so that only the cause is told and no follow-up."""


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
