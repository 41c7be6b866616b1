"""Writes files that must not be there before: configurations and secrets."""

import os
import tempfile
from pathlib import Path

from relay.errors import ConfigError


def reject_existing(*paths: Path, command: str) -> None:
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} exists, and {command} overwrites nothing")


def reject_unwritable(folder: Path) -> None:
    """Make a folder of secrets, and try to write in it. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from None


def create_secret(path: Path, text: str) -> None:
    """Create a file that only its owner may read, and its folder. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    create(path, text, mode=0o600)


def create(path: Path, text: str, *, mode: int) -> None:
    """Raises OSError, also if there is such a file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(f"{text.rstrip()}\n")


def unwritable(error: OSError) -> ConfigError:
    return ConfigError(f"{error.filename}: cannot be written: {error.strerror}")
