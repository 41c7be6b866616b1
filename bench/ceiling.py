"""What no durable relay can reach: a bare aiohttp handler, as a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.process import Server, free_port, python, serving
from bench.workload import PATH, SECRET

NAME = "bare handler"


@contextmanager
def ceiling(folder: Path) -> Iterator[Server]:
    port = free_port()
    command = python("bench.programs.bare", port, PATH, SECRET)
    with serving(command, folder=folder, port=port) as server:
        yield server
