"""Fixtures that every test may use."""

import os

import pytest
from hypothesis import settings

# A loaded machine is no bug.
settings.register_profile("relay", deadline=None)
settings.load_profile("relay")

pytest_plugins = ["tests.fakes.fixtures", "tests.factories"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed, a test that was skipped is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if skipped and os.environ.get("RELAY_NO_SKIPS"):
        reporter.write_line(f"{skipped} skipped, and RELAY_NO_SKIPS is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
