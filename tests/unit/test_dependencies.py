"""What relay needs is bounded: below by what was tried, above at a version that may break it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

FILE = Path(__file__).parents[2] / "pyproject.toml"
PROJECT = tomllib.loads(FILE.read_text(encoding="utf-8"))


def requirements() -> Iterator[str]:
    yield from PROJECT["build-system"]["requires"]
    yield from PROJECT["project"]["dependencies"]
    for needed in PROJECT["project"]["optional-dependencies"].values():
        yield from needed


@pytest.mark.parametrize("written", sorted(set(requirements())))
def test_every_dependency_is_bounded_below_and_above(written: str) -> None:
    operators = {one.operator for one in Requirement(written).specifier}
    # ==1.4.* is both.
    assert operators == {"=="} or operators == {">=", "<"}


PAGES = ["README.md", "README.ja.md", "SECURITY.md", "CHANGELOG.md", "docs", "relay", "deploy"]
BY_NAME = re.compile(
    r"(?:pip|uv|pipx)[0-9.]* install(?:\s+-\S+)*\s+['\"]?relay\b|\brelay\[[a-z]|pypi/relay"
)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_tells_to_install_a_package_of_our_name_from_the_index(path: str) -> None:
    place = FILE.parent / path
    for file in [place, *place.rglob("*")]:
        if file.is_file():
            assert BY_NAME.search(file.read_bytes().decode(errors="replace")) is None, file


REGISTRIES = re.compile(r"py[p]i\.(?:org|python\.org)|npm[j]s\.(?:org|com)|pythonhoste[d]\.org")


@pytest.mark.parametrize("path", [*PAGES, "CONTRIBUTING.md", "pyproject.toml", "tests", "bench"])
def test_nothing_names_the_host_of_a_package_registry(path: str) -> None:
    place = FILE.parent / path
    for file in [place, *place.rglob("*")]:
        if file.is_file() and file.suffix in {".md", ".py", ".toml", ".json", ".service", ".yaml"}:
            assert REGISTRIES.search(file.read_text(encoding="utf-8")) is None, file


def test_no_requirement_is_a_package_of_our_name() -> None:
    assert "relay" not in {Requirement(one).name for one in requirements()}
