"""
What a file with mistakes was likely meant to say.

A model checks its whole only where all parts are right, and a sink of no known type not at all.
So a file with mistakes is read again as it was meant, for the mistakes behind the mistakes.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from relay.config.shape import Shape
from relay.config.source import Loc
from relay.suggestion import nearest

FORGIVEN = {"extra_forbidden", "literal_error", "enum", "bool_parsing", "bool_type"}
"""Without these keys the rest still makes sense."""


def likely(data: Mapping[str, Any], found: Iterable[ErrorDetails], shape: Shape) -> dict[str, Any]:
    """The data without what is forgiven of ``found``, and with the types of sinks put right."""
    meant = copy.deepcopy(dict(data))
    for one in found:
        if one["type"] in FORGIVEN:
            _remove(meant, shape.written(tuple(one["loc"])))
    sinks, types = meant.get("sinks"), shape.tags(("sinks", "any"))
    for sink in sinks.values() if isinstance(sinks, dict) else ():
        if isinstance(sink, dict) and isinstance(sink.get("type"), str):
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
