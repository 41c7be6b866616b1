"""
What is told of a template that fails: where, and why, and nothing of what a note says.

Python and Jinja quote the value that they could not use, and what they say ends in a log.
"""

import re
from collections.abc import Callable

from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateNotFound, TemplatesNotFound, TemplateSyntaxError

LENGTH = 300  # characters

_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|['\"].*", re.S)
_TYPE = re.compile(r"[\w.]+ object|bool|dict|float|function|int|list|NoneType|range|str|tuple")


def told(name: str, error: Exception, source: Callable[[str], str]) -> str:
    """``name`` is the template that was asked for; ``source`` reads one by its name."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or name}:{error.lineno}: {error.message}"
    place = _place(error) or name
    if isinstance(error, RecursionError):
        return f"{place}: calls or includes itself without end"
    text = _without_values(_text(error), source(place.split(":")[0]))
    return f"{place}: {text[:LENGTH]}"


def _text(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        names = error.templates if isinstance(error, TemplatesNotFound) else [error.name]
        return f"there is no template {' or '.join(repr(str(name)) for name in names)}"
    text = str(error).replace("'Rich'", "'str'")  # to a template every text is a str
    return text if isinstance(error, JinjaError) else f"{type(error).__name__}: {text}"


def _without_values(text: str, source: str) -> str:
    """Without all from the first quotation on that is neither the template's own nor a type."""
    for found in _QUOTED.finditer(text):
        quoted = found[1] or found[2]
        if not quoted or (quoted not in source and not _TYPE.fullmatch(quoted)):
            return f"{text[: found.start()]}…"
    return text


def _place(error: Exception) -> str:
    """Where in a template an error came up: Jinja rewrites tracebacks to say so."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            line = template.get_corresponding_lineno(trace.tb_lineno)
            found = f"{template.name}:{line}"
        trace = trace.tb_next
    return found
