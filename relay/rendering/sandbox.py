"""
The Jinja environment of templates and of ``when``: sandboxed, escaped, and bounded in its work.

Jinja's own sandbox keeps templates away from Python, but lets them allocate and work without end
(``|center(10**9)``, ``"x" * 10**9``, loops in loops), some of it while it compiles. So what may be
called is chosen by name (``builtins``), everything is paid for (``meter``, ``instrument``), and
nothing is worked out before there is a meter. No time limit stands behind these bounds: Python
cannot stop a call into C, and what depends on the load of a machine cannot be tested.
"""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from types import CodeType
from typing import Any

from jinja2 import (
    BaseLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    nodes,
    pass_context,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateExpression, TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup

from relay.rendering import builtins, instrument
from relay.rendering.meter import SIZE, charge, joined, limited, owned, weighed
from relay.rendering.rich import carried

LOADING = 100  # steps that a look for a template costs
CALLING = 5  # steps that a macro costs, whatever it does
TOO_DEEP = "too much in each other"

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_LINES = re.compile(r"^debug_info = '([0-9=&]*)'", re.M)


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


@pass_context  # so Jinja cannot call it for what is constant: it would, while it compiles
def _written(context: Context, value: Any) -> Any:
    """What ``{{ }}`` writes."""
    return weighed(value) if value is not None else ""


class Generator(CodeGenerator):
    """Leaves ``a ~ b`` to the filter of ``instrument``: Jinja's own join makes a ``str``."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.visit(node.nodes[0], frame)


class Sandbox(SandboxedEnvironment):
    """Templates read Misskey's names off frozen values, and can reach nothing else."""

    code_generator_class = Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_written,
            optimized=False,  # the optimizer works out what is constant, without a meter
            cache_size=-1,
            auto_reload=False,
            extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        )
        self.filters: dict[str, Any] = {**builtins.filters(), **instrument.FILTERS}
        self.tests: dict[str, Any] = {**builtins.tests()}
        self.globals: dict[str, Any] = {**builtins.functions()}
        self.concat = joined  # type: ignore[method-assign]
        self.translate(lambda text: text, lambda one, many, number: one if number == 1 else many)

    def translate(
        self, gettext: Callable[[str], str], ngettext: Callable[[str, str, int], str]
    ) -> None:
        """The functions by which ``{% trans %}``, ``_()`` and ``ngettext()`` find their words."""

        def one(text: str, /, **named: Any) -> Markup:
            return builtins.formatted(gettext(text), named)

        def several(singular: str, plural: str, number: int, /, **named: Any) -> Markup:
            return builtins.formatted(ngettext(singular, plural, number), {"num": number} | named)

        self.newstyle_gettext = True  # ``{% trans %}`` hands its variables on
        self.globals |= {"_": one, "gettext": one, "ngettext": several}

    def getattr(self, obj: Any, attribute: str) -> Any:
        charge(1)
        # Most of what templates read: about these Jinja has nothing to find out.
        if (name := _field(obj.__class__, attribute)) is not None:
            return limited(getattr(obj, name))
        if obj.__class__ is TemplateModule and not attribute.startswith("_"):
            return vars(obj).get(attribute) or super().getattr(obj, attribute)
        name = snake(attribute) if is_dataclass(obj) else attribute
        return limited(super().getattr(obj, name))

    def getitem(self, obj: Any, argument: Any) -> Any:
        if argument.__class__ is not str and argument.__class__ is not int:
            weighed(argument)  # to find it among others is to read it
        charge(1)
        return limited(super().getitem(obj, argument))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        kwargs.pop("_block_vars", None)  # for functions that read a context: there is none
        kwargs.pop("_loop_vars", None)
        if isinstance(__obj, Macro):  # as Context.call does it, which finds out first what it is
            charge(CALLING)
            return limited(__obj(__context.eval_ctx, *args, **kwargs))
        builtins.pay_call(__obj, args, kwargs)
        owner = getattr(__obj, "__self__", None)
        result = owned(super().call(__context, __obj, *args, **kwargs))
        return carried(result, (owner, *args, *kwargs.values()))

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What ``map`` calls, by a name that no parser has seen."""
        if name in instrument.FILTERS:
            raise SecurityError(f"No filter named {name!r}.")
        return super().call_filter(name, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return builtins.operated(operator, self.binop_table[operator], left, right)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja's own sandbox lets ``format`` through, whose widths allocate without end."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr.startswith("_"):
            return False
        for kind, methods in builtins.METHODS:
            if isinstance(obj, kind):
                return attr in methods
        return isinstance(obj, Namespace | TemplateModule)

    def _load_template(self, name: str, globals: Any) -> Template:
        charge(LOADING)
        return super()._load_template(name, globals)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > SIZE:
            raise TemplateSyntaxError("the template is too large", 1, name, filename)
        parser = Parser(self, source, name, filename)
        try:
            return parser.parse()
        except (RecursionError, ValueError) as error:
            line = parser.stream.current.lineno
            raise TemplateSyntaxError(_reason(error), line, name, filename) from None

    def compile_expression(self, source: str, undefined_to_none: bool = True) -> TemplateExpression:
        if len(source) > SIZE:
            raise TemplateSyntaxError("the expression is too large", 1)
        try:
            return super().compile_expression(source, undefined_to_none)
        except (RecursionError, ValueError) as error:
            raise TemplateSyntaxError(_reason(error), 1) from None

    def _generate(
        self, source: nodes.Template, name: Any, filename: Any, defer_init: bool = False
    ) -> str:
        """Every template and expression goes this way before it becomes Python."""
        instrument.metered(source, name, filename)
        try:
            return super()._generate(source, name, filename, defer_init)
        except RecursionError:
            raise TemplateSyntaxError(TOO_DEEP, 1, name, filename) from None

    def _compile(self, source: str, filename: str) -> CodeType:
        """Python's own bounds: so many blocks and parentheses in each other."""
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError) as error:
            line = _line(source, getattr(error, "lineno", None) or 0)
            told = getattr(error, "msg", None) or TOO_DEEP
        raise TemplateSyntaxError(TOO_DEEP if "too many" in told else told, line, filename=filename)


def _reason(error: Exception) -> str:
    """Why a text cannot be parsed: Python reads no number of more than 4300 digits."""
    return TOO_DEEP if isinstance(error, RecursionError) else str(error).partition(";")[0]


def _line(source: str, number: int) -> int:
    """The line of a template for one of the Python that was made of it."""
    found = _LINES.search(source)
    pairs = [pair.split("=") for pair in found[1].split("&")] if found and found[1] else []
    return max((int(line) for line, at in pairs if int(at) <= number), default=1)
