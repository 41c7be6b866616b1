"""
YAML text to plain data.

Scalars keep the text that was written, except ``true`` and ``false``: the models parse them, so
``12:30``, ``no`` and ``0123`` are not traps. A key without a value is a mistake. Anchors, aliases
and merge keys (``<<``) work as in YAML 1.1: an alias is a copy, and a mapping's own keys win over
merged ones.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from relay.config.compose import Compose, TooMuchError, compose, compose_quickly, place_of_node
from relay.config.diagnostics import SECRETS, Document, Loc, Mistake, dotted, word
from relay.config.env import UnreadError, content, filled, has_reference
from relay.config.env import place as place_of

VALUES = 200_000  # aliases of aliases could make a small file endless

_BOOLEANS = {"true": True, "false": False}
NO_VALUE = (
    "has no value: fill it in, or leave the key out (a text that begins with # or & needs quotes)"
)
NO_KEY = "a key must be a single word, followed by a colon and a space"
CUT = "ends before ` #`, which begins a comment: quote the whole secret, or remove the comment"
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_STANDARD = "tag:yaml.org,2002:"


def read(text: str, *, base: Path, environ: Mapping[str, str]) -> Document:
    """Read YAML; relative names of secret files start at ``base``."""
    document = _read(text, compose_quickly, base, environ)
    return _read(text, compose, base, environ) if document.mistakes else document


def _read(text: str, compose: Compose, base: Path, environ: Mapping[str, str]) -> Document:
    document = Document()
    try:
        root = compose(text)
        if root is not None and root.tag != _NULL:
            document.data = _Walk(document, text, base, environ).value(root, ())
    except yaml.YAMLError as error:
        document.mistakes.append(explained(error, text))
    except TooMuchError as error:
        document.mistakes.append(Mistake(*error.place, "", str(error)))
    return document


@dataclass(frozen=True, slots=True)
class _Pair:
    """A key as it is written, the name it means (without ``_file``), and its value."""

    key: yaml.Node
    written: str
    name: str
    value: yaml.Node

    @property
    def is_file(self) -> bool:
        return self.name != self.written


@dataclass
class _Walk:
    document: Document
    text: str
    base: Path
    environ: Mapping[str, str]
    above: list[yaml.Node] = field(default_factory=list)
    values: int = 0

    def value(self, node: yaml.Node, path: Loc) -> Any:
        self.document.put(path, place_of_node(node))
        self._count(node)
        if any(node is child for child in self.above):
            return self.document.unread(path, "an alias that contains itself")
        self.above.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(child, (*path, place)) for place, child in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self.above.pop()

    def _count(self, node: yaml.Node) -> None:
        self.values += 1
        if self.values > VALUES:
            raise TooMuchError("has too many values: aliases of aliases?", place_of_node(node))

    def _mapping(self, node: yaml.MappingNode, path: Loc) -> dict[str, Any]:
        pairs: dict[str, _Pair] = {}
        for pair in self._pairs(node, path):
            if (first := pairs.setdefault(pair.name, pair)) is not pair:
                self._report_twice(first, pair, path)
        for pair in self._merged(node, path):
            pairs.setdefault(pair.name, pair)
        return {name: self._member(pair, (*path, name)) for name, pair in pairs.items()}

    def _pairs(self, node: yaml.MappingNode, path: Loc) -> Iterator[_Pair]:
        """The keys that a mapping itself has."""
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.document.unread(path, "a text that begins with { or [ needs quotes")
                continue
            written = key.value
            if word(written) != written:
                self.document.mistakes.append(self._at(key, (*path, written), NO_KEY))
                continue
            name = written.removesuffix("_file")
            is_file = name in SECRETS and not isinstance(value, yaml.MappingNode)
            yield _Pair(key, written, name if is_file else written, value)

    def _merged(self, node: yaml.MappingNode, path: Loc) -> Iterator[_Pair]:
        """The keys that a mapping merges with ``<<``, from one mapping or a list of them."""
        merges = [value for key, value in node.value if key.tag == _MERGE]
        for merge in merges:
            for other in merge.value if isinstance(merge, yaml.SequenceNode) else [merge]:
                if not isinstance(other, yaml.MappingNode) or other in self.above:
                    text = "<< takes an alias of a mapping, like <<: *name"
                    self.document.mistakes.append(self._at(merge, path, text))
                    continue
                self._count(other)
                self.above.append(other)
                yield from self._pairs(other, path)
                yield from self._merged(other, path)
                self.above.pop()

    def _report_twice(self, first: _Pair, second: _Pair, path: Loc) -> None:
        names = dict.fromkeys((word(first.written), word(second.written)))
        text = f"{' and '.join(names)} given twice: first in line {place_of_node(first.key)[0]}"
        self.document.mistakes.append(self._at(second.key, (*path, second.name), text))

    def _at(self, node: yaml.Node, path: Loc, text: str) -> Mistake:
        return Mistake(*place_of_node(node), dotted(path), text)

    def _member(self, pair: _Pair, path: Loc) -> Any:
        self.document.put(path, place_of_node(pair.key))
        value = self.value(pair.value, path)
        if pair.name in SECRETS:
            self._warn_of_cuts(pair.value, path)
        if not pair.is_file:
            return value
        if isinstance(value, list):
            return [self._content(item, (*path, place)) for place, item in enumerate(value)]
        return self._content(value, path)

    def _warn_of_cuts(self, node: yaml.Node, path: Loc) -> None:
        """A secret with `` #`` in it, and no quotes around it, ends there."""
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(item, yaml.ScalarNode) and not item.style and _is_cut(item, self.text):
                self.document.warn(path, CUT)

    def _content(self, value: object, path: Loc) -> str:
        """The text of a secret's file."""
        self.document.filled(path, "…")
        file = place_of(str(value), base=self.base, environ=self.environ)
        self.document.files.append(file)
        try:
            return content(file)
        except UnreadError as error:
            return self.document.missing(path, str(error))

    def _scalar(self, node: yaml.Node, path: Loc) -> str | bool:
        text, is_plain = str(node.value), not getattr(node, "style", None)  # libyaml: an empty text
        if not node.tag.startswith(_STANDARD):
            return self.document.unread(path, "a text that begins with ! needs quotes")
        if node.tag == _NULL:
            return self.document.unread(path, NO_VALUE)
        if is_plain and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if has_reference(text):
            self.document.filled(path, text)
        try:
            return filled(text, self.environ)
        except UnreadError as error:
            return self.document.missing(path, str(error))


