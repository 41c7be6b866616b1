"""The manual page is made from the commands, and is one by the judgement of its reader."""

import shutil
import subprocess

import pytest

from docs.man import PAGE, page
from tests.unit.test_cli import COMMANDS

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_command_writes() -> None:
    assert page() == TEXT, "run: python docs/man.py"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_on_the_page(command: tuple[str, ...]) -> None:
    name = " ".join(["relay", *command]).replace("-", "\\-")
    assert any(line.startswith(f".SS {name}") for line in TEXT.splitlines())


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not there")
def test_mandoc_has_no_complaint() -> None:
    ran = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(PAGE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # Without a date the page says the same on every day on which it is made.
    told = [line for line in ran.stdout.splitlines() if "missing date" not in line]
    assert told == []
