"""
Imports inside functions: each has a reason that was measured, and `relay serve` starts without it.

Milliseconds are CPU time of the process, and megabytes the growth of its resident set, when the
module is imported after everything that a serving relay imports (2026, CPython 3.11).
"""

import ast
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

import relay

LATE = {
    "asyncpg": "the extra [postgres]: not installed everywhere; 42 ms, 3.8 MB with our modules",
    "babel": "7 ms, 0.8 MB: only for dates, and for words in other languages than English",
    "discord_webhook": "42 ms, 3.8 MB (it brings requests): only for sinks of Discord",
    "re2": "2 ms, 1.6 MB: only for routes with a `text` key",
    "relay.admin.app": "73 ms, 2.0 MB: only with `web:`",
    "relay.monitoring.metrics": "12 ms, 1.1 MB (prometheus_client): only with `web:`",
    "relay.outbox.copy": "imports asyncpg",
    "relay.outbox.postgres": "imports asyncpg",
    "relay.sinks.matrix.crypto": "the extra [encryption]: not installed everywhere",
    "slack_sdk": "26 ms, 2.4 MB: only for sinks of Slack",
}
PACKAGE = Path(relay.__file__).parent
CLIENTS = {
    f"relay.sinks.{file.parent.name}.client": "SinkSettings.open: brings aiohttp, 166 ms, 10.9 MB"
    for file in PACKAGE.glob("sinks/*/client.py")
}
"""Late for commands that read the configuration and send nothing; a serving relay needs them."""


def late_imports() -> set[tuple[str, str]]:
    """The file and the module of every import that is inside a function."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for outer in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(outer):
                if isinstance(node, ast.ImportFrom):
                    found.add((file.name, node.module or ""))
                elif isinstance(node, ast.Import):
                    found |= {(file.name, alias.name) for alias in node.names}
    return found


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_every_import_inside_a_function_has_a_reason() -> None:
    unexplained = {
        (file, module)
        for file, module in late_imports()
        if not any(is_in(module, name) for name in LATE | CLIENTS)
    }
    assert unexplained == set()


@pytest.mark.parametrize("name", sorted(LATE))
def test_a_relay_that_serves_does_not_import_it_at_its_start(name: str) -> None:
    assert not [module for module in imported_by("relay.cli.serve") if is_in(module, name)]


def test_a_relay_that_serves_does_not_import_other_commands() -> None:
    others = {"deliveries", "doctor", "init", "mfm", "preview", "dead", "sinks"}
    assert not {f"relay.cli.{name}" for name in others} & set(imported_by("relay.cli.serve"))


@pytest.mark.parametrize("name", ["aiohttp", *CLIENTS])
def test_configuration_is_read_without_it(name: str) -> None:
    assert not [module for module in imported_by("relay.config") if is_in(module, name)]


@cache
def imported_by(module: str) -> Sequence[str]:
    code = f"import sys, relay.cli.main, {module}; print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return process.stdout.decode().split()
