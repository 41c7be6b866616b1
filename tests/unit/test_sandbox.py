"""What templates may do, and how much of it."""

from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError

from relay.model import Note, User
from relay.rendering.sandbox import RANGE, SIZE, Sandbox, bounded, snake

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


@dataclass(frozen=True)
class _Holder:
    text: str


@pytest.mark.parametrize(
    ("camel", "ours"),
    [("renoteCount", "renote_count"), ("isBot", "is_bot"), ("asHours", "as_hours"), ("cw", "cw")],
)
def test_names_are_translated(camel: str, ours: str) -> None:
    assert snake(camel) == ours
