"""
YAML's own errors, with the place to look at and what would be right.

Nothing is quoted of the text but single characters: what is wrong can be a secret.
"""

import re

import yaml

from relay.config.source import Mistake

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
