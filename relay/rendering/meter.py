"""
The meter of a rendering: work is counted in steps and paid for before it is done.

A step is about a microsecond. Whatever takes longer with larger values costs more with larger
values, so the number of steps bounds the time; ``limited`` bounds what one value may hold.
"""

from collections.abc import Generator, Iterable, Iterator, KeysView, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from markupsafe import Markup

from relay.rendering.jinja import (
    BlockReference,
    Cycler,
    Joiner,
    LoopContext,
    Macro,
    TemplateReference,
)
from relay.rendering.rich import Rich, combined

STEPS = 200_000  # of one rendering
CHARACTERS = 128  # that are read or copied in one step
COMPARED = 4096  # pairs of characters that are compared in one step, in the worst of searches
ITEM = 32  # characters that take as long as one item of a list
SIZE = 200_000  # characters of one value, or items, or characters of one rendering
RICH = 2  # texts that get an origin in one step
ITEMS = 50_000  # in all lists of one value that is read
HEAVIEST = ITEMS * ITEM  # all that such a value holds, in characters
DEPTH = 100  # lists in lists
BITS = 64  # of a whole number: enough for every time, count and size

_OPAQUE = (
    BlockReference,
    BuiltinFunctionType,
    Cycler,
    FunctionType,
    Joiner,
    LoopContext,
    Macro,
    MethodType,
    TemplateReference,
    Undefined,
    complex,
    float,
    type(None),
)
"""Types whose values are as small as their names, or cannot be read."""

_SIZED = (str, list, tuple)
_COPIED = (list, tuple, dict)
_TEXTS = (str, Rich, Markup)

_left: ContextVar[list[int]] = ContextVar("left")


class BoundError(SecurityError):
    """A template or a condition exceeds its steps, or the size of a value."""


class bounded:  # noqa: N801 - reads as a verb: ``with bounded():``
    """
    Count the steps of all that is rendered within; BoundError after too many.

    Gives the steps that are left. Within another, both are counted.
    """

    __slots__ = ("_left", "_most", "_outer", "_token")

    def __init__(self, steps: int = STEPS) -> None:
        self._outer = _left.get(None)
        self._most = steps if self._outer is None else max(0, min(steps, self._outer[0]))
        self._left = [self._most]

    def __enter__(self) -> list[int]:
        self._token = _left.set(self._left)
        return self._left

    def __exit__(self, *error: object) -> None:
        _left.reset(self._token)
        if self._outer is not None:
            self._outer[0] -= self._most - self._left[0]


def charge(steps: int) -> None:
    """Pay for work to come."""
    left = _left.get()
    left[0] -= steps
    if left[0] < 0:
        raise BoundError("takes too many steps: a loop in a loop, or a text copied often?")


def read(characters: int) -> None:
    """Pay for reading or copying a text."""
    charge(1 + characters // CHARACTERS)


def limited(value: Any) -> Any:
    """The value, if it is not larger than a message could ever need; else BoundError."""
    if isinstance(value, _SIZED):
        if len(value) > SIZE:
            raise BoundError(f"a value of more than {SIZE} characters or items")
    elif isinstance(value, int) and value.bit_length() > BITS:
        raise BoundError(f"a whole number of more than {BITS} bits")
    return value


def weighed(value: Any) -> Any:
    """The value, after reading all of it is paid for. Reading a short text is free."""
    if value.__class__ in _TEXTS:
        if (length := len(value)) > CHARACTERS:
            charge(length // CHARACTERS)
            return limited(value)
        return value
    if value is not None and value.__class__ is not bool:
        read(weight(value))
    return value


def itemised(value: Any) -> Any:
    """The value, after a look at each of its items, or characters, is paid for."""
    if value.__class__ in _TEXTS:
        return spelled(value)
    return weighed(value)


def spelled(value: Any) -> Any:
    """The value, after a look at each of its characters is paid for."""
    charge(1 + weight(limited(value)) * ITEM // CHARACTERS)
    return value


def weight(value: Any) -> int:
    """The size of a value with all in it, in characters. BoundError if too large or deep."""
    total = 0
    level: list[Any] = [value]
    for _ in range(DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                total += len(item)
            elif isinstance(item, int):
                limited(item)
            elif isinstance(item, range):
                total += ITEM * len(item)
            elif not isinstance(item, _OPAQUE):
                inner = _inside(item)
                total += ITEM * len(inner)
                if total <= HEAVIEST:
                    deeper.extend(inner)
            if total > HEAVIEST:
                raise BoundError(f"a value of more than {ITEMS} items, those in its lists included")
        if not deeper:
            return total
        level = deeper
    raise BoundError(f"more than {DEPTH} lists nested")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        _check_length(value)
        return [*value, *value.values()]
    if isinstance(value, list | tuple | AbstractSet | KeysView | ValuesView):
        _check_length(value)
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in fields(value)]
    raise SecurityError(f"a {type(value).__name__} is neither a text nor a number nor a list")


def _check_length(value: Any) -> None:
    if len(value) > SIZE:
        raise BoundError(f"a value of more than {SIZE} characters or items")


def turns(values: Any, each: int) -> Any:
    """The items of a loop, after all its turns are paid for."""
    items = owned(values)
    charge(1 + (len(items) * each if hasattr(items, "__len__") else each))
    return items


def owned(value: Any) -> Any:
    """A new value, after its size is paid for; an iterator becomes a list."""
    if not isinstance(value, _SIZED) and isinstance(value, Iterator):
        value = list(_counted(value))
    return copied(limited(value))


def _counted(values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        charge(1)
        yield value


def copied(value: Any) -> Any:
    """The value, after the memory of its text or list is paid for."""
    if isinstance(value, str):
        if len(value) > CHARACTERS:
            charge(len(value) // CHARACTERS)
    elif isinstance(value, _COPIED):
        charge(len(value) * ITEM // CHARACTERS)
    return value


def searched(text: str, part: str) -> None:
    """Pay for searching a text for another."""
    read(len(text))
    charge(len(text) * len(part) // COMPARED)


def joined(pieces: Iterable[str]) -> str:
    """Put the pieces of a rendering together."""
    parts, size = [], 0
    for piece in pieces:
        size += len(piece) + 1
        if size > SIZE:
            error = BoundError(f"more than {SIZE} characters")
            if isinstance(pieces, Generator):
                pieces.throw(error)  # so it comes from the line that wrote too much
            raise error
        parts.append(piece)
    if size > CHARACTERS:
        charge(size // CHARACTERS)
    return "".join(parts)


def paid(pieces: Iterable[Any]) -> tuple[Any, ...]:
    """The parts of ``a ~ b``, if they fit into one value."""
    parts = tuple(pieces)
    total = sum(len(part) if isinstance(part, str) else weight(part) for part in parts)
    if total > SIZE:
        raise BoundError(f"a value of more than {SIZE} characters")
    read(total)
    return parts


def carried(result: Any, args: Iterable[Any]) -> Any:
    """A text, or a list of texts, with the origin of the texts that an operation made it of."""
    kind = result.__class__
    if kind is not str and kind is not list and kind is not tuple:
        return result
    origin = combined(args)
    if origin is None:
        return result
    if kind is str:
        return Rich(result, origin)
    charge(len(result) // RICH)
    return kind(Rich(part, origin) if part.__class__ is str else part for part in result)
