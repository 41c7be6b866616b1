"""
The Jinja environment of templates and of ``when``: sandboxed, escaped, and bounded in its work.

Jinja's own sandbox keeps templates away from Python, but lets them allocate and work without end
(``|center(10**9)``, ``"x" * 10**9``, loops in loops), some of it while it compiles. So what may be
called is chosen by name (``builtins``), everything is paid for (``meter``, ``instrument``), and
nothing is computed before there is a meter. No time limit stands behind these bounds: Python
cannot stop a call into C, and what depends on the load of a machine cannot be tested.
"""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import SecurityError
from markupsafe import Markup, escape

from relay.rendering import builtins, instrument, jinja
from relay.rendering.jinja import (
    Context,
    DirectGenerator,
    Environment,
    Macro,
    Namespace,
    TemplateModule,
)
from relay.rendering.meter import SIZE, carried, charge, joined, limited, owned, turns, weighed
from relay.rendering.rich import ATTRIBUTIONS, Attribution

LOADING = 100  # steps that a look for a template costs
CALLING = 5  # steps that a call of a macro costs
TURN = 40  # steps that a turn of a loop costs in a template that comes with relay

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


@cache
def snake(name: str) -> str:
    """``renoteCount``, as Misskey's API has it, is ``renote_count`` here."""
    return _CAMEL.sub(r"_\1", name).lower()


@cache
def _field(kind: type, attribute: str) -> tuple[str, Attribution | None] | None:
    """The field of the model that templates read as ``attribute``, and how to get its origin."""
    if not is_dataclass(kind):
        return None
    name = snake(attribute)
    is_property = isinstance(vars(kind).get(name), property)
    known = is_property or name in {field.name for field in fields(kind)}
    if not known or name.startswith("_"):
        return None
    return name, ATTRIBUTIONS.get(kind, {}).get(name)


@pass_context  # with a context, Jinja does not call it for constants while it compiles
def _written(context: Context, value: Any) -> Any:
    """The value that ``{{ }}`` writes, paid for."""
    return weighed(value) if value is not None else ""


class Sandbox(Environment):
    """Templates read Misskey's names off frozen values, and can reach nothing else."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_written,
            optimized=False,  # the optimizer computes constants without a meter
            cache_size=-1,
            auto_reload=False,
            extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        )
        self.filters: dict[str, Any] = {**builtins.filters(), **instrument.FILTERS}
        self.tests: dict[str, Any] = {**builtins.tests()}
        self.globals: dict[str, Any] = {**builtins.functions()}
        self.capture_with(joined)
        self.translate(
            lambda text: text, lambda single, many, number: single if number == 1 else many
        )

    def translate(
        self, gettext: Callable[[str], str], ngettext: Callable[[str, str, int], str]
    ) -> None:
        """The functions by which ``{% trans %}``, ``_()`` and ``ngettext()`` find their words."""

        def translated(text: str, /, **named: Any) -> Markup:
            return builtins.formatted(gettext(text), named)

        def several(singular: str, plural: str, number: int, /, **named: Any) -> Markup:
            return builtins.formatted(ngettext(singular, plural, number), {"num": number} | named)

        self.newstyle_gettext = True  # ``{% trans %}`` hands its variables on
        self.globals |= {"_": translated, "gettext": translated, "ngettext": several}

    def getattr(self, obj: Any, attribute: str) -> Any:
        charge(1)
        # Most reads are of the model: Jinja has nothing to find out about them.
        if (field := _field(obj.__class__, attribute)) is not None:
            value = limited(getattr(obj, field[0]))
            return self.attributed(obj, *field, value) if value and field[1] else value
        if obj.__class__ is TemplateModule and not attribute.startswith("_"):
            return jinja.exported(obj, attribute) or super().getattr(obj, attribute)
        name = snake(attribute) if is_dataclass(obj) else attribute
        return limited(super().getattr(obj, name))

    def getitem(self, obj: Any, argument: Any) -> Any:
        if argument.__class__ is not str and argument.__class__ is not int:
            weighed(argument)  # looking it up reads it
        charge(1)
        return limited(super().getitem(obj, argument))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        kwargs = jinja.without_scopes(kwargs)
        if isinstance(__obj, Macro):
            charge(CALLING)
            return limited(jinja.call_macro(__obj, __context, args, kwargs))
        builtins.pay_call(__obj, args, kwargs)
        owner = getattr(__obj, "__self__", None)
        result = owned(super().call(__context, __obj, *args, **kwargs))
        return carried(result, (owner, *args, *kwargs.values()))

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Called by ``map`` with a name that no parser has seen."""
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

    def attributed(self, owner: Any, name: str, attribution: Any, value: Any) -> Any:
        """A value that users wrote, with its origin; here, without an event, as it is."""
        return value

    def loading(self) -> None:
        charge(LOADING)

    def parsing(self, source: str, name: str | None, filename: str | None) -> None:
        if len(source) > SIZE:
            raise TemplateSyntaxError("the source is too large", 1, name, filename)

    def compiling(self, template: nodes.Template, name: str | None, filename: str | None) -> None:
        instrument.metered(template, name, filename)


class Direct(Sandbox):
    """
    The environment of templates that come with relay: quick, because they are known to end.

    Only a loop is paid for, by its turns; all else in them is done a fixed number of times. What
    they call is Jinja's, and what they read is there.
    """

    code_generator_class = DirectGenerator
    looked_up = frozenset(name for names in ATTRIBUTIONS.values() for name in names)

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(loader)
        self.filters = dict(jinja.FILTERS) | {" turns": turns}
        self.tests = dict(jinja.TESTS)
        self.finalize = _escaped
        self.capture_with("".join)

    def getattr(self, obj: Any, attribute: str) -> Any:
        value = getattr(obj, attribute)
        if value and (kind := ATTRIBUTIONS.get(obj.__class__)) and attribute in kind:
            return self.attributed(obj, attribute, kind[attribute], value)
        return value

    def compiling(self, template: nodes.Template, name: str | None, filename: str | None) -> None:
        for read in template.find_all(nodes.Getattr):
            read.attr = snake(read.attr)
        for loop in template.find_all(nodes.For):
            loop.iter = instrument.passed(" turns", loop.iter, nodes.Const(TURN))


def _escaped(value: Any) -> str:
    """The markup of the value that ``{{ }}`` writes."""
    if value.__class__ is Markup:
        return value
    return escape(value) if value is not None else ""
