"""relay's source is named, cut and worded by the rules in ``tests/house.py``."""

import ast
import re
from pathlib import Path

import pytest

from tests import house

# Each turn of phrase as it was written here once, and as an engineer reads it at sight.
PHRASES = {
    "who, whom or what as a noun": (
        [
            "Who was tried before stays the first until that has ended.",
            "Whom a sibling replaces while it waits keeps its place.",
            "What leaves beside lanes, by hand: it is counted, and judged.",
            "Renders each claim, if the sink gave an answer to who asked.",
            "The id of the room, if plain text has its place there; who is invited enters.",
        ],
        [
            "A delivery that has been attempted stays at the head of the queue until it settles.",
            "A pending delivery that is superseded keeps its position and its due time.",
            "The author, who may have hidden the note.",
            "Reports the users who react.",
        ],
    ),
    "shall": (
        ["Which sinks may show an event, and which shall."],
        ["Selects the sinks that get an event."],
    ),
    "anew": (["Starts it anew."], ["Restarts it."]),
    "all the same": (
        ["It is refused all the same."],
        ["It is still refused.", "The names are all in the same folder."],
    ),
    "mend for fix": (
        ["What only the settings can mend.", "Mends the file."],
        ["Fixes the file.", "Errors that only a change of the settings fixes."],
    ),
    "beside for next to": (["A socket beside the outbox."], ["A socket next to the outbox."]),
    "tell for report, log or print": (
        ["The command tells all mistakes.", "The log told it."],
        ["The command reports every problem."],
    ),
    "for as a conjunction": (
        [
            "A timestamp: here in UTC, for a server has no other zone.",
            "It waits, for it is not due.",
            "In one order, for one process must wait for the other.",
        ],
        [
            "A timestamp in UTC, because a server draws it.",
            "The pause, for sinks that ask for one.",
            "It waits for an answer.",
        ],
    ),
    "no X for not an X": (
        ["This is no event.", "Closed sinks are no failures."],
        ["This is not an event.", "There is no event.", "It is no longer due."],
    ),
}


def test_every_rule_of_wording_has_examples() -> None:
    assert PHRASES.keys() == house.WORDING.keys()


@pytest.mark.parametrize(
    ("rule", "sentence"), [(rule, bad) for rule, (bads, _) in PHRASES.items() for bad in bads]
)
def test_a_turn_of_phrase_is_recognised(rule: str, sentence: str) -> None:
    assert rule in house.wording(sentence)


@pytest.mark.parametrize("sentence", [good for _, goods in PHRASES.values() for good in goods])
def test_plain_english_passes(sentence: str) -> None:
    assert house.wording(sentence) == []
    assert house.is_sentence(sentence)


def test_the_first_sentence_of_a_docstring_is_examined_without_its_code() -> None:
    text = "Sends `what` it is given. See below.\n\nWho knows."
    assert house.sentences_of(text) == ["Sends X it is given.", "See below."]
    assert not house.is_sentence("told")
    assert not house.is_sentence("the lane: who goes next")


OFFENDING = '''
class Lane:
    told: int


def found(who, *, it=None):
    """What was found."""
    for one in it:
        self.shown = one  # told all the same
    match one:
        case [made, *wanted]:
            pass
'''


def test_each_check_finds_its_offences(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text(OFFENDING, encoding="utf-8")
    (tmp_path / "c.py").write_text("class Lane: ...\n" + "x = 1\n" * 320, encoding="utf-8")
    offences = {name: [*check(tmp_path)] for name, check in house.CHECKS.items()}
    assert {each.text for each in offences["banned names"]} == {
        "told", "found", "who", "it", "one", "shown", "made", "wanted"
    }  # fmt: skip
    assert [str(each) for each in offences["classes that share a name"]] == [
        "relay/a/b.py:2: Lane", "relay/c.py:1: Lane"
    ]  # fmt: skip
    assert [each.text for each in offences["files that are too long"]] == ["321 lines"]
    assert [each.line for each in offences["unclear docstrings"]] == [7]
    assert {each.line for each in offences["unclear comments"]} == {9}
    assert {each.file for each in offences["modules without a docstring"]} == {"a/b.py", "c.py"}


def test_the_top_of_the_package_is_small() -> None:
    assert len(house.top_names()) <= house.TOP


@pytest.mark.parametrize("check", house.CHECKS)
def test_the_source_keeps_the_rule(check: str) -> None:
    assert [*map(str, house.CHECKS[check](house.PACKAGE))] == []


@pytest.mark.parametrize("folder", sorted(house.PACKAGE.rglob("__init__.py")), ids=str)
def test_every_module_that_a_folder_lists_exists(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse(folder.read_text(encoding="utf-8"))) or ""
    lists = re.findall(r"(?m)^(\w+(?:, \w+)*) {2,}\S", docstring)
    lists += re.findall(r"; ``(\w+)``", docstring)
    names = {name for each in lists for name in each.split(", ")}
    assert names <= {entry.stem for entry in folder.parent.iterdir()}


def test_imports_go_down_nine_layers_and_every_module_has_a_place() -> None:
    (layers,) = [contract for contract in house.contracts() if contract["type"] == "layers"]
    assert (layers["containers"], layers["exhaustive"]) == (["relay"], True)
    assert layers["exhaustive_ignores"] == ["__main__"]
    assert len(layers["layers"]) == house.LAYERS
    placed = [name.strip() for layer in layers["layers"] for name in layer.split("|")]
    assert sorted(placed) == house.top_names()
    assert "ignore_imports" not in layers


@pytest.mark.parametrize("folder", ["sinks", "outbox"])
def test_vendors_and_databases_are_independent_of_each_other(folder: str) -> None:
    independent = {
        module.removeprefix(f"relay.{folder}.")
        for contract in house.contracts()
        if contract["type"] == "independence"
        for module in contract["modules"]
        if module.startswith(f"relay.{folder}.")
    }
    inside = (house.PACKAGE / folder).iterdir()
    assert independent == {entry.name for entry in inside if (entry / "__init__.py").exists()}
