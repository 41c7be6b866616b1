"""
All that relay relies on in Jinja that its documentation does not promise.

``Environment`` has hooks at the steps from a template's name to Python; the rest are functions that
say what they do in relay's words. Each has a test of its own in ``tests/unit/test_jinja.py``: a
Jinja that changes one of these things fails there, with its name.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from types import CodeType
from typing import Any

from jinja2 import Template, TemplateSyntaxError, filters, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateExpression, TemplateModule
from jinja2.parser import Parser
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import TESTS as _TESTS
from jinja2.utils import Cycler, Joiner, Namespace

__all__ = [
    "FILTERS",
    "TESTS",
    "BlockReference",
    "Context",
    "Cycler",
    "DirectGenerator",
    "Environment",
    "GroupTuple",
    "Joiner",
    "LoopContext",
    "Macro",
    "Namespace",
    "TemplateExpression",
    "TemplateModule",
    "TemplateReference",
    "attribute_getter",
    "blocks_of",
    "call_macro",
    "exported",
    "first_argument_is_jinjas",
    "join",
    "lower",
    "place_of",
    "round_to",
    "without_scopes",
]

FILTERS: Mapping[str, Callable[..., Any]] = filters.FILTERS
TESTS: Mapping[str, Any] = _TESTS
GroupTuple: type = filters._GroupTuple
"""The result of the filter ``groupby``: ``grouper`` and ``list``."""

TOO_DEEP = "nested too deeply"

_LINES = re.compile(r"^debug_info = '([0-9=&]*)'", re.M)


class _Generator(CodeGenerator):
    """Compiles a template after ``Environment.compiling`` has changed it."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """``a ~ b`` as the one filter that it is by then: Jinja's own join makes a plain text."""
        self.visit(node.nodes[0], frame)

    def visit_Block(self, node: nodes.Block, frame: Frame) -> None:  # noqa: N802
        """Writes no block of a root: ``blocks_of`` calls each block by its name."""
        environment = self.environment
        in_root = isinstance(environment, Environment) and environment.blocks_apart
        if node.required or not frame.toplevel or not in_root:
            super().visit_Block(node, frame)


