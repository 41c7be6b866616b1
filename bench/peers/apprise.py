"""Apprise behind a handler, in an environment of its own (https://github.com/caronc/apprise)."""

import shutil
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.peer import MissingError, Peer
from bench.process import Server, free_port
from bench.process import serving as process
from bench.workload import PATH, SECRET

PACKAGES = ("apprise>=1.9,<2", "aiohttp>=3.14,<4")


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Server]:
    python, port = _installed(folder / "apprise"), free_port()
    program = [python, "-m", "bench.programs.with_apprise"]
    command = [*program, str(port), PATH, SECRET, address]
    with process(command, folder=folder, port=port) as server:
        yield server


def _installed(place: Path) -> str:
    python = str(place / "bin" / "python")
    if not place.exists():
        venv.create(place, with_pip=True)
        install = [python, "-m", "pip", "install", "-q", *PACKAGES]
        ended = subprocess.run(install, capture_output=True, text=True, timeout=300)
        if ended.returncode:
            shutil.rmtree(place)
            raise MissingError(f"pip cannot install it: {ended.stderr.strip()[-200:]}")
    return python


PEER = Peer(name="Apprise, behind a handler", serving=serving)
