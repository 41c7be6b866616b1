"""What relay relies on in Jinja without its documentation's promise, one test for each thing."""

from typing import Any

import pytest
from jinja2 import DictLoader, TemplateSyntaxError, nodes, pass_context, pass_environment
from jinja2.exceptions import SecurityError
from markupsafe import Markup

from relay.rendering import jinja
from relay.rendering.jinja import Environment


class _Noted(Environment):
    """Notes which hooks are called, in order."""

    def __init__(self, **templates: str) -> None:
        super().__init__(
            loader=DictLoader({f"{name}.j2": text for name, text in templates.items()}),
            autoescape=True,
            optimized=False,
            finalize=pass_context(lambda context, value: value),
        )
        self.hooks: list[str] = []

    def loading(self) -> None:
        self.hooks.append("load")

    def parsing(self, source: str, name: str | None, filename: str | None) -> None:
        self.hooks.append(f"parse {source}")

    def compiling(self, template: nodes.Template, name: str | None, filename: str | None) -> None:
        self.hooks.append(f"compile {type(template).__name__}")


def test_a_template_passes_every_hook_before_it_becomes_python() -> None:
    environment = _Noted(a="{% include 'b.j2' %}", b="b")
    assert environment.get_template("a.j2").render() == "b"
    assert environment.hooks == [
        *("load", "parse {% include 'b.j2' %}", "compile Template"),
        *("load", "parse b", "compile Template"),
    ]


def test_an_expression_passes_them_too() -> None:
    environment = _Noted()
    assert environment.compile_expression("1 + 1")() == 2
    assert environment.hooks == ["parse 1 + 1", "compile Template"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param("\n{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}", 2, id="parsing"),
        pytest.param("\n\n{{ " + "-" * 800 + "1 }}", None, id="compiling"),
        pytest.param("\n\n" + "{% for x in [1] %}\n" * 21 + "{% endfor %}" * 21, None, id="Python"),
    ],
)
def test_what_is_too_deep_for_python_is_a_syntax_error(source: str, line: int | None) -> None:
    with pytest.raises(TemplateSyntaxError, match=jinja.TOO_DEEP) as error:
        _Noted().from_string(source)
    assert line is None or error.value.lineno == line


def test_a_number_that_python_does_not_read_is_a_syntax_error_too() -> None:
    with pytest.raises(TemplateSyntaxError, match="digits"):
        _Noted().from_string("{{ " + "9" * 5_000 + " }}")


def test_an_error_of_the_python_made_of_a_template_has_the_templates_line() -> None:
    source = "x\n" * 40 + "{% for x in [1] %}" * 21 + "{% endfor %}" * 21
    with pytest.raises(TemplateSyntaxError) as error:
        _Noted().from_string(source)
    assert error.value.lineno == 41


def test_captured_texts_are_put_together_by_the_function_given() -> None:
    environment = _Noted()
    captured: list[str] = []

    def join(pieces: Any) -> str:
        captured.append("".join(pieces))
        return captured[-1]

    environment.capture_with(join)
    environment.from_string(
        "{% set a %}a{% endset %}{% macro m() %}m{% endmacro %}{{ m() }}"
        "{% filter upper %}f{% endfilter %}"
    ).render()
    assert captured[:3] == ["a", "m", "f"]


def test_a_tilde_is_the_one_filter_that_a_hook_made_of_it() -> None:
    class Tilde(_Noted):
        def compiling(self, template: nodes.Template, name: Any, filename: Any) -> None:
            for node in template.find_all(nodes.Concat):
                parts = nodes.Tuple(node.nodes, "load", lineno=node.lineno)
                node.nodes = [nodes.Filter(parts, " parts", [], [], None, None, lineno=1)]

    environment = Tilde()
    environment.filters[" parts"] = lambda parts: list(parts)
    assert environment.from_string("{{ ('a' ~ 1) | length }}").render() == "2"


