"""A route's ``when``: a Jinja expression over the names that templates have too."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from jinja2 import TemplateSyntaxError, nodes

from relay.errors import TemplateError
from relay.model import AbuseReport, Event, Note, User
from relay.rendering.jinja import TemplateExpression
from relay.rendering.meter import BoundError, bounded
from relay.rendering.sandbox import Sandbox, snake

logger = logging.getLogger(__name__)

STEPS = 20_000  # of one condition on one event: it is asked before Misskey gets its answer

NOUNS: Mapping[str, type] = {"event": Event, "note": Note, "user": User, "report": AbuseReport}
"""The names at the top; each but ``event`` may be None."""

_SANDBOX = Sandbox()


def values(event: Event) -> dict[str, Any]:
    """The names at the top with their values for one event."""
    return {"event": event, "note": event.note, "user": event.user, "report": event.report}


def predicate(expression: str, *, route: str = "") -> Callable[[Event], bool]:
    """
    Compile an expression to a condition on events; ``route`` is the name of its route, for the log.

    Where it fails on an event (``note.text`` where there is no note) or takes too long, it does
    not hold: the route does not match, and nothing goes out by it.
    Raises TemplateError if it is not an expression, or has a name in it that no event has.
    """
    evaluate = _compiled(expression)

    def holds(event: Event) -> bool:
        try:
            with bounded(STEPS):
                return bool(evaluate(**values(event)))
        except Exception as error:  # an expression is a program: it can raise whatever Python can
            is_stopped = isinstance(error, BoundError | RecursionError | MemoryError)
            logger.log(
                logging.WARNING if is_stopped else logging.INFO,
                "condition failed",
                # Not the error's text: it can hold what a private note says.
                extra={"action": "when", "route": route, "reason": type(error).__name__},
            )
            return False

    return holds


def overrun(expression: str, events: Iterable[Event]) -> str | None:
    """The reason why a condition is stopped on one of these events; None if it never is."""
    evaluate = _compiled(expression)
    for event in events:
        try:
            with bounded(STEPS):
                bool(evaluate(**values(event)))
        except BoundError as error:
            return str(error)
        except Exception:  # noqa: S112 - events differ: on some of them it may fail
            continue
    return None


def _compiled(expression: str) -> TemplateExpression:
    try:
        evaluate = _SANDBOX.compile_expression(expression, undefined_to_none=False)
        _check_names(_SANDBOX.parse("{{" + expression + "}}"))
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a Jinja expression: {error.message}") from None
    return evaluate


def _check_names(parsed: nodes.Template) -> None:
    # An expression declares no names. Jinja's meta.find_undeclared_variables would compile it, with
    # the optimizer that works out what is constant.
    unknown = sorted({node.name for node in parsed.find_all(nodes.Name)} - NOUNS.keys())
    if unknown:
        raise TemplateError(f"no such name: {unknown[0]}; there is {', '.join(sorted(NOUNS))}")
    for node in parsed.find_all(nodes.Getattr):
        _type_of(node)


def _type_of(node: nodes.Node) -> type | None:
    """The class of an expression's value, if it is known before there is an event."""
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
    known = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    return known[0] if len(known) == 1 and isinstance(known[0], type) else None
