"""What templates may do, and how much of it."""

from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError
from jinja2.exceptions import SecurityError

from relay.model import Note, User
from relay.rendering import instrument
from relay.rendering.builtins import RANGE
from relay.rendering.meter import SIZE, STEPS, BoundError, bounded, charge, joined
from relay.rendering.sandbox import Sandbox, snake

SANDBOX = Sandbox()
NOTE = Note(id="1", text="<b>&x", renote_count=3, tags=("a", "b"), user=User(is_bot=True))


def rendered(source: str, **values: Any) -> str:
    with bounded():
        return SANDBOX.from_string(source).render(note=NOTE, **values)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        pytest.param("{{ note.renoteCount }}", "3", id="Misskey's names"),
        pytest.param("{{ note.user.isBot }}", "True", id="names of names"),
        pytest.param("{{ note.text }}", "&lt;b&gt;&amp;x", id="texts are literal"),
        pytest.param("{{ note.text ~ '<i>' }}", "&lt;b&gt;&amp;x&lt;i&gt;", id="put together too"),
        pytest.param("{{ note.text | upper }}", "&lt;B&gt;&amp;X", id="through filters too"),
        pytest.param("{{ note.tags | join('<') }}", "a&lt;b", id="joined too"),
        pytest.param("{% set x = '<i>' %}{{ x }}", "&lt;i&gt;", id="set too"),
        pytest.param("{% macro m(x) %}{{ x }}{% endmacro %}{{ m('<') }}", "&lt;", id="macros too"),
        pytest.param("{{ note.text | replace('<', '<<') }}", "&lt;&lt;b&gt;&amp;x", id="replaced"),
        pytest.param("{{ note.cw }}", "", id="nothing is an empty text"),
        pytest.param("{% for t in note.tags %}{{ loop.index }}{% endfor %}", "12", id="loops"),
        pytest.param("{{ 2 * 3 + 1 }}", "7", id="numbers"),
    ],
)
def test_a_template_writes(source: str, written: str) -> None:
    assert rendered(source) == written


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ ().__class__ }}", id="Python's insides"),
        pytest.param("{{ note.__init__ }}", id="a noun's insides"),
        pytest.param("{{ note.nope }}", id="a name that does not exist"),
        pytest.param("{{ nope }}", id="a name at the top that does not exist"),
        pytest.param("{{ note.text | safe }}", id="safe"),
        pytest.param("{{ '%s' | format(1) }}", id="format"),
        pytest.param("{{ '{}'.format(1) }}", id="the method format"),
        pytest.param("{% autoescape false %}{% endautoescape %}", id="no escaping"),
        pytest.param("{% include '/etc/passwd' %}", id="files"),
        pytest.param("{{ lipsum() }}", id="functions that nobody needs"),
    ],
)
def test_a_template_may_not(source: str) -> None:
    with pytest.raises((JinjaError, TypeError)):
        rendered(source)


DOUBLING = "{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ 'a' * 10**9 }}", id="repeating a text"),
        pytest.param("{{ [0] * 10**9 }}", id="repeating a list"),
        pytest.param("{{ 9 ** 9 ** 9 }}", id="a power of a power"),
        pytest.param("{{ 'a'.center(10**9) }}", id="center"),
        pytest.param("{{ 'a' | center(10**9) }}", id="the filter center"),
        pytest.param("{{ '%1000000000d' % 1 }}", id="a format with %"),
        pytest.param("{{ '{:>1000000000}'.format(1) }}", id="a width"),
        pytest.param("{{ '{:>1000000000}'['format'](1) }}", id="a width by another way"),
        pytest.param("{% set ns = namespace(x='aa') %}" + DOUBLING, id="doubling a text"),
        pytest.param(
            "{% set ns = namespace(x='aa') %}{% for i in range(60) %}"
            "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}",
            id="doubling a block",
        ),
        pytest.param("{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('ab') }}", id="recursion"),
        pytest.param("{{ range(10**9) | list }}", id="a long range"),
        pytest.param("{{ big | join(big) }}", id="joining with a long text"),
        pytest.param("{{ big | replace('a', big) }}", id="replacing by a long text"),
        pytest.param(
            "{% for i in range(1000) %}{% for j in range(1000) %}{{ note.text }}{% endfor %}"
            "{% endfor %}",
            id="a loop in a loop",
        ),
    ],
)
def test_work_is_bounded(source: str) -> None:
    with pytest.raises(JinjaError):
        rendered(source, big="a" * 100_000)


def test_the_bounds_leave_room_for_real_notes() -> None:
    assert rendered("{{ note.text | length }}{{ text | length }}", text="x" * 100_000) == "5100000"
    assert rendered(f"{{{{ range({RANGE}) | length }}}}") == str(RANGE)


