"""
No template and no condition, whatever it does, works or allocates without end.

What ends is measured by the meter's steps; time is not asserted anywhere. A hostile template that
slips through is seen by the test's timeout.
"""

import re
import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.errors import TemplateError
from relay.misskey import samples as sample
from relay.model import Choice, Display, File, Poll
from relay.rendering.expression import overrun, predicate
from relay.rendering.meter import bounded
from relay.rendering.templates import Templates
from tests.hostile import BIG, HOSTILE, LONG, NESTED, STEPS_OUT

pytestmark = pytest.mark.timeout(120)

FEW = 30_000  # steps; enough to see which bound stops a template
TEXT = "aB c<&é\n-1. %(x)s *b* " * 450  # as long as notes may be
_EVENT = sample.event("mention")
EVENT = replace(_EVENT, note=replace(_EVENT.note, text=TEXT))  # type: ignore[arg-type]


def used(source: str, *, steps: int = FEW) -> tuple[str, int]:
    """What came of a template, and the steps that were left."""
    with bounded(steps) as left:
        try:
            Templates(drafts={"mention.j2": source}).render(EVENT, display=Display())
        except TemplateError as error:
            return str(error), left[0]
    return "", left[0]


@pytest.mark.parametrize(("source", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_and_says_where(source: str, told: str) -> None:
    problem, left = used(f"\n\n{source}")
    assert re.search(told, problem) if told else problem == ""
    assert left >= 0 or STEPS_OUT in problem
    if told == STEPS_OUT:
        assert problem.startswith("mention.j2:3: ")
    assert ".j2:" in problem or ".j2: " in problem or not told


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len(HOSTILE) > 130


def test_a_template_of_relays_own_pays_for_next_to_nothing() -> None:
    """Without its loops, texts and files: they are read a fixed number of times."""
    with bounded() as left:
        before = left[0]
        Templates().render(_EVENT, display=Display())
        ours = before - left[0]
        Templates(drafts={"_parts.j2": Templates().source("_parts.j2")}).render(
            _EVENT, display=Display()
        )
        replaced = before - left[0] - ours
    assert ours < replaced - 100


@pytest.mark.parametrize("named", ["files", "poll", "details"])
def test_the_loops_of_relays_own_templates_are_bounded(named: str) -> None:
    assert _EVENT.note is not None
    many = {
        "files": replace(_EVENT, note=replace(_EVENT.note, files=(File(),) * 20_000)),
        "poll": replace(
            _EVENT, note=replace(_EVENT.note, poll=Poll(choices=(Choice(text="x"),) * 20_000))
        ),
        "details": replace(_EVENT, kind="other", details={str(n): n for n in range(20_000)}),
    }
    with pytest.raises(TemplateError, match=STEPS_OUT):
        Templates().render(many[named], display=Display())


def test_relays_own_templates_read_only_files_whose_names_begin_with_a_stroke() -> None:
    templates = Templates()
    for name in templates.names:
        read = re.findall(r"(?:extends|import|include|from) [\"']([^\"']+)", templates.source(name))
        assert all(other.startswith("_") for other in read)


CONDITIONS = {
    "(0,) * 300000000": None,
    "'a' * 300000000": None,
    "9 ** 9 ** 9 > 1": BIG,
    "5 | round(300000000) > 1": "20 digits",
    "range(10 ** 9) | length": "no such name: range",
    "note.text | replace('', note.text) | length": LONG,
    "note.text | join(note.text)": LONG,
    "[[note.text, note.text], [note.text, note.text]] | string | length > 1": None,
    " or ".join(["note.text | sort | length > 99999"] * 30): STEPS_OUT,
    " or ".join(["note.text.strip(note.text) == 'x'"] * 100): STEPS_OUT,
    "note" + ".a" * 5000: NESTED,
    "(" * 5000 + "1" + ")" * 5000: NESTED,
    "not " * 5000 + "1": NESTED,
    "1" + " + 1" * 5000: NESTED,
    "0x" + "f" * 5000: "a number this large",
    "1e999 > 1": "a number this large",
    "9" * 5000: "",
    "'" + "a" * 200_001 + "'": "too large",
    "[" + "1," * 30_000 + "]": "too large",
    "'{:300000000}'.format(1)": None,
    "note.text | truncate(1)": None,
    "5 | dictsort": None,
    "note.text.zfill(10 ** 9)": None,
}


@pytest.mark.parametrize(("condition", "told"), CONDITIONS.items())
def test_a_hostile_condition_ends(condition: str, told: str | None) -> None:
    try:
        predicate(condition)(EVENT)
        found = overrun(condition, [EVENT])
    except TemplateError as error:
        found = str(error)
    assert found is None if told is None else found is not None and told in found


def test_a_condition_that_is_stopped_does_not_hold_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endless = predicate(" or ".join(["note.text.strip(note.text) == 'x'"] * 100), route="r")
    assert endless(EVENT) is False
    (record,) = caplog.records
    told = (record.levelname, record.route, record.reason)  # type: ignore[attr-defined]
    assert told == ("WARNING", "r", "BoundError")


NAMES = st.sampled_from(
    ["a", "b", "note.text", "note", "note.tags", "user", "ns.x", "ns.l", "loop"]
)
LITERALS = st.sampled_from(["1", "9", "-3", "0.5", "'x'", "'%(a)s'", "none", "[]", "range(99)"])
FILTERS = st.sampled_from(
    "upper lower list string length sort unique reverse join first last sum title trim int round "
    "wordcount items dictsort abs max min escape capitalize float mfm emoji moment "
    "replace('a',ns.x) join(ns.x) truncate(9) map('upper') select groupby(0) default(ns.x)".split()
)
OPERATORS = st.sampled_from("+ - * / // % ** ~ == != < in and or".split())


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("({} | {})".format, inner, FILTERS),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[{}:{}]".format, inner, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("m({})".format, inner),
        st.builds("_('%(x)s%(x)s', x={})".format, inner),
        st.builds("namespace(x={}).x".format, inner),
        st.builds("{}.strip({})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, LITERALS), _larger, max_leaves=6)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% for a in {} %}}{}{{% endfor %}}".format, EXPRESSIONS, inner),
        st.builds("{{% for a in range(999) %}}{}{{% endfor %}}".format, inner),
        st.builds(
            "{{% for a in [1, 2] recursive %}}{}{{{{ loop([a]) }}}}{{% endfor %}}".format, inner
        ),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, EXPRESSIONS, inner),
        st.builds("{{% set ns.x %}}{}{{% endset %}}".format, inner),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, inner),
        st.builds("{{% call m(1) %}}{}{{% endcall %}}".format, inner),
        st.builds("{{% macro m(a) %}}{}{{% endmacro %}}".format, inner),
        st.builds("{{% with a = {} %}}{}{{% endwith %}}".format, EXPRESSIONS, inner),
    )


