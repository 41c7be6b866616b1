"""What CONTRIBUTING.md says about the code is true, and its steps lead to the goal."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import house

PAGE = (house.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = ("relay", "templates", "samples", "locale", "docs", "tests", "deploy", "bench")
STEP = re.compile(r"^( *)<!-- (.+?) -->\n *```\w+\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    assert rest, title
    return rest.partition("\n## ")[0]


@dataclass(frozen=True)
class Step:
    """Lines that a section adds: as a new file, or at the line that begins with ``anchor``."""

    files: tuple[str, ...]
    where: str
    anchor: str
    lines: str

    def apply(self, tree: Path) -> None:
        for file in (path for name in self.files for path in matching(tree, name)):
            if not self.where:
                file.parent.mkdir(exist_ok=True)
                file.write_text(self.lines, encoding="utf-8")
                continue
            text = file.read_text(encoding="utf-8")
            file.write_text(self._added(text), encoding="utf-8")

    def _added(self, text: str) -> str:
        if self.where == "at the end":
            return f"{text.rstrip()}\n\n{self.lines}"
        lines = text.splitlines(keepends=True)
        number = next(n for n, line in enumerate(lines) if line.startswith(self.anchor))
        start = number + (self.where == "after")
        end = number + (self.where != "before")
        return "".join([*lines[:start], self.lines, *lines[end:]])


def matching(tree: Path, name: str) -> list[Path]:
    return sorted(tree.glob(name)) if "*" in name else [tree / name]


def steps(title: str) -> Iterator[Step]:
    for indent, head, lines in STEP.findall(section(title)):
        names, where, anchor = re.fullmatch(
            r"(.+?)(?: (at the end|after|before|instead of)(?: (.*))?)?", head
        ).groups()  # type: ignore[union-attr]
        text = re.sub(f"(?m)^{indent}", "", lines)
        yield Step(tuple(names.split()), where or "", anchor or "", text)


def commands(title: str) -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", section(title), re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, as far as its checks need it."""
    tree = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "e2e")
    for part in PARTS:
        shutil.copytree(house.ROOT / part, tree / part, ignore=ignored)
    for file in house.ROOT.glob("*.*"):
        if file.is_file():
            shutil.copy(file, tree)
    return tree


def run(tree: Path, command: str) -> None:
    words = command.split()
    assert words[0] == "python"
    if words[1:3] == ["-m", "pytest"]:
        words += ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environ = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, *words[1:]], cwd=tree, env=environ, capture_output=True, text=True
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-4000:]}\n{ended.stderr[-2000:]}"


def add_sample(tree: Path) -> None:
    body = json.loads((tree / "samples" / "mention.json").read_text(encoding="utf-8"))
    text = json.dumps(body | {"type": "pollEnded"}, ensure_ascii=False, indent=1)
    (tree / "samples" / "pollEnded.json").write_text(text, encoding="utf-8")


def add_panel(tree: Path) -> None:
    file = tree / "deploy" / "grafana.json"
    dashboard = json.loads(file.read_text(encoding="utf-8"))
    last = max(dashboard["panels"], key=lambda panel: panel["gridPos"]["y"])
    place = {"x": 0, "y": last["gridPos"]["y"] + last["gridPos"]["h"], "w": 24, "h": 8}
    number = max(panel["id"] for panel in dashboard["panels"]) + 1
    target = {"expr": "sum by (hook) (rate(relay_oversized_total[$__rate_interval]))"}
    dashboard["panels"].append(
        {"id": number, "type": "timeseries", "gridPos": place, "targets": [target]}
    )
    file.write_text(json.dumps(dashboard), encoding="utf-8")


PREPARATIONS = {"Add an event kind": add_sample, "Add a metric": add_panel}


@pytest.mark.parametrize("title", re.findall(r"(?m)^## (Add .*)$", PAGE))
def test_what_a_section_adds_passes_the_checks(title: str, tree: Path) -> None:
    added = list(steps(title))
    assert added
    for step in added:
        step.apply(tree)
    if title in PREPARATIONS:
        PREPARATIONS[title](tree)
    for command in commands(title):
        run(tree, command)
    changed = {name for step in added for name in step.files if name.endswith(".py")}
    run(tree, f"python -m ruff check {' '.join(changed)}")
    run(tree, f"python -m ruff format --check {' '.join(changed)}")


def test_a_command_that_was_added_runs(tree: Path) -> None:
    for step in steps("Add a command"):
        step.apply(tree)
    environ = os.environ | {"PYTHONPATH": str(tree)}
    ended = subprocess.run(
        [sys.executable, "-m", "relay", "uptime", "--config", "config.example.yaml"],
        cwd=tree, env=environ, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "not running\n"), ended.stderr


def test_the_map_has_every_folder() -> None:
    folders = re.findall(r"(?m)^\| `(\w+)` \|", section("The map"))
    assert sorted(folders) == [
        name for name in house.top_names() if (house.PACKAGE / name).is_dir()
    ]


def test_the_map_has_every_module_at_the_top() -> None:
    modules = re.findall(r"(?m)^\| `(\w+\.py)` \|", section("The map"))
    assert sorted([*modules, "__init__.py"]) == sorted(
        file.name for file in house.PACKAGE.glob("*.py")
    )


def test_the_docstring_of_the_package_has_the_same_map() -> None:
    docstring = ast.get_docstring(ast.parse((house.PACKAGE / "__init__.py").read_text()))
    assert docstring is not None
    in_docstring = re.findall(r"(?m)^(\w+) {2,}\S", docstring)
    assert in_docstring == re.findall(r"(?m)^\| `(\w+)` \|", section("The map"))


PLACES = re.findall(
    r"(?m)^\| .*\| `(relay/\S+)` \| `([\w.]+)` \| `(.+)` \|$", section("Where is …")
)


def test_every_row_of_the_places_is_read() -> None:
    rows = re.findall(r"(?m)^\| .*", section("Where is …"))
    assert len(PLACES) == len(rows) - 1  # without the head of the table


@pytest.mark.parametrize(("file", "name", "code"), PLACES)
def test_every_place_has_the_code_that_the_page_quotes(file: str, name: str, code: str) -> None:
    text = (house.ROOT / file).read_text(encoding="utf-8")
    body = ast.parse(text).body
    for part in name.split("."):
        (node,) = [each for each in body if part in names_of(each)]
        body = getattr(node, "body", [])
    source = ast.get_source_segment(text, node) or ""
    assert code in " ".join(source.split())


def names_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


@pytest.mark.parametrize("name", re.findall(r"`(\w+/[\w/<>]+\.py)`", PAGE))
def test_every_file_that_the_page_names_is_there(name: str) -> None:
    for root in (house.ROOT, house.PACKAGE):
        if matching(root, name.replace("<vendor>", "slack"))[0].is_file():
            return
    assert name.startswith("relay/sinks/ntfy/") or name == "relay/cli/uptime.py"
