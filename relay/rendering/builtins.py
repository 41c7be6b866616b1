"""
The filters, tests, functions and methods that templates and conditions may call, by name.

A call is paid for by the size of its arguments before it begins (``meter``). Where Jinja's own
function takes longer than that, or makes more than it gets, a function here replaces it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from functools import wraps
from typing import Any

from jinja2 import Environment, pass_environment, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from markupsafe import Markup, soft_str

from relay.rendering import jinja
from relay.rendering.jinja import (
    BlockReference,
    Cycler,
    GroupTuple,
    Joiner,
    LoopContext,
    Macro,
    Namespace,
    attribute_getter,
)
from relay.rendering.meter import (
    CHARACTERS,
    SIZE,
    BoundError,
    carried,
    charge,
    itemised,
    limited,
    owned,
    read,
    searched,
    spelled,
    weighed,
    weight,
)

RANGE = 1_000
DIGITS = 20  # that ``round`` may keep or take away
LARGE = 1_000  # bits of a power, before it is known whether it is small enough
WIDTH = 99  # characters to which a format may fill up

LIGHT = "count d default first last length"
"""Filters that look at no more than an item or two."""
PLAIN = "abs capitalize e escape filesizeformat float int list lower reverse string truncate upper"
"""Filters that read their arguments, a text as a whole."""
SLOW = "dictsort groupby items map max min reject rejectattr select selectattr sort"
"""Filters that look at each item, or at each character of a text, by itself."""
SLOWEST = "title wordcount"
"""Filters that look at each character of their arguments."""
LIGHT_TESTS = (
    "boolean callable defined divisibleby escaped even false filter float integer iterable mapping "
    "none number odd sameas sequence string test true undefined"
)
TESTS = "lower upper == eq equalto != ne > gt greaterthan ge >= < lt lessthan <= le"

STRIPPING = frozenset("lstrip rstrip strip".split())
"""Methods of texts that may look at each character once for each of their argument's."""
SEARCHING = frozenset("count find index partition rfind rindex rpartition rsplit split".split())
"""Methods of texts that search for their argument."""
METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (
        str,
        STRIPPING
        | SEARCHING
        | frozenset(
            "capitalize casefold endswith isalnum isalpha isascii isdecimal isdigit islower "
            "isspace istitle isupper lower removeprefix removesuffix splitlines startswith "
            "swapcase title upper".split()
        ),
    ),
    (Mapping, frozenset("get items keys values".split())),
    (GroupTuple, frozenset("count grouper index list".split())),  # of ``groupby``
    (tuple, frozenset("count index".split())),
    (list, frozenset("count index".split())),
    (range, frozenset("count index start step stop".split())),
    (
        LoopContext,
        frozenset(
            "changed cycle depth depth0 first index index0 last length nextitem previtem revindex "
            "revindex0".split()
        ),
    ),
    (Cycler, frozenset("current next reset".split())),
    (Macro, frozenset("arguments caller catch_kwargs catch_varargs name".split())),
    (BlockReference, frozenset({"super"})),
)
"""The attributes of values other than the model's that templates may read."""

_FORMAT = re.compile(r"%(?:\([^()]*\))?([^a-zA-Z%]*)[a-zA-Z%]")
_FLAGS = re.compile(r"[-+ #0]*[0-9]{0,2}(\.[0-9]{0,2})?")


def filters() -> dict[str, Callable[..., Any]]:
    theirs = jinja.FILTERS
    plain = {name: theirs[name] for name in PLAIN.split()}
    plain |= {"replace": _replace, "round": _round, "trim": _trim}
    slow = {name: theirs[name] for name in SLOW.split()}
    slow |= {"join": _join, "sum": _sum, "unique": _unique}
    names = {name: light(theirs[name]) for name in LIGHT.split()}
    names |= {name: heavy(function) for name, function in plain.items()}
    names |= {name: heavy(function, itemised) for name, function in slow.items()}
    return names | {name: heavy(theirs[name], spelled) for name in SLOWEST.split()}


def tests() -> dict[str, Callable[..., Any]]:
    theirs = jinja.TESTS
    names = {name: light(theirs[name]) for name in LIGHT_TESTS.split()}
    names |= {name: heavy(theirs[name]) for name in TESTS.split()}
    return names | {"in": found_in}


def functions() -> dict[str, Callable[..., Any]]:
    """The functions of the top level; their arguments are paid for by ``pay_call``."""
    return {
        "cycler": Cycler,
        "dict": _dict,
        "joiner": Joiner,
        "namespace": Namespace,
        "range": _range,
    }


