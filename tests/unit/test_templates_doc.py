"""The page on templates tells the truth: all names, all filters, and examples that work."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from relay import model
from relay.misskey import samples as sample
from relay.model import Display
from relay.rendering import builtins
from relay.rendering.blocks import BLOCKS
from relay.rendering.markup import MAKE
from relay.rendering.templates import Templates
from relay.text.tree import text_of

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
NOUNS = [
    model.Event, model.Note, model.User, model.File, model.Poll, model.Choice, model.Channel,
    model.CalendarEvent, model.AbuseReport, model.ContactForm, model.RemainingTime,
    model.ProfileField,
]  # fmt: skip
BUILT_IN = Templates()
EXAMPLES = re.findall(r"`([\w.]+\.j2)`:\n\n```jinja\n(.*?)```", PAGE, re.S)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def names_of(noun: type) -> list[str]:
    derived = [name for name, value in vars(noun).items() if isinstance(value, property)]
    return [camel(name) for name in [*(field.name for field in fields(noun)), *derived]]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_every_name_of_an_event_is_on_the_page(noun: type) -> None:
    assert [name for name in names_of(noun) if not re.search(rf"[`.]{name}`", PAGE)] == []


def test_every_filter_block_and_tag_is_on_the_page() -> None:
    assert [
        name for name in (*builtins.filters(), "mfm", "emoji", "moment") if f"`{name}`" not in PAGE
    ] == []
    assert [name for name in BLOCKS if f"`{name}`" not in PAGE] == []
    assert [tag for tag in MAKE if f"<{tag}" not in PAGE] == []


def test_every_built_in_template_is_on_the_page() -> None:
    assert [name for name in BUILT_IN.names if f"`{name}`" not in PAGE] == []


def test_there_are_three_examples() -> None:
    assert [name for name, _ in EXAMPLES] == ["mention.compact.j2", "followed.j2", "abuseReport.j2"]


@pytest.mark.parametrize(("name", "source"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_works(name: str, source: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(source, encoding="utf-8")
    kind, *variant = name.removesuffix(".j2").split(".")
    templates = Templates(tmp_path)
    event = sample.event(kind)
    chosen = variant[0] if variant else None
    assert templates.name_for(event, chosen) == name
    assert templates.problems(event, display=Display(), variant=chosen) == []
    assert templates.render(event, display=Display(), variant=chosen).title


@pytest.mark.parametrize("kind", sample.kinds())
@pytest.mark.parametrize("cw", ["spoiler", "hide", "show"])
def test_a_built_in_template_has_no_problem_with_its_sample(kind: str, cw: str) -> None:
    display = Display(cw=cw, sensitive_media="show")
    assert BUILT_IN.problems(sample.event(kind), display=display) == []


def test_a_template_can_extend_the_one_that_it_replaces(tmp_path: Path) -> None:
    source = '{% extends "built-in/mention.j2" %}{% block title %}Hello{% endblock %}'
    (tmp_path / "mention.j2").write_text(source, encoding="utf-8")
    message = Templates(tmp_path).render(sample.event("mention"), display=Display())
    assert text_of(message.title) == "Hello"
    assert message.color == BUILT_IN.render(sample.event("mention"), display=Display()).color
