"""The page on the configuration is made from the models, and has every key."""

import re

from docs.configuration import FILE, PAGE, for_editors, page
from relay.config.schema import schema


def test_the_page_and_the_schema_are_what_the_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python docs/configuration.py"
    assert FILE.read_text(encoding="utf-8") == for_editors(), "run: python docs/configuration.py"


def test_every_key_has_a_row() -> None:
    whole = schema()
    parts = [whole, *whole["$defs"].values()]
    keys = {key for part in parts for key in part.get("properties", {})}
    assert keys == set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.M))
