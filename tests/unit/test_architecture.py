"""The picture and the page of the architecture agree with the code."""

import re
from xml.etree import ElementTree

from docs.architecture import ARROWS, BOXES, PICTURE, picture
from relay.outcome import Closed, Failed, RateLimited, Rejected, Sent, State
from tests import house

PAGE = (house.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_picture_is_what_the_command_writes() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run: python docs/architecture.py"
    ElementTree.fromstring(picture())


def test_every_module_in_the_picture_exists() -> None:
    for box in BOXES:
        for module in box.modules:
            assert (house.PACKAGE / module).is_file(), module


def test_no_text_in_the_picture_is_wider_than_its_box() -> None:
    for box in BOXES:
        assert len(box.modules) + len(box.lines) <= 4, box.title
        assert all(len(words) <= 27 for words in (*box.modules, *box.lines)), box.title
    for start, end, _ in ARROWS:
        assert abs(start.row - end.row) + abs(start.column - end.column) == 1


def test_the_page_names_every_state_and_outcome() -> None:
    first_cells = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    outcomes = [kind.__name__ for kind in (Sent, RateLimited, Failed, Rejected, Closed)]
    assert first_cells == [*State, *outcomes]


def test_the_page_shows_the_layers_that_are_checked() -> None:
    (layers,) = [each["layers"] for each in house.contracts() if each["type"] == "layers"]
    (shown,) = re.findall(r"^```\n(cli\n.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown.splitlines() == layers
