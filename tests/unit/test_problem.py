"""A problem is a value with a place; words are made of it where somebody reads them."""

import pytest

from relay.rendering.problem import Problem, line_of_block


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("mention.j2", 3, "no such name"), "mention.j2:3: no such name"),
        (Problem("mention.j2", None, "no such name"), "mention.j2: no such name"),
        (Problem("", None, "not an event"), "not an event"),
    ],
)
def test_a_problem_in_words_has_its_place(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{% block body %}", 1),
        ("a\n{%- block body -%}x{% endblock %}", 2),
        ("{% block body_ %}\n\n{%block body%}", 3),
        ("{% blocks %} body", None),
    ],
)
def test_a_block_is_found_by_its_name(source: str, line: int | None) -> None:
    assert line_of_block("body", source) == line