class DirectGenerator(_Generator):
    """
    Compiles reads and calls to Python's own, without asking the environment.

    For templates that come with relay: they read only what is there. ``Environment.looked_up`` are
    the names that the environment is asked for.
    """

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        CodeGenerator.visit_Concat(self, node, frame)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        if isinstance(self.environment, Environment) and node.attr in self.environment.looked_up:
            super().visit_Getattr(node, frame)
        else:
            self.visit(node.node, frame)
            self.write(f".{node.attr}")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        self.visit(node.node, frame)
        self.write("(")
        for arg in (*node.args, *node.kwargs):
            self.visit(arg, frame)
            self.write(", ")
        self.write(")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        """``finalize`` also escapes what is not markup yet."""
        self.write("environment.finalize(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(")")


class _Template(Template):
    """Runs the root of an imported template once per rendering: Jinja does so once per process."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        environment: Environment = self.environment  # type: ignore[assignment]
        modules = None if self.name in environment.only_macros else environment.modules()
        if modules is None:
            return super()._get_default_module(ctx)
        if self.name not in modules:
            modules[self.name] = self.make_module()
        module: TemplateModule = modules[self.name]
        return module


class Environment(SandboxedEnvironment):
    """Jinja's sandbox, with a hook before each step; all errors are TemplateSyntaxError."""

    template_class = _Template
    code_generator_class = _Generator
    blocks_apart = False
    """Whether the root of a template leaves its blocks to ``blocks_of``."""
    looked_up = frozenset[str]()
    """The attributes for which also a ``DirectGenerator`` asks the environment."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loaded: dict[str, Template] = {}
        self._broken: dict[str, TemplateSyntaxError] = {}
        self.only_macros: set[str | None] = set()
        """Templates that compute nothing when they are imported: once per process is enough."""

    def capture_with(self, join: Callable[[Iterable[str]], str]) -> None:
        """Have ``join`` put together what a template writes and what blocks and macros capture."""
        self.concat = join  # type: ignore[method-assign]

    def modules(self) -> dict[str | None, TemplateModule] | None:
        """The imported templates of the current rendering, by name; None: Jinja keeps them."""
        return None

    def loading(self) -> None:
        """Before a template is looked for by its name, also by another template."""

    def parsing(self, source: str, name: str | None, filename: str | None) -> None:
        """Before a text is parsed."""

    def compiling(self, template: nodes.Template, name: str | None, filename: str | None) -> None:
        """Before a parsed template or expression becomes Python; may change it in place."""

    def _load_template(self, name: str, globals: Any) -> Template:
        self.loading()
        if (template := self._loaded.get(name)) is not None:
            return template
        if (error := self._broken.get(name)) is not None:
            raise error.with_traceback(None)
        try:
            template = self._loaded[name] = super()._load_template(name, globals)
            template.globals = dict(template.globals)  # read for each rendering: Jinja's is a chain
            return template
        except TemplateSyntaxError as broken:
            if broken.message != TOO_DEEP:  # which can be the caller's depth
                self._broken[name] = broken  # it stays broken: a reload has another environment
            raise

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        self.parsing(source, name, filename)
        parser = Parser(self, source, name, filename)
        try:
            return parser.parse()
        except (RecursionError, ValueError) as error:
            line = parser.stream.current.lineno
            raise TemplateSyntaxError(_reason(error), line, name, filename) from None

    def compile_expression(self, source: str, undefined_to_none: bool = True) -> TemplateExpression:
        self.parsing(source, None, None)
        try:
            return super().compile_expression(source, undefined_to_none)
        except (RecursionError, ValueError) as error:
            raise TemplateSyntaxError(_reason(error), 1) from None

    def _generate(
        self, source: nodes.Template, name: Any, filename: Any, defer_init: bool = False
    ) -> str:
        if all(map(_is_macro_or_text, source.body)):
            self.only_macros.add(name)
        self.compiling(source, name, filename)
        try:
            return super()._generate(source, name, filename, defer_init)
        except RecursionError:
            raise TemplateSyntaxError(TOO_DEEP, 1, name, filename) from None

    def _compile(self, source: str, filename: str) -> CodeType:
        """Python allows only so many blocks and parentheses in each other."""
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError) as error:
            line = _line_of(source, getattr(error, "lineno", None) or 0)
            text = getattr(error, "msg", None) or TOO_DEEP
        raise TemplateSyntaxError(TOO_DEEP if "too many" in text else text, line, filename=filename)


def _is_macro_or_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Macro) or (
        isinstance(node, nodes.Output)
        and all(isinstance(child, nodes.TemplateData) for child in node.nodes)
    )


def _reason(error: Exception) -> str:
    """Why a text cannot be parsed: Python reads no number of more than 4300 digits."""
    return TOO_DEEP if isinstance(error, RecursionError) else str(error).partition(";")[0]


def _line_of(source: str, number: int) -> int:
    """The line of a template that a line of the Python made of it comes from."""
    match = _LINES.search(source)
    pairs = [pair.split("=") for pair in match[1].split("&")] if match and match[1] else []
    return max((int(line) for line, at in pairs if int(at) <= number), default=1)


def blocks_of(
    template: Template, named: Mapping[str, Any], names: Container[str] | None = None
) -> dict[str, str]:
    """The blocks of a template, also those that it inherits, rendered once each."""
    # template.blocks alone misses inherited blocks and top-level {% set %}: run the root first.
    context, join = template.new_context(dict(named)), template.environment.concat
    join(template.root_render_func(context))
    return {
        name: join(stack[0](context))
        for name, stack in context.blocks.items()
        if names is None or name in names
    }


def place_of(error: Exception) -> tuple[str, int] | None:
    """
    The template and the line in which an error was raised, from the innermost of its frames.

    The Python that Jinja makes of a template names it among its globals.
    """
    trace, place = error.__traceback__, None
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = template.name, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return place


def call_macro(macro: Macro, context: Context, args: Iterable[Any], named: Any) -> Any:
    """As ``Context.call`` does it, which finds out first what it is."""
    return macro(context.eval_ctx, *args, **named)


def exported(module: TemplateModule, name: str) -> Any:
    """The value that an imported template exports under this name; None if there is none."""
    return vars(module).get(name)


def without_scopes(named: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a call, without those of functions that read a context."""
    named.pop("_block_vars", None)
    named.pop("_loop_vars", None)
    return named


def first_argument_is_jinjas(function: Callable[..., Any]) -> bool:
    """Whether Jinja hands its environment or context to a filter before the template's values."""
    return hasattr(function, "jinja_pass_arg")


def join(eval_ctx: nodes.EvalContext, values: Iterable[Any], between: str) -> str:
    """The filter ``join``: escapes what is not markup yet."""
    return filters.sync_do_join(eval_ctx, values, between)


def round_to(value: float, precision: int, method: Any) -> float:
    """The filter ``round``."""
    return filters.do_round(value, precision, method)


def lower(value: Any) -> Any:
    """A text in small letters, and any other value as it is."""
    return filters.ignore_case(value)


def attribute_getter(
    environment: Any, attribute: Any, postprocess: Callable[[Any], Any] | None = None
) -> Callable[[Any], Any]:
    """A function that reads ``a.b`` or ``0`` off a value through the sandbox; None: the value."""
    return filters.make_attrgetter(environment, attribute, postprocess=postprocess)
