"""The page on doctor tells of each finding, and of no other."""

import re
from pathlib import Path
from typing import get_args

from relay.doctor.findings import Name
from tests.unit.test_doctor import FAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w-]+)` \| ([\w, ]+) \|", PAGE, re.M))


def test_the_table_has_all_findings_in_their_order() -> None:
    assert list(ROWS) == list(get_args(Name))


def test_the_table_tells_how_bad_each_is() -> None:
    levels: dict[str, set[str]] = {}
    for fault in FAULTS:
        name, level, _ = fault.values[1]
        levels.setdefault(name, set()).add(level)
    assert {name: set(told.split(", ")) for name, told in ROWS.items()} == levels
