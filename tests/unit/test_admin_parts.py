"""The pieces of the operator's pages: live parts, and JSON in colours."""

import json

import pytest
from markupsafe import Markup, escape

from relay.admin.parts import digest, parts_of
from relay.admin.summary import coloured
from relay.admin.templating import UNFILLED


@pytest.mark.parametrize("name", ["team", "a-b", "a.b", "a_b.c-d"])
def test_a_part_is_found_whatever_letters_a_sink_s_name_has(name: str) -> None:
    assert parts_of(f"x<!--[s-{name}--> <p>1</p> <!--]-->y") == {f"s-{name}": "<p>1</p>"}


def test_pages_that_show_other_times_are_the_same_page() -> None:
    first, second = (
        {"a": f'<time class="ago" datetime="x">{ago}</time>'} for ago in ("now", "1 min ago")
    )
    assert digest(first) == digest(second)
    assert digest(first) != digest({"b": first["a"]})


def test_nothing_that_is_escaped_is_the_place_of_the_digest() -> None:
    assert UNFILLED not in escape(f"@DIGEST {UNFILLED}")


@pytest.mark.parametrize("text", ["", "no JSON <b>", '{"a": [1, -2.5e3, null, "<b> \\" x"]}'])
def test_coloured_json_says_what_it_said(text: str) -> None:
    assert coloured(text).striptags() == escape(text).unescape().strip()
    assert Markup("<b>") not in coloured(text)


def test_the_kinds_of_values_have_their_own_classes() -> None:
    text = coloured(json.dumps({"key": ["text", 1, True]}))
    for name, value in (("k", "&#34;key&#34;"), ("s", "&#34;text&#34;"), ("n", "1"), ("l", "true")):
        assert f'<span class="{name}">{value}</span>' in text