def test_blocks_are_rendered_apart_once_each_with_all_that_the_root_sets() -> None:
    environment = _Noted(
        base="{% set x = 1 %}text{% block a %}base {{ x }}{% endblock %}"
        "{% block c %}c{% endblock %}",
        own="{% extends 'base.j2' %}{% block a %}own {{ super() }}{{ y }}{% endblock %}",
    )
    environment.blocks_apart = True
    blocks = jinja.blocks_of(environment.get_template("own.j2"), {"y": 2})
    assert blocks == {"a": "own base 12", "c": "c"}


def test_a_template_that_keeps_its_blocks_writes_them() -> None:
    assert _Noted().from_string("a{% block b %}b{% endblock %}").render() == "ab"


def test_an_error_is_placed_in_the_innermost_template() -> None:
    environment = _Noted(a="\n{% include 'b.j2' %}", b="\n\n{{ 1 / x }}")
    with pytest.raises(ZeroDivisionError) as error:
        jinja.blocks_of(environment.get_template("a.j2"), {"x": 0})
    assert jinja.place_of(error.value) == ("b.j2", 3)
    assert jinja.place_of(ValueError()) is None


def test_what_an_imported_template_exports_is_read_from_it() -> None:
    module = _Noted().from_string("{% macro m() %}x{% endmacro %}{% set v = 1 %}").module
    assert isinstance(module, jinja.TemplateModule)
    assert isinstance(jinja.exported(module, "m"), jinja.Macro)
    assert jinja.exported(module, "v") == 1
    assert jinja.exported(module, "nope") is None


def test_a_macro_is_called_as_a_template_calls_it() -> None:
    environment = _Noted()
    template = environment.from_string("{% macro m(x, y=1) %}<{{ x }}{{ y }}>{% endmacro %}")
    context = template.new_context({})
    macro = jinja.exported(template.module, "m")
    written = jinja.call_macro(macro, context, ("&",), {"y": 2})
    assert written == "<&amp;2>"
    assert isinstance(written, Markup)


def test_a_call_in_a_loop_brings_variables_that_no_function_expects() -> None:
    seen: list[dict[str, Any]] = []

    class Calls(_Noted):
        def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
            seen.append(dict(kwargs))
            return __obj(*args, **jinja.without_scopes(kwargs))

    source = "{% block b %}{% set z = 1 %}{% for x in [1] %}{{ f(y=x) }}{% endfor %}{% endblock %}"
    assert Calls().from_string(source).render(f=lambda y: y) == "1"
    assert set(seen[0]) > {"y"}


def test_filters_that_get_jinjas_own_argument_first_are_known() -> None:
    assert jinja.first_argument_is_jinjas(pass_environment(lambda environment, value: value))
    assert jinja.first_argument_is_jinjas(pass_context(lambda context, value: value))
    assert not jinja.first_argument_is_jinjas(lambda value: value)


def test_a_reader_of_attributes_goes_through_the_sandbox() -> None:
    environment = _Noted()
    assert jinja.attribute_getter(environment, "a.b")({"a": {"b": 1}}) == 1
    assert jinja.attribute_getter(environment, 0)([2]) == 2
    assert jinja.attribute_getter(environment, None, str.upper)("x") == "X"
    hidden = jinja.attribute_getter(environment, "__class__")(1)
    with pytest.raises(SecurityError):
        hidden + 1


def test_the_filters_that_relay_calls_itself_do_what_they_say() -> None:
    context = nodes.EvalContext(_Noted())
    assert jinja.join(context, ["<", Markup("<b>")], "&") == "&lt;&amp;<b>"
    assert jinja.round_to(2.45, 1, "floor") == 2.4
    assert (jinja.lower("A"), jinja.lower(1)) == ("a", 1)