def test_a_text_over_the_bound_is_refused() -> None:
    with pytest.raises(SecurityError):
        rendered("{{ holder.text }}", holder=_Holder("x" * (SIZE + 1)))


def test_nothing_is_computed_while_a_template_is_compiled() -> None:
    """There is no meter then: LookupError if anything were."""
    source = (
        "{% set x = [3, 1] | sum %}{% if 'a' ~ 'b' is eq('ab') %}{{ [2] | first + 1 }}{% endif %}"
    )
    template = SANDBOX.from_string(source)
    with pytest.raises(LookupError):
        template.render()
    with bounded():
        assert template.render() == "3"


def test_no_template_can_write_the_names_of_the_meters_filters() -> None:
    assert all(not name.isidentifier() for name in instrument.FILTERS)
    with pytest.raises(JinjaError):
        rendered("{{ 5 | turns(1) }}")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{% set x %}WALL{% endset %}{{ x }}", id="a set block"),
        pytest.param("{% macro m() %}WALL{% endmacro %}{{ m() }}", id="a macro"),
        pytest.param("{% filter upper %}WALL{% endfilter %}", id="a filter block"),
        pytest.param("{% block a %}WALL{% endblock %}{{ self.a() }}", id="a block"),
        pytest.param(
            "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}WALL{% endcall %}",
            id="a call block",
        ),
        pytest.param(
            "{% for x in [1] recursive %}{% if loop.depth < 2 %}{{ loop([1]) }}{% endif %}WALL"
            "{% endfor %}",
            id="a recursive loop",
        ),
    ],
)
def test_every_captured_text_is_bounded(source: str) -> None:
    wall = "{% for i in range(500) %}" + "x" * 500 + "{% endfor %}"
    with pytest.raises(BoundError, match="more than 200000 characters"):
        rendered(source.replace("WALL", wall))


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        pytest.param("{% for x in range(500) %}{% endfor %}", 500, id="turns of a loop"),
        pytest.param("{% for x in range(500) if x %}{% endfor %}", 500, id="turns left out"),
        pytest.param("{{ text | upper }}", 700, id="a text that a filter reads"),
        pytest.param("{{ text }}", 700, id="a text that is written"),
        pytest.param("{% if text == text ~ 'x' %}{% endif %}", 2_100, id="texts compared"),
        pytest.param("{% if 'b' in text %}{% endif %}", 700, id="a text that is searched"),
        pytest.param("{{ text[1:] | length }}", 700, id="a slice"),
        pytest.param("{{ text.upper() | length }}", 700, id="a method"),
        pytest.param("{{ (text, text) | string | length }}", 1_400, id="texts in a list"),
        pytest.param("{{ _('%(x)s', x=text) }}", 1_400, id="a translation"),
        pytest.param("{{ [1] * 0 if false else 1 }}", 0, id="what is not reached"),
        pytest.param("{% if text is upper %}{% endif %}", 700, id="a test"),
        pytest.param(
            "{% for x in range(9) %}" + "{% if x %}{% endif %}" * 99 + "{% endfor %}",
            200,
            id="a long sequence",
        ),
    ],
)
def test_work_is_paid_for(source: str, steps: int) -> None:
    with bounded() as left:
        SANDBOX.from_string(source).render(text="a" * 90_000)
    assert steps <= STEPS - left[0] <= 5 * steps + 30


def test_a_rendering_within_another_is_paid_by_both() -> None:
    with bounded(1_000) as outer:
        with bounded() as inner:
            charge(300)
            assert inner == [700]
        assert outer == [700]
        with pytest.raises(BoundError), bounded(200):
            charge(201)


def test_pythons_own_bounds_are_reported_with_the_line() -> None:
    loops = "\n\n" + "{% for x in [1] %}\n" * 21 + "{% endfor %}" * 21
    with pytest.raises(TemplateSyntaxError, match="nested too deeply") as told:
        SANDBOX.from_string(loops)
    assert told.value.lineno in range(3, 24)


def test_a_text_that_is_too_long_is_reported_with_its_line() -> None:
    template = SANDBOX.from_string("a\n{{ text }}\n{{ text }}\n{{ text }}")
    with bounded(), pytest.raises(BoundError) as told:
        joined(template.root_render_func(template.new_context({"text": "x" * 90_000})))
    *_, last = told.traceback
    assert template.get_corresponding_lineno(last.lineno + 1) == 4


@dataclass(frozen=True)
class _Holder:
    text: str


@pytest.mark.parametrize(
    ("camel", "ours"),
    [("renoteCount", "renote_count"), ("isBot", "is_bot"), ("asHours", "as_hours"), ("cw", "cw")],
)
def test_names_are_translated(camel: str, ours: str) -> None:
    assert snake(camel) == ours
