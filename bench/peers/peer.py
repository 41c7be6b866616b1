"""What the peers have in common: something takes a webhook and tells a chat of it."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.process import Server
from bench.workload import PATH, every_kind


class MissingError(Exception):
    """It cannot be run here; the text says what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """``serving`` takes a folder and the chat's address, and raises MissingError."""

    name: str
    serving: Callable[[Path, str], AbstractContextManager[Server]]
    path: str = PATH
    events: Callable[[Path], Path] = every_kind
    """The file of what it is sent: those with a format of their own get the same as theirs."""


def program(name: str, package: str) -> str:
    """Where a program is that Debian has."""
    if (found := shutil.which(name)) is None:
        raise MissingError(f"not installed: apt install {package}")
    return found
