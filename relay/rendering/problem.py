"""
A mistake in a template, as a value: the file, the line and the reason.

Python and Jinja quote the value that they could not use, which can be what a private note says,
and errors end in a log: ``problem_of`` cuts every quotation that is not the template's own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateNotFound, TemplatesNotFound, TemplateSyntaxError

from relay.errors import TemplateError
from relay.rendering.jinja import place_of

LENGTH = 300  # characters

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|['\"].*", re.S)
_TYPE = re.compile(r"[\w.]+ object|bool|dict|float|function|int|list|NoneType|range|str|tuple")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a template; the line is None where it is not known."""

    name: str
    """The file's name in its folder, ``mention.j2``; empty: not about a template."""
    line: int | None
    text: str

    def __str__(self) -> str:
        place = ":".join(filter(None, (self.name, str(self.line or ""))))
        return f"{place}: {self.text}" if place else self.text


class ProblemError(TemplateError):
    """A template failed; its words are the problem's, with the place."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def problem_of(name: str, error: Exception, source: Callable[[str], str]) -> Problem:
    """``name`` is the template that was asked for; ``source`` reads one by its name."""
    if isinstance(error, TemplateSyntaxError):
        return Problem(error.name or name, error.lineno, error.message or "")
    file, line = place_of(error) or (name, None)
    if isinstance(error, RecursionError):
        return Problem(file, line, "calls or includes itself without end")
    return Problem(file, line, _without_values(_text(error), source(file))[:LENGTH])


def line_of_block(block: str, source: str) -> int | None:
    """The line on which a template begins a block; None if it has no such block."""
    begin = re.search(rf"\{{%[-+]?\s*block\s+{re.escape(block)}\b", source)
    return None if begin is None else source.count("\n", 0, begin.start()) + 1


def _text(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        names = error.templates if isinstance(error, TemplatesNotFound) else [error.name]
        return f"there is no template {' or '.join(repr(str(name)) for name in names)}"
    text = str(error).replace("'Rich'", "'str'")  # to a template every text is a str
    return text if isinstance(error, JinjaError) else f"{type(error).__name__}: {text}"


def _without_values(text: str, source: str) -> str:
    """A text up to the first quotation that is neither the template's own nor a type."""
    for match in _QUOTED.finditer(text):
        quoted = match[1] or match[2]
        if not quoted or (quoted not in source and not _TYPE.fullmatch(quoted)):
            return f"{text[: match.start()]}…"
    return text