STATEMENTS = st.recursive(
    st.one_of(
        st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
        st.builds("{{% set ns.x = {} %}}".format, EXPRESSIONS),
        st.builds("{{% set ns.l = {} %}}".format, EXPRESSIONS),
        st.sampled_from(
            ["{{ ns.x }}{{ ns.x }}", "{% set ns.x = ns.x ~ ns.x %}", "<b>", "{{ m(1) }}"]
        ),
        st.sampled_from(["{% set ns.l = [ns.l, ns.l] %}", "{% set ns.l = ns.l + ns.l %}"]),
    ),
    _blocks,
    max_leaves=8,
)
BEGIN = "{% set ns = namespace(x='ab', l=[1]) %}{% macro m(x) %}{{ x }}{% endmacro %}"


@settings(max_examples=60, deadline=None)
@given(STATEMENTS)
def test_whatever_is_nested_in_whatever_does_no_more_than_it_pays_for(body: str) -> None:
    templates = Templates(drafts={"mention.j2": f"{BEGIN}{{% block body %}}{body}{{% endblock %}}"})
    calls = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    with bounded(1) as left:
        templates.problems(EVENT, display=Display())  # compiled, which is not what is counted
    with bounded(3_000) as left:
        sys.setprofile(count)
        try:
            found = templates.problems(EVENT, display=Display())
        finally:
            sys.setprofile(None)
    assert left[0] >= 0 or any(one.name == "mention.j2" for one in found)
    assert calls < 60 * 3_000