def pay_call(function: Any, args: Iterable[Any], named: Mapping[str, Any]) -> None:
    """Pay for a call, by its arguments and by the value whose method it is."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, str):
        texts = "".join(arg for arg in (*args, *named.values()) if isinstance(arg, str))
        searched(owner, texts if function.__name__ in SEARCHING else "")
        charge(len(owner) * len(texts) // CHARACTERS if function.__name__ in STRIPPING else 0)
    elif isinstance(owner, list | tuple):
        weighed(owner)
    elif isinstance(owner, Mapping):
        charge(1 + len(owner))
    else:
        charge(1)
    for arg in (*args, *named.values()):
        weighed(arg)


def found_in(part: Any, whole: Any) -> bool:
    """The operator ``part in whole``, paid for."""
    if isinstance(part, str) and isinstance(whole, str):
        searched(whole, part)
    else:
        charge(1)
        weighed(part)
        weighed(whole)
    return part in whole


def operated(operator: str, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """The operator ``left + right`` and its like, paid for."""
    charge(1)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        read(len(left) + len(right))  # they are copied, not what they hold
    else:
        weighed(left)
        weighed(right)
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if operator == "*" and not numbers:
        raise SecurityError("only numbers can be multiplied")
    if operator == "%" and isinstance(left, str):
        raise SecurityError("use ~ instead of % to put texts together")
    whole = isinstance(left, int) and isinstance(right, int)
    if operator == "**" and whole and left.bit_length() * right > LARGE:
        raise BoundError("a power this large is not allowed")
    return carried(limited(function(left, right)), (left, right))


def key(value: Any) -> Any:
    """A key of a mapping: a value that is compared in constant time."""
    if not isinstance(weighed(value), str | int | float | None) and not is_dataclass(value):
        raise SecurityError(f"a {type(value).__name__} is neither a text nor a number")
    return value


def formatted(text: str, named: Mapping[str, Any]) -> Markup:
    """A translated text with its variables, ``%(name)s``."""
    if "%" not in text:
        return Markup(text)  # noqa: S704
    places = _FORMAT.findall(text)
    if not all(_FLAGS.fullmatch(flags) for flags in places):
        raise SecurityError("a format may be at most 99 characters wide")
    longest = max(
        (len(value) if isinstance(value, str) else weight(value) for value in named.values()),
        default=0,
    )
    if len(text) + len(places) * (longest + WIDTH) > SIZE and places:
        raise BoundError(f"a value of more than {SIZE} characters")
    return Markup(text) % named  # noqa: S704


def light(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test that takes the same time with larger values."""

    @wraps(function)
    def paid(*args: Any, **named: Any) -> Any:
        charge(1)
        return carried(limited(function(*args, **named)), args)

    return paid


def heavy(function: Callable[..., Any], pay: Callable[[Any], Any] = weighed) -> Callable[..., Any]:
    """A filter or test that pays for its arguments and whose result is bounded."""
    first = 1 if jinja.first_argument_is_jinjas(function) else 0

    @wraps(function)
    def paid(*args: Any, **named: Any) -> Any:
        charge(1)
        for arg in args[first:]:
            pay(arg)
        for arg in named.values():
            pay(arg)
        return carried(owned(function(*args, **named)), (*args, *named.values()))

    return paid


@pass_eval_context
def _join(
    eval_ctx: EvalContext, values: Iterable[Any], d: str = "", attribute: str | None = None
) -> Any:
    items = list(values)
    if len(items) * len(d) > SIZE:
        raise BoundError(f"a value of more than {SIZE} characters")
    if attribute is not None:
        items = [*map(attribute_getter(eval_ctx.environment, attribute), items)]
    return carried(jinja.join(eval_ctx, items, d), items)


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = soft_str(value), soft_str(old), soft_str(new)
    searched(text, old)
    if text.count(old) * len(new) > SIZE:
        raise BoundError(f"a value of more than {SIZE} characters")
    return text.replace(old, new, count)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > DIGITS:
        raise BoundError(f"more than {DIGITS} digits")
    return jinja.round_to(value, precision, method)


@pass_environment
def _sum(
    environment: Environment, values: Iterable[Any], attribute: Any = None, start: Any = 0
) -> Any:
    total, read_off = start, attribute_getter(environment, attribute)
    for item in values:
        value = read_off(item)
        if not isinstance(total, int | float) or not isinstance(value, int | float):
            raise SecurityError("only numbers have a sum")
        total = limited(total + value)
    return total


def _trim(value: Any, chars: str | None = None) -> str:
    text = soft_str(value)
    read(len(text) * len(chars or ""))
    return text.strip(chars)


@pass_environment
def _unique(
    environment: Environment,
    values: Iterable[Any],
    case_sensitive: bool = False,
    attribute: Any = None,
) -> list[Any]:
    postprocess = None if case_sensitive else jinja.lower
    read_off = attribute_getter(environment, attribute, postprocess)
    unique: dict[Any, Any] = {}
    for item in values:
        unique.setdefault(key(read_off(item)), item)
    return list(unique.values())


def _dict(*pairs: Any, **named: Any) -> dict[Any, Any]:
    result = dict(*pairs, **named)
    for name in result:
        key(name)
    return result


def _range(*limits: int) -> range:
    numbers = range(*limits)
    if len(numbers) > RANGE:
        raise BoundError(f"a range of more than {RANGE} numbers")
    return numbers
