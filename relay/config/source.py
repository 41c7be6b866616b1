"""
A configuration file as plain data: the place of every value, and all mistakes at once.

A mistake quotes what stands in the file, never what a variable or another file gave: that can be
a secret.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Loc = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, both from 1."""

QUOTED = 80  # characters

UNKNOWN = "https://127.0.0.1/unknown"
"""Stands for what could not be read."""

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)")
_WORD = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong, and where."""

    line: int
    column: int
    path: str
    text: str

    def told(self, file: str) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}:{self.column}: {where}{self.text}"


@dataclass
class Source:
    """What a file says, and what is wrong with it so far."""

    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    """The files that secrets were read from."""
    absent: list[Loc] = field(default_factory=list)
    """What variables and other files should give, and do not."""
    _places: dict[Loc, Place] = field(default_factory=dict)
    _written: dict[Loc, str] = field(default_factory=dict)
    _unread: set[Loc] = field(default_factory=set)

    def put(self, path: Loc, place: Place) -> None:
        """Note where something stands; the first place of a path is the one that counts."""
        self._places.setdefault(path, place)

    def place(self, path: Loc) -> Place:
        return self._places.get(path, (1, 1))

    def filled(self, path: Loc, written: str) -> None:
        """Note that a value is not what stands in the file: a variable or a file gave it."""
        self._written[path] = written

    def is_filled(self, path: Loc) -> bool:
        return path in self._written

    def origin(self, path: Loc, *, file: str) -> str:
        """
        Where a value stands, and what gave it: variables by their names, or another file.

        Not as it is written: what stands beside a variable, or in its default, can be a secret.
        """
        path = self._known(path)
        written = self._written.get(path)
        place = f"{file}:{self.place(path)[0]}"
        if written is None:
            return place
        names = [f"${{{name}}}" for name in _VARIABLE.findall(written)]
        return ", ".join([place, *(names or ["a file"])])

    def quoted(self, path: Loc, value: object) -> str:
        """A value as it stands in the file, in one line."""
        text = self._written.get(path, str(value))[:QUOTED]
        return "".join(letter if letter.isprintable() else "…" for letter in text)

    def mistake(self, path: Loc, text: str) -> None:
        """Note a mistake, unless it only follows from a value that could not be read."""
        path = self._known(path)
        if path not in self._unread:
            self.mistakes.append(self._at(path, text))

    def unread(self, path: Loc, text: str) -> str:
        """Note why a value cannot be read; what to put in its place."""
        self.mistake(path, text)
        self._unread.add(self._known(path))
        return UNKNOWN

    def missing(self, path: Loc, text: str) -> str:
        """The same of what stands elsewhere: in a variable, or in another file."""
        self.absent.append(self._known(path))
        return self.unread(path, text)

    def warn(self, path: Loc, text: str) -> None:
        """Note what is allowed, but hardly meant."""
        self.warnings.append(self._at(self._known(path), text))

    def _known(self, path: Loc) -> Loc:
        """The path itself, or its nearest parent that is in the file."""
        while path and path not in self._places:
            path = path[:-1]
        return path

    def _at(self, path: Loc, text: str) -> Mistake:
        return Mistake(*self.place(path), dotted(path), text)


def told(mistakes: Iterable[Mistake], *, file: str) -> list[str]:
    """A line for each, once, in the order of the file."""
    return [mistake.told(file) for mistake in sorted(set(mistakes))]


def dotted(path: Loc) -> str:
    """``routes[0].match.event``, as people write a path."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{word(step)}" for step in path]
    return "".join(parts).removeprefix(".")


def word(key: str) -> str:
    """A key as far as it is a word: in ``{secret:abc}`` YAML takes the secret for a part of it."""
    found = _WORD.match(key)
    start = found[0] if found else ""
    return start if start == key else f"{start}…"
