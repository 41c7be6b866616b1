"""The schema takes what relay takes, and refuses what a schema can see."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from relay.cli import main as cli
from relay.cli.init_presets import PRESETS, config
from relay.config.schema import schema
from tests.unit.test_config import uncommented

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
SCHEMA = schema()
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
BAD = ROOT / "tests" / "samples" / "configs"
BEYOND = {
    "a-condition-that-is-none": "a Jinja expression",
    "a-name-with-a-blank": "names are checked by relay alone",
    "a-hash-that-is-none": "relay alone reads a hash",
    "a-page-without-a-password": "it depends on another key",
    "a-regular-expression-that-is-none": "RE2 alone knows",
    "a-template-that-is-not-there": "files",
    "a-text-behind-a-quote": "not YAML",
    "a-text-that-begins-with-a-sign": "YAML reads it as nothing",
    "a-time-zone-that-is-not": "time zones are many",
    "addresses-that-anybody-can-read": "addresses are checked by relay alone",
    "an-outbox-of-no-kind": "addresses are checked by relay alone",
    "an-outbox-with-a-password": "addresses are checked by relay alone",
    "an-outbox-with-a-slash-in-its-password": "addresses are checked by relay alone",
    "an-undefined-hook": "one part of the file names another",
    "an-undefined-sink": "one part of the file names another",
    "files-that-cannot-be-read": "files",
    "one-address-for-both-doors": "it depends on another key",
    "polls-that-are-none": "one part of the file excludes another",
    "reports-to-a-sink-for-everybody": "it depends on another key",
    "two-routes-of-one-name": "it depends on another key",
    "variables-that-are-none": "variables",
    "variables-that-are-not-set": "variables",
}


def problems(text: str) -> list[str]:
    return [error.message for error in JUDGE.iter_errors(yaml.safe_load(text))]


def is_yaml(file: Path) -> bool:
    try:
        yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, RecursionError):
        return False
    return True


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EXAMPLE, id="the example"),
        pytest.param(uncommented(EXAMPLE), id="the example with all its settings"),
        *(
            pytest.param(
                config(
                    use,
                    {"server": "https://m.example", "homeserver": "https://x", "room": "#a:b"},
                    listen="127.0.0.1:8095",
                    outbox="",
                ),
                id=f"what init writes for {use.name}",
            )
            for use in PRESETS.values()
        ),
        pytest.param("hold: 0\nmax_body: 4000000\nretry: 5s\n", id="numbers, and one for a list"),
        pytest.param("hooks: {a: {secret_file: [b, c]}}\n", id="several files of secrets"),
        pytest.param("locale: ${LOCALE}\nlog_content: ${LOG}\n", id="variables"),
    ],
)
def test_what_is_right_has_no_problem(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    "file", sorted(filter(is_yaml, BAD.glob("*.yaml"))), ids=lambda it: it.stem
)
def test_a_bad_file_is_refused_unless_no_schema_can_see_why(file: Path) -> None:
    found = problems(file.read_text(encoding="utf-8"))
    assert bool(found) != (file.stem in BEYOND)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("hooks: {a: {}}", id="no secret"),
        pytest.param("hooks: {a: {secret: b, secret_file: c}}", id="a secret twice"),
        pytest.param("sinks: {a: {type: discord}}", id="no address"),
        pytest.param("retention:", id="no value"),
        pytest.param("retention: 7 days", id="no duration"),
        pytest.param("routes: [{to: []}]", id="an empty list"),
    ],
)
def test_what_a_schema_can_see_is_refused(text: str) -> None:
    assert problems(text) != []


def test_every_key_is_described() -> None:
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    keys = [(key, value) for part in parts for key, value in part.get("properties", {}).items()]
    assert [key for key, value in keys if not value.get("description", "").endswith(".")] == []


def test_defaults_are_told_as_they_are_written() -> None:
    found = {key: value.get("default") for key, value in SCHEMA["properties"].items()}
    assert (found["retention"], found["hold"], found["max_body"]) == ("7d", "300ms", "4MiB")
    assert found["retry"][:3] == ["5s", "30s", "2m"]


def test_the_file_for_editors_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == SCHEMA
    file = ROOT / "config.schema.json"
    assert file.read_text(encoding="utf-8") == printed


def test_the_example_names_the_schema_in_its_first_line() -> None:
    assert EXAMPLE.startswith("# yaml-language-server: $schema=config.schema.json\n")
