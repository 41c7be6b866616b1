"""
Inserts calls of the meter into a parsed template, wherever it does work.

A sequence of nodes is paid for at its beginning, by the number of nodes: once in each turn of a
loop, each call of a macro, each rendering of a block. Operations that take longer on larger values
pass a filter that charges for them. The names of these filters begin with a blank, so no template
can write them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from markupsafe import Markup, escape, soft_str

from relay.rendering.builtins import found_in, key
from relay.rendering.meter import BITS, carried, charge, copied, paid, turns, weighed

NODES = 20_000  # of one template
DEPTH = 200  # nodes in nodes; Python allows as many parentheses in each other
AT_ONCE = 8  # nodes that are worked through in one step
SHORT = 128  # characters of a literal that costs nothing to compare with


def _together(parts: tuple[Any, ...]) -> Any:
    """``a ~ b``; text that is already escaped stays so."""
    texts = [soft_str(part) for part in paid(parts)]
    if any(hasattr(text, "__html__") for text in texts):
        return Markup("").join(texts)
    return carried("".join(texts), texts)


FILTERS: dict[str, Callable[..., Any]] = {
    " in": found_in,
    " key": key,
    " sliced": copied,
    " step": charge,
    " together": _together,
    " turns": turns,
    " weighed": weighed,
}


def metered(template: nodes.Template, name: str | None, filename: str | None) -> None:
    """Instrument a template. TemplateSyntaxError if it is too large or has something forbidden."""
    pairs = list(_walk(template, name, filename))
    sizes = _sizes(pairs)
    for node, _ in pairs:
        _check(node, name, filename)
    for node, _ in reversed(pairs):
        _meter(node, sizes)


def _walk(
    template: nodes.Template, name: str | None, filename: str | None
) -> Iterator[tuple[nodes.Node, nodes.Node | None]]:
    """Every node, after the one that it is in."""
    stack: list[tuple[nodes.Node, nodes.Node | None, int]] = [(template, None, 0)]
    count = 0
    while stack:
        node, parent, depth = stack.pop()
        count += 1
        line = node.lineno or 1
        if count > NODES:
            raise TemplateSyntaxError("the template is too large", line, name, filename)
        if depth > DEPTH:
            raise TemplateSyntaxError("nested too deeply", line, name, filename)
        yield node, parent
        children = list(node.iter_child_nodes())
        stack.extend((child, node, depth + 1) for child in reversed(children))


def _sizes(pairs: list[tuple[nodes.Node, nodes.Node | None]]) -> dict[int, int]:
    """The number of nodes in each node, itself included."""
    sizes = {id(node): 1 for node, _ in pairs}
    for node, parent in reversed(pairs):
        if parent is not None:
            sizes[id(parent)] += sizes[id(node)]
    return sizes


def _check(node: nodes.Node, name: str | None, filename: str | None) -> None:
    reason = None
    if isinstance(node, nodes.EvalContextModifier):
        reason = "{% autoescape %} is not allowed"
    elif isinstance(node, nodes.Const) and isinstance(node.value, int | float):
        infinite = isinstance(node.value, float) and node.value == float("inf")
        if infinite or (isinstance(node.value, int) and node.value.bit_length() > BITS):
            reason = "a number this large is not allowed"
    if reason is not None:
        raise TemplateSyntaxError(reason, node.lineno, name, filename)


def _meter(node: nodes.Node, sizes: dict[int, int]) -> None:
    match node:
        case nodes.Template() | nodes.Block() | nodes.Macro() | nodes.CallBlock():
            _begin(node, node.body, sizes[id(node)])
        case nodes.For():
            each = nodes.Const(1 + sizes[id(node)] // AT_ONCE, lineno=node.lineno)
            node.iter = passed(" turns", node.iter, each)
            if node.recursive:  # ``loop(…)`` goes through others
                _begin(node, node.body, sizes[id(node)])
        case nodes.Output():
            node.nodes = [_data(child) for child in node.nodes]
        case nodes.Concat():
            parts = nodes.Tuple(node.nodes, "load", lineno=node.lineno)
            node.nodes = [passed(" together", parts)]
        case nodes.Compare():
            _meter_comparison(node)
        case nodes.Getitem(arg=nodes.Slice()):
            node.node = passed(" sliced", node.node)
        case nodes.Dict():
            for pair in node.items:
                if not isinstance(pair.key, nodes.Const):
                    pair.key = passed(" key", pair.key)
        case nodes.Call() | nodes.Filter() | nodes.Test():
            _meter_arguments(node)


def _meter_comparison(node: nodes.Compare) -> None:
    """Charges for comparisons, except with short texts, which take constant time."""
    if any(operand.op in {"in", "notin"} for operand in node.ops):
        _meter_search(node)
    elif len(node.ops) > 1 or not (_is_short(node.expr) or _is_short(node.ops[0].expr)):
        node.expr = passed(" weighed", node.expr)
        for operand in node.ops:
            operand.expr = passed(" weighed", operand.expr)


def _meter_search(node: nodes.Compare) -> None:
    """Turns ``a in b``, which depends on both, into a call; ``a in b in c`` into two."""
    asked: list[nodes.Expr] = []
    for left, operand in zip(
        [node.expr, *(operand.expr for operand in node.ops)], node.ops, strict=False
    ):
        if operand.op not in {"in", "notin"}:
            args = [passed(" weighed", expr) for expr in (left, operand.expr)]
            pair = nodes.Operand(operand.op, args[1], lineno=node.lineno)
            asked.append(nodes.Compare(args[0], [pair], lineno=node.lineno))
            continue
        search = passed(" in", left, operand.expr)
        is_negative = operand.op == "notin"
        asked.append(nodes.Not(search, lineno=node.lineno) if is_negative else search)
    whole = asked.pop(0)
    for expr in asked:
        whole = nodes.And(whole, expr, lineno=node.lineno)
    node.expr, node.ops = whole, []


def _meter_arguments(node: nodes.Call | nodes.Filter | nodes.Test) -> None:
    if node.dyn_args is not None:
        node.dyn_args = passed(" turns", node.dyn_args, nodes.Const(1))
    if node.dyn_kwargs is not None:
        node.dyn_kwargs = passed(" turns", node.dyn_kwargs, nodes.Const(1))


def _begin(node: nodes.Node, body: list[nodes.Node], size: int) -> None:
    if size < 2 * AT_ONCE and not isinstance(node, nodes.For):
        return  # the call that leads here has paid
    price = nodes.Const(1 + size // AT_ONCE, lineno=node.lineno)
    body.insert(0, nodes.ExprStmt(passed(" step", price), lineno=node.lineno))


def passed(name: str, value: nodes.Node, *args: nodes.Expr) -> nodes.Filter:
    """The value, after it went through a filter."""
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _data(child: nodes.Expr) -> nodes.Expr:
    """Turns ``{{ "text" }}`` into fixed text like the text around it."""
    if isinstance(child, nodes.Const) and isinstance(child.value, str):
        return nodes.TemplateData(str(escape(child.value)), lineno=child.lineno)
    return child


def _is_short(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Const):
        return not isinstance(node.value, str) or len(node.value) <= SHORT
    if isinstance(node, nodes.Tuple | nodes.List):
        return len(node.items) <= AT_ONCE and all(
            isinstance(item, nodes.Const) and _is_short(item) for item in node.items
        )
    return False
