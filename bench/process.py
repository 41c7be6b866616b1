"""A server that is measured, from its start to its end: always a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench import ROOT

PATIENCE = 120.0  # seconds for a start, and 10,000 lanes begin at one
GLANCE = 0.005  # seconds between two looks whether it listens


class Server:
    """A process that listens on this machine."""

    def __init__(self, process: psutil.Popen, port: int, *, ready_after: float) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.ready_after = ready_after
        """Seconds from its start until it took a connection."""
        self._process = process

    def resident(self) -> float:
        """MB that it and its children hold."""
        return sum(one.memory_info().rss for one in self._family()) / 1e6

    def busy(self) -> float:
        """Seconds of a processor that it has used so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    def kill(self) -> None:
        for one in self._family():
            one.kill()
        self._process.wait()

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextmanager
def serving(command: Sequence[str], *, folder: Path, port: int) -> Iterator[Server]:
    """Start a server in a folder that also gets its log; it is gone at the end."""
    log = folder / f"{port}.log"
    began = time.monotonic()
    with log.open("ab") as out:
        process = psutil.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait_for(process, port, log)
        yield Server(process, port, ready_after=time.monotonic() - began)
    finally:
        _end(process)


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs one of our modules."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _environment() -> dict[str, str]:
    """This checkout is what runs, wherever the process runs."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _wait_for(process: psutil.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > until:
            told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{process.args} does not listen:\n{told}")
        time.sleep(GLANCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: psutil.Popen) -> None:
    """Ask it to end; kill what has not ended when its grace period is over."""
    if process.poll() is not None:
        return
    children = process.children(recursive=True)
    process.terminate()
    _, left = psutil.wait_procs([process, *children], timeout=20)
    for one in left:
        one.kill()
    process.wait()