def test_groups_of_groupby_are_known_by_their_type() -> None:
    (group,) = jinja.FILTERS["groupby"](_Noted(), [{"k": 1}], "k")
    assert isinstance(group, jinja.GroupTuple)
    assert (group.grouper, group.list) == (1, [{"k": 1}])


def test_tests_are_found_by_the_names_that_templates_use() -> None:
    assert {"defined", "eq", "==", "upper"} <= jinja.TESTS.keys()
    assert {"upper", "groupby"} <= jinja.FILTERS.keys()


def test_nothing_constant_is_worked_out_before_a_template_runs() -> None:
    calls: list[str] = []
    environment = _Noted()
    environment.filters["noted"] = lambda value: calls.append(value) or value
    template = environment.from_string("{{ 'a' | noted }}")
    assert calls == []
    template.render()
    assert calls == ["a"]


def test_an_imported_template_is_run_once_for_each_rendering() -> None:
    modules: dict[str | None, jinja.TemplateModule] = {}

    class Rendering(_Noted):
        def modules(self) -> dict[str | None, jinja.TemplateModule]:
            return modules

    runs: list[int] = []
    environment = Rendering(
        a="{% import 'b.j2' as b %}{% import 'b.j2' as c %}{{ b.x }}{{ c.x }}",
        b="{% set x = count() %}",
    )
    environment.globals["count"] = lambda: runs.append(1) or len(runs)
    template = environment.get_template("a.j2")
    assert template.render() == "11"
    modules.clear()
    assert template.render() == "22"


def test_a_template_that_does_not_compile_is_parsed_once() -> None:
    environment = _Noted(a="{% oops %}")
    errors = []
    for _ in range(2):
        with pytest.raises(TemplateSyntaxError, match="oops") as error:
            environment.get_template("a.j2")
        errors.append(error.value.lineno)
    assert errors == [1, 1]
    assert environment.hooks == ["load", "parse {% oops %}", "load"]


def test_an_imported_template_of_nothing_but_macros_is_run_once_in_all() -> None:
    class Rendering(_Noted):
        def modules(self) -> dict[str | None, jinja.TemplateModule]:
            raise AssertionError

    environment = Rendering(
        a="{% import 'b.j2' as b %}{{ b.m() }}",
        b="{# c #}\n{% macro m(x=count()) %}{{ x }}{% endmacro %}\n",
    )
    runs: list[int] = []
    environment.globals["count"] = lambda: runs.append(1) or len(runs)
    template = environment.get_template("a.j2")
    assert [template.render(), template.render()] == ["1", "2"]


def test_what_is_generated_directly_asks_the_environment_only_for_some_attributes() -> None:
    asked: list[str] = []

    class Direct(_Noted):
        code_generator_class = jinja.DirectGenerator
        looked_up = frozenset({"real"})

        def getattr(self, obj: Any, attribute: str) -> Any:
            asked.append(attribute)
            return obj.real

        def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
            raise AssertionError

    environment = Direct()
    environment.finalize = lambda value: f"[{value}]"
    template = environment.from_string(
        "{% macro m(x, y=1) %}{{ x }}{{ y }}{% endmacro %}{{ n.imag }}{{ n.real }}{{ m(2, y=3) }}"
        "{{ 'a' ~ 'b' }}<"
    )
    assert template.render(n=4 + 5j) == "[5.0][4.0][[2][3]][ab]<"
    assert asked == ["real"]


def test_a_template_is_loaded_once() -> None:
    environment = _Noted(a="a")
    assert environment.get_template("a.j2") is environment.get_template("a.j2")
    assert environment.hooks == ["load", "parse a", "compile Template", "load"]


def test_only_the_blocks_that_are_named_are_rendered() -> None:
    environment = _Noted(a="{% block a %}a{% endblock %}{% block b %}{{ 1 / 0 }}{% endblock %}")
    environment.blocks_apart = True
    assert jinja.blocks_of(environment.get_template("a.j2"), {}, {"a"}) == {"a": "a"}
