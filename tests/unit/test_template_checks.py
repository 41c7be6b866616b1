"""A template that fails on any event is known before the first real one comes."""

import re
from pathlib import Path

import pytest

from relay.config.template_checks import TOO_LONG, proof
from relay.config.yaml import read
from relay.misskey import samples as sample

SAMPLES = [sample.event(kind) for kind in sample.kinds()]
SINKS = "sinks: {team: {type: console}, shy: {type: console, cw: hide}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path


def proofs(folder: Path, text: str = "", **templates: str):
    """What is wrong with the templates, what with the file, and the warnings."""
    for name, written in templates.items():
        file = folder / "mine" / f"{name.replace('__', '.')}.j2"
        file.write_text(written, encoding="utf-8")
    source = read(f"templates: mine\n{SINKS}{text}", base=folder, environ={})
    found = proof(source, base=folder, samples=lambda: SAMPLES)
    mistakes = [it.written("f") for it in source.mistakes]
    return found, mistakes, [it.written("f") for it in source.warnings]


def test_the_built_in_templates_are_right(folder: Path):
    assert proofs(folder) == ([], [], [])


def test_a_template_of_ones_own_may_build_on_the_built_in_one(folder: Path):
    own = '{% extends "_card.j2" %}{% block footer %}{{ note.text }}{% endblock %}'
    assert proofs(folder, mention=own) == ([], [], [])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("a\n{% oops %}", r"mention\.j2:2: .*oops", id="no such tag"),
        pytest.param("a\n\n{{ note.text", r"mention\.j2:3: ", id="not closed"),
        pytest.param("{{ nobody }}", r"mention\.j2:\d+: .*nobody", id="no such name"),
        pytest.param("{{ note.txet }}", r"mention\.j2:\d+: .*txet", id="no such field"),
        pytest.param("{{ note.text | shout }}", r"mention\.j2:1: .*shout", id="no such filter"),
        pytest.param('{% extends "mentoin.j2" %}', "mentoin.j2", id="no such parent"),
        pytest.param("{% for x in range(9**9) %}{% endfor %}", r"mention\.j2", id="without end"),
        pytest.param(
            '{% extends "_card.j2" %}\n\n{% block boddy %}{% endblock %}',
            r"mention\.j2:3: block 'boddy' is not one of",
            id="a block that nobody reads",
        ),
        pytest.param(
            '{% extends "_card.j2" %}\n{% block body %}<script>{% endblock %}',
            r"mention\.j2:2: block 'body': .*script",
            id="a tag that no chat has",
        ),
    ],
)
def test_a_bad_template_is_told_with_its_file_and_line(folder: Path, written, problem):
    found, mistakes, _ = proofs(folder, mention=written)
    assert mistakes == []
    assert len(found) == 1
    assert re.search(problem, found[0])


ENDLESS = "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}"


def test_templates_that_work_too_long_are_told_with_their_lines(folder: Path):
    found, _, _ = proofs(folder, _card=f"\n{ENDLESS}")
    assert f"{folder}/mine/_card.j2:2: takes too many steps" in found[0]
    assert found[-1] == TOO_LONG


def test_a_condition_that_works_too_long_is_told_with_its_line(folder: Path):
    slow = f"('{'a' * 10_000}' | list | sort | length > 1)"
    text = f"""routes:
  - {{to: team, when: "{" and ".join([slow] * 15)}"}}
  - {{to: team, when: "9 ** 99 ** 9 > 1"}}
  - {{to: team, when: "note.renoteCount > 1"}}
"""
    found, mistakes, _ = proofs(folder, text)
    assert found == []
    assert [it.split(": ")[0] for it in mistakes] == ["f:4:16", "f:5:16"]
    assert all("cannot be evaluated" in it for it in mistakes)


def test_the_file_is_told_with_its_folder(folder: Path):
    (found,), _, _ = proofs(folder, mention="{% oops %}")
    assert found.startswith(f"{folder}/mine/mention.j2:1: ")


def test_a_template_is_tried_as_every_sink_shows_notes(folder: Path):
    written = "{% if display.cw == 'hide' %}{{ nobody }}{% endif %}"
    assert len(proofs(folder, note=written)[0]) == 1


def test_a_template_is_tried_even_where_the_sinks_are_wrong(folder: Path):
    source = read("templates: mine\nsinks: {a: {type: oops}}", base=folder, environ={})
    (folder / "mine" / "note.j2").write_text("{{ nobody }}", encoding="utf-8")
    assert len(proof(source, base=folder, samples=lambda: SAMPLES)) == 1


def test_the_template_that_a_route_names_is_tried(folder: Path):
    route = "routes: [{to: team, template: compact}]"
    found, mistakes, _ = proofs(folder, route, mention__compact="{{ nobody }}")
    assert mistakes == []
    assert "mention.compact.j2" in found[0]


def test_a_template_that_no_route_names_is_not_tried(folder: Path):
    assert proofs(folder, mention__compact="{{ nobody }}") == ([], [], [])


def test_a_template_that_no_file_has_is_told_with_those_there_are(folder: Path):
    route = "routes: [{to: team, template: compcat}]"
    _, mistakes, _ = proofs(folder, route, mention__compact="x")
    assert mistakes == [
        "f:3:21: routes[0].template: no template has a file <event>.compcat.j2: "
        "did you mean compact?"
    ]


def test_the_template_of_a_kind_that_only_a_fork_has_must_go_with_one_of_our_events(folder: Path):
    assert proofs(folder, newsletter="{{ note.text }}") == ([], [], [])
    (found,), _, _ = proofs(folder, newsletter="{{ nobody }}")
    assert "newsletter.j2" in found


def test_a_misspelt_file_is_a_warning(folder: Path):
    found, mistakes, warnings = proofs(folder, mentoin="x")
    assert (found, mistakes) == ([], [])
    assert warnings == [
        "f:1:1: templates: mentoin.j2: Misskey has no event mentoin: did you mean mention?"
    ]


def test_a_condition_from_a_variable_is_not_quoted(folder: Path):
    text = "templates: mine\nroutes: [{to: x, when: '${WHEN}'}]"
    source = read(text, base=folder, environ={"WHEN": "a s3cret"})
    proof(source, base=folder, samples=list)
    assert [it.text for it in source.mistakes] == ["not a Jinja expression"]


def test_samples_are_read_once_however_many_conditions_there_are(folder: Path):
    reads = []

    def samples():
        reads.append(1)
        return SAMPLES

    routes = "".join(f"  - {{to: team, when: event.hook != '{n}'}}\n" for n in range(5))
    document = read(f"{SINKS}routes:\n{routes}", base=folder, environ={})
    assert proof(document, base=folder, samples=samples) == []
    assert (document.mistakes, len(reads)) == ([], 1)
