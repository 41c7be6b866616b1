"""The bill of materials is one by its standard, and has what relay runs with."""

import json
import tomllib
from importlib.metadata import version
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from relay.cli.sbom import bill

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
FOUND = bill()
VERSIONS = {one["name"]: one["version"] for one in FOUND["components"]}


def test_it_is_valid_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(FOUND)) is None


def test_it_has_every_dependency_in_its_version() -> None:
    for line in PROJECT["dependencies"]:
        name = Requirement(line).name
        assert VERSIONS[name] == version(name)


def test_it_has_what_dependencies_need_and_nothing_of_the_tests() -> None:
    assert {"yarl", "markupsafe", "pydantic-core"} <= set(VERSIONS)
    assert not {"pytest", "hypothesis", "ruff", "matrix-synapse"} & set(VERSIONS)


def test_it_tells_who_requires_what() -> None:
    requires = {one["ref"]: one["dependsOn"] for one in FOUND["dependencies"]}
    assert set(requires) == {"generic:relay", *(f"pypi:{name}" for name in VERSIONS)}
    assert "pypi:aiohttp" in requires["generic:relay"]
    assert "pypi:yarl" in requires["pypi:aiohttp"]


def test_relay_itself_is_not_the_package_of_that_name_on_the_index() -> None:
    assert FOUND["metadata"]["component"]["purl"] == f"pkg:generic/relay@{version('relay')}"
    assert not any(one["purl"].startswith("pkg:pypi/relay@") for one in FOUND["components"])


def test_every_dependency_is_bounded_below_and_above() -> None:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for line in (line for group in groups for line in group):
        wanted = Requirement(line)
        operators = {one.operator for one in wanted.specifier}
        assert wanted.name == "relay" or {">=", "<"} <= operators or "==" in operators, line