def _is_cut(node: yaml.ScalarNode, text: str) -> bool:
    """Whether a comment directly after a value looks like a part of the value."""
    behind = re.compile(r"([ \t]+)#([ \t]?)").match(text, node.end_mark.index)
    return behind is not None and (behind[1] == " " or not behind[2]) and "${" not in node.value


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
    (r"found character '\t'", "a tab: YAML is indented with spaces only"),
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
    """A YAML error in words that need no knowledge of YAML's grammar."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(text, error.position)
    if (sign := _sign_in_brackets(error, text)) is not None:
        return sign
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    message = next((says for part, says in _WORDS if part in f"{context} {problem}"), None)
    if message == _BRACKET and _is_at_question(error, text):
        message = _QUESTION
    if message is None and (character := re.fullmatch("found character '(.)' that .*", problem)):
        message = _QUOTES.format(character[1])
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None or (start is not None and _begins_there(message, start.line, mark.line)):
        mark = start
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    opened = start.line + 1 if start is not None else line
    words = "" if message is None else f": {message.replace('{line}', str(opened))}"
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
    for sign in re.compile(r"[:,\[{][ \t]+([!#])(?=\S)").finditer(text, start, mark.index + 1):
        before = text[: sign.start(1)]
        if not re.search(r"[\[{][^\]}]*\Z", before[start:]):
            continue
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        return Mistake(line, column, "", f"not YAML: {_QUOTES.format(sign[1])}")
    return None


def _begins_there(message: str | None, start: int, end: int) -> bool:
    """Whether the mistake is where a construct begins, not where the parser gave up."""
    return message in {_OPEN_QUOTE, _COLON, _QUOTES.format("!")} or (
        message == _BRACKET and start < end
    )


def _unprintable(text: str, position: int) -> Mistake:
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    code = f"U+{ord(text[position]):04X}"
    return Mistake(line, column, "", f"not YAML: an invisible character ({code})")
