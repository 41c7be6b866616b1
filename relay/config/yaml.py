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

import yaml

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


LOOKED_BACK = 2000  # characters before the place where YAML gives a text up

_QUOTES = "a text that begins with {} needs quotes"
_BRACKET = "a bracket of line {line} is not closed, or a comma is missing"
_QUESTION = "inside brackets a text with a ? in it needs quotes, as many addresses do"
_COLON = "a key without a colon: write `key: value`"
_ESCAPE = "in double quotes a backslash begins an escape: use single quotes"
_INDENT = "a wrong indentation, or something behind a closing quote"
_OPEN_QUOTE = "a quote is not closed"

_WORDS = (
    ("mapping values are not allowed", "a colon too many: a text with `: ` in it needs quotes"),
    ("could not find expected ':'", _COLON),
    (r"found character '\t'", "a tab: YAML is indented with blanks only"),
    ("found undefined alias", f"no such anchor: {_QUOTES.format('*')}"),
    ("found duplicate anchor", "another anchor has that name"),
    ("found undefined tag handle", _QUOTES.format("!")),
    ("while scanning a tag", _QUOTES.format("!")),
    ("while parsing a tag", _QUOTES.format("!")),
    ("while scanning an anchor", _QUOTES.format("&")),
    ("while scanning an alias", _QUOTES.format("*")),
    ("while scanning a quoted scalar", _OPEN_QUOTE),
    ("found unknown escape", _ESCAPE),
    ("expected escape sequence", _ESCAPE),
    ("while scanning a block scalar", _QUOTES.format("| or >")),
    ("while scanning a directive", "a line must not begin with %"),
    ("but got '{'", 'inside brackets a variable needs quotes, too: "${NAME}"'),
    ("while parsing a flow", _BRACKET),
    ("found another document", "a second document: `---` may stand in the first line only"),
    ("expected <block end>", _INDENT),
    ("expected the node content", "a bracket or a comma with nothing before it"),
)
"""Parts of PyYAML's messages, and what they mean; the first that fits counts."""


def explained(error: yaml.YAMLError, text: str) -> Mistake:
    """A mistake in the words of people who don't know YAML's grammar."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(text, error.position)
    if (sign := _sign_in_brackets(error, text)) is not None:
        return sign
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    told = next((says for part, says in _WORDS if part in f"{context} {problem}"), None)
    if told == _BRACKET and _is_at_question(error, text):
        told = _QUESTION
    if told is None and (found := re.fullmatch("found character '(.)' that .*", problem)):
        told = _QUOTES.format(found[1])
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None or (start is not None and _begins_there(told, start.line, mark.line)):
        mark = start
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    opened = start.line + 1 if start is not None else line
    words = "" if told is None else f": {told.replace('{line}', str(opened))}"
    return Mistake(line, column, "", f"not YAML{words}")


def _is_at_question(error: yaml.YAMLError, text: str) -> bool:
    """Whether YAML gives up at a ``?`` in a text: inside brackets it begins a key."""
    mark = getattr(error, "problem_mark", None)
    return mark is not None and text[mark.index : mark.index + 1] == "?"


def _sign_in_brackets(error: yaml.YAMLError, text: str) -> Mistake | None:
    """
    A room's id or alias without quotes, inside brackets.

    A ``!`` there makes a tag of everything up to the next blank, comma and bracket too, and a ``#``
    a comment of the rest of the line, so YAML complains of a place behind.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None or "flow" not in str(getattr(error, "context", "")):
        return None
    start = max(0, mark.index - LOOKED_BACK)
    for found in re.compile(r"[:,\[{][ \t]+([!#])(?=\S)").finditer(text, start, mark.index + 1):
        before = text[: found.start(1)]
        if not re.search(r"[\[{][^\]}]*\Z", before[start:]):
            continue
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        return Mistake(line, column, "", f"not YAML: {_QUOTES.format(found[1])}")
    return None


def _begins_there(told: str | None, start: int, end: int) -> bool:
    """Whether to look where something begins, rather than where YAML gave it up."""
    return told in {_OPEN_QUOTE, _COLON, _QUOTES.format("!")} or (told == _BRACKET and start < end)


def _unprintable(text: str, position: int) -> Mistake:
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    code = f"U+{ord(text[position]):04X}"
    return Mistake(line, column, "", f"not YAML: a character that nobody can see ({code})")
