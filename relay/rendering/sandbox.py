"""
The Jinja environment of templates and of ``when``: sandboxed, escaped, and bounded in its work.

Jinja's own sandbox keeps templates away from Python, but lets them allocate without end
(``|center(10**9)``, ``"x" * 10**9``); so filters, methods and operators are chosen here by name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateSyntaxError, nodes, pass_eval_context
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.filters import do_join
from jinja2.nodes import EvalContext
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

STEPS = 50_000  # attributes read and functions called in one rendering
SIZE = 200_000  # characters of one value, or of one rendering
RANGE = 1_000

FILTERS = (
    "abs capitalize count d default dictsort e escape filesizeformat first float groupby "
    "int items last length list lower map max min reject rejectattr reverse round select "
    "selectattr sort string sum title trim truncate unique upper wordcount"
).split()
TEXT_METHODS = frozenset(
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit "
    "islower isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind "
    "rpartition rsplit rstrip split splitlines startswith strip swapcase title upper".split()
)

_steps: ContextVar[list[int]] = ContextVar("steps")
_SIZED = (str, list, tuple)
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


@contextmanager
def bounded() -> Iterator[None]:
    """Count the steps of all that is rendered within; SecurityError after too many."""
    token = _steps.set([STEPS])
    try:
        yield
    finally:
        _steps.reset(token)


def _step() -> None:
    left = _steps.get()
    left[0] -= 1
    if left[0] < 0:
        raise SecurityError(f"more than {STEPS} steps: a loop in a loop?")


def limited(text: Any) -> Any:
    """A value that is not longer than a message could ever be."""
    if isinstance(text, _SIZED) and len(text) > SIZE:
        raise SecurityError(f"a value of more than {SIZE} characters")
    return text


@cache
def snake(name: str) -> str:
    """``renoteCount``, as Misskey's API has it, is ``renote_count`` here."""
    return _CAMEL.sub(r"_\1", name).lower()


@cache
def _field(kind: type, attribute: str) -> str | None:
    """What a noun of ours calls that which templates read by this name; None of any other type."""
    if not is_dataclass(kind):
        return None
    name = snake(attribute)
    is_property = isinstance(vars(kind).get(name), property)
    known = is_property or name in {field.name for field in fields(kind)}
    return name if known and not name.startswith("_") else None


class Sandbox(ImmutableSandboxedEnvironment):
    """Templates read Misskey's names off frozen values, and can reach nothing else."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: "" if value is None else value,
            cache_size=-1,
            auto_reload=False,
            extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        )
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.filters |= {"join": _join, "limited": limited, "replace": _replace}
        self.globals = {
            name: self.globals[name] for name in ("_", "dict", "namespace", "joiner", "cycler")
        }
        self.globals["range"] = _range

    def getattr(self, obj: Any, attribute: str) -> Any:
        _step()
        # Most of what templates read: about these Jinja has nothing to find out.
        if (name := _field(obj.__class__, attribute)) is not None:
            return limited(getattr(obj, name))
        if obj.__class__ is TemplateModule and not attribute.startswith("_"):
            return vars(obj).get(attribute) or super().getattr(obj, attribute)
        name = snake(attribute) if is_dataclass(obj) else attribute
        return limited(super().getattr(obj, name))

    def getitem(self, obj: Any, argument: Any) -> Any:
        _step()
        return limited(super().getitem(obj, argument))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        _step()
        if isinstance(__obj, Macro):  # as Context.call does it, which finds out first what it is
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return limited(__obj(__context.eval_ctx, *args, **kwargs))
        return limited(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _step()
        if operator == "*" and (isinstance(left, str | list) or isinstance(right, str | list)):
            raise SecurityError("repeating a text with * is not allowed")
        if operator == "**" and (abs(left) > 1_000_000 or abs(right) > 8):
            raise SecurityError("a number this large is not allowed")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("use ~ instead of % to put texts together")
        return limited(super().call_binop(context, operator, left, right))

    def wrap_str_format(self, value: Any) -> None:
        """Jinja's own sandbox lets ``format`` through, whose widths allocate without end."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str):
            return attr in TEXT_METHODS
        if isinstance(obj, Mapping):
            return attr in {"items", "keys", "values", "get"}
        return super().is_safe_attribute(obj, attr, value)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        for node in parsed.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)):
            raise TemplateSyntaxError(
                "{% autoescape %} is not allowed", node.lineno, name, filename
            )
        for concat in parsed.find_all(nodes.Concat):
            _bound(concat)
        return parsed


def _bound(concat: nodes.Concat) -> None:
    """Let the parts of ``a ~ b`` pass the filter that limits them: loops could double a text."""
    concat.nodes = [
        nodes.Filter(part, "limited", [], [], None, None, lineno=concat.lineno)
        for part in concat.nodes
    ]


@pass_eval_context
def _join(
    eval_ctx: EvalContext, values: Iterable[Any], d: str = "", attribute: str | None = None
) -> str:
    found = list(values)
    if len(found) * len(d) > SIZE:
        raise SecurityError(f"a value of more than {SIZE} characters")
    joined: str = do_join(eval_ctx, found, d, attribute)
    return joined


def _replace(text: str, old: str, new: str) -> str:
    if text.count(old) * len(new) > SIZE:
        raise SecurityError(f"a value of more than {SIZE} characters")
    return text.replace(old, new)


def _range(*limits: int) -> range:
    found = range(*limits)
    if len(found) > RANGE:
        raise SecurityError(f"a range of more than {RANGE} numbers")
    return found
