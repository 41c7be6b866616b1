"""No case from the field lies there without a test that names it."""

import json
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES = TESTS / "samples" / "cases"
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py") if path != Path(__file__)
)


@pytest.mark.parametrize(
    "name",
    [
        *(path.stem for path in sorted((CASES / "events").glob("*.json"))),
        *(path.stem for path in sorted((CASES / "configs").glob("*.yaml"))),
        *json.loads((CASES / "vendor.json").read_text(encoding="utf-8")),
    ],
)
def test_a_test_names_the_case(name: str) -> None:
    short = name.partition("_")[0]
    assert re.search(rf"(?<![a-z0-9]){short}(?![a-z0-9])", SOURCES), f"no test names {name}"
