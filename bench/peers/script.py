"""What most people run: forty lines of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.peer import Peer
from bench.process import Server, free_port, python
from bench.process import serving as process
from bench.workload import PATH, SECRET

NAME = "inline script"


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Server]:
    port = free_port()
    command = python("bench.programs.script", port, PATH, SECRET, address)
    with process(command, folder=folder, port=port) as server:
        yield server


PEER = Peer(name=NAME, serving=serving)
