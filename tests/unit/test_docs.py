"""What the pages name is there, and what is there is named on a page."""

import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from relay.cli import main as cli
from relay.config.schema import schema
from tests.unit.test_cli import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    if page.name != "gallery.md"  # it shows notes
]
READMES = [ROOT / "README.md", ROOT / "README.ja.md"]
SCHEMA = schema()
KEYS = {
    key
    for part in (SCHEMA, *SCHEMA["$defs"].values())
    for key in part.get("properties", {})
}  # fmt: skip
OTHERS = {
    "allowedPrivateNetworks",  # Misskey's configuration
    "blobcat",  # an emoji
    "unix",  # an address
}
"""Words before a colon that are no keys of relay's."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a language; those without one are in the language ""."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text_of(page), re.M | re.S)
    return [
        re.sub(f"(?m)^{indent}", "", block) for indent, word, block in found if word == language
    ]


def spans(page: Path) -> list[str]:
    prose = re.sub(r"^ *(`{3,}).*?^ *\1$", "", text_of(page), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", prose)


def options(command: tuple[str, ...]) -> set[str]:
    parser = cli.parser()
    for word in command:
        (choices,) = [one.choices for one in parser._actions if isinstance(one.choices, dict)]
        parser = choices[word]
    return {option for action in parser._actions for option in action.option_strings}


def calls(page: Path) -> Iterator[list[str]]:
    """The words behind each `relay` on a page: in code, where it stands for the command."""
    code = "\n".join([*spans(page), *blocks(page, "sh"), *blocks(page, "")])
    code = re.sub(r"#.*", "", code)
    for found in re.findall(r"(?:^|[ /])relay ([a-z].*)", code, re.M):
        yield re.split(r" (?:&&|>|\|) ", found)[0].split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_is_there_with_its_options(page: Path) -> None:
    for words in calls(page):
        (command,) = [one for one in COMMANDS if list(one) == words[: len(one)]][-1:] or [None]
        assert command is not None, f"relay {' '.join(words)}"
        action = re.fullmatch(r"[a-z-]+", (words[len(command) :] or [""])[0])
        has_actions = any(one[: len(command)] == command for one in COMMANDS if one != command)
        assert action is None or not has_actions, f"relay {' '.join(words)}"
        given = {word.split("=")[0] for word in words if word.startswith("--")}
        assert given <= options(command), f"relay {' '.join(words)}"


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_command_is_in_the_table_of_the_readme(page: Path) -> None:
    table = re.findall(r"^\| `relay ([\w-]+)", text_of(page), re.M)
    assert set(table) == {command[0] for command in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_configuration_on_a_page_is_one(page: Path) -> None:
    judge = jsonschema.Draft202012Validator(SCHEMA)
    for block in blocks(page, "yaml"):
        assert [error.message for error in judge.iter_errors(yaml.safe_load(block))] == [], block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_on_a_page_is_there(page: Path) -> None:
    named = {found[1] for span in spans(page) if (found := re.match(r"(\w+):(?: |$)", span))}
    assert named <= KEYS | OTHERS, named - KEYS - OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_on_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(page)):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        heads = re.findall(r"^#+ (.*)$", text_of(file), re.M) if anchor else []
        slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in slugs, target


@pytest.mark.parametrize("name", ["relay.service", "nginx.conf", "Caddyfile", "compose.yaml"])
def test_every_file_of_deploy_that_a_page_names_is_there(name: str) -> None:
    assert (ROOT / "deploy" / name).is_file()


def test_both_readmes_have_the_same_commands() -> None:
    english, japanese = (
        [re.sub(r"(?m) *#.*$", "", block) for block in blocks(page, "sh")] for page in READMES
    )
    assert japanese == english[: len(japanese)]
    assert len(english) - len(japanese) == 1  # how to work on relay is for those who read code
