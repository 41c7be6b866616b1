"""A route's ``when``: a Jinja expression over the names that templates have too."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError, meta, nodes

from relay.errors import TemplateError
from relay.model import AbuseReport, Event, Note, User
from relay.rendering.sandbox import Sandbox, bounded, snake

logger = logging.getLogger(__name__)

NOUNS: Mapping[str, type] = {"event": Event, "note": Note, "user": User, "report": AbuseReport}
"""The names at the top; each but ``event`` may be None."""

_SANDBOX = Sandbox()


def values(event: Event) -> dict[str, Any]:
    """What the names stand for."""
    return {"event": event, "note": event.note, "user": event.user, "report": event.report}


def predicate(expression: str) -> Callable[[Event], bool]:
    """
    Compile an expression to a condition on events.

    Where it fails on an event (``note.text`` where there is no note), it does not hold.
    Raises TemplateError if it is no expression, or has a name in it that no event has.
    """
    try:
        evaluate = _SANDBOX.compile_expression(expression, undefined_to_none=False)
        _check_names(_SANDBOX.parse("{{" + expression + "}}"))
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a Jinja expression: {error.message}") from None

    def holds(event: Event) -> bool:
        try:
            with bounded():
                return bool(evaluate(**values(event)))
        except (JinjaError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Not the error's text: it can hold what a private note says.
            reason = type(error).__name__
            logger.info("condition failed", extra={"action": "when", "reason": reason})
            return False

    return holds


def _check_names(parsed: nodes.Template) -> None:
    unknown = sorted(meta.find_undeclared_variables(parsed) - NOUNS.keys())
    if unknown:
        raise TemplateError(f"no such name: {unknown[0]}; there is {', '.join(sorted(NOUNS))}")
    for node in parsed.find_all(nodes.Getattr):
        _type_of(node)


def _type_of(node: nodes.Node) -> type | None:
    """The noun that an expression stands for, as far as that is known before there is an event."""
    if isinstance(node, nodes.Name):
        return NOUNS.get(node.name)
    if not isinstance(node, nodes.Getattr):
        return None
    noun = _type_of(node.node)
    if noun is None or not is_dataclass(noun):
        return None
    name = snake(node.attr)
    if not hasattr(noun, name) and name not in {field.name for field in fields(noun)}:
        raise TemplateError(f"no such name: {noun.__name__.lower()} has no {node.attr}")
    hint = get_type_hints(noun).get(name)
    known = [one for one in get_args(hint) or (hint,) if one is not NoneType]
    return known[0] if len(known) == 1 and isinstance(known[0], type) else None
