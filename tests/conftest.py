"""Fixtures that every test may use."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A loaded machine is no bug.
settings.register_profile("relay", deadline=None)
settings.load_profile("relay")

pytest_plugins = [
    "tests.leaks",
    "tests.fakes.fixtures",
    "tests.factories",
    "tests.terminal",
    "tests.page",
    "pytester",
]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands send the log to a stream that is gone after their test."""
    root, relay = logging.getLogger(), logging.getLogger("relay")
    before, levels = [*root.handlers], (root.level, relay.level)
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:] = before
    for logger, level in zip((root, relay), levels, strict=True):
        logger.setLevel(level)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed, a test that was skipped is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if skipped and os.environ.get("RELAY_NO_SKIPS"):
        reporter.write_line(f"{skipped} skipped, and RELAY_NO_SKIPS is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
