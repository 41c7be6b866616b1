"""A loaded machine is no bug: no test measures how long something takes."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
STOPWATCHES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"}
WAITS_FOR_A_SERVER = {"fakes/synapse.py"}
FILES = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))}


def stopwatches(source: str) -> set[str]:
    """The stopwatches of the ``time`` module that a source reads."""
    nodes = list(ast.walk(ast.parse(source)))
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    return STOPWATCHES & (read | named)


def test_no_test_reads_a_stopwatch() -> None:
    read = {name: stopwatches(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    assert {name for name, found in read.items() if found} == WAITS_FOR_A_SERVER


@pytest.mark.parametrize(
    "source", ["began = time.monotonic()", "from time import perf_counter\nbegan = perf_counter()"]
)
def test_a_stopwatch_is_seen(source: str) -> None:
    assert stopwatches(source)


def test_every_test_has_a_timeout(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0
