"""What relay needs is bounded: below by what was tried, above at a version that may break it."""

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
        yield from (one for one in needed if not one.startswith("relay["))


@pytest.mark.parametrize("written", sorted(set(requirements())))
def test_every_dependency_is_bounded_below_and_above(written: str) -> None:
    operators = {one.operator for one in Requirement(written).specifier}
    # ==1.4.* is both.
    assert operators == {"=="} or operators == {">=", "<"}
