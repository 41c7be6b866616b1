"""The file of a configuration: its text, and what it tells whatever else is wrong with it."""

import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from relay.config.document import read
from relay.config.env import refusal
from relay.config.types import OUTBOX, OutboxUrl
from relay.config.yaml import told
from relay.errors import ConfigError

MAX_FILE = 4 * 2**20  # bytes; 10,000 routes or sinks take one or two


def secret_files(path: Path) -> tuple[Path, ...]:
    """The files of secrets that a configuration names."""
    return tuple(read(text_of(path), base=path.parent, environ=os.environ).files)


def outbox_of(path: Path) -> str:
    """Where a configuration keeps what waits. Raises ConfigError if it cannot be read at all."""
    source = read(text_of(path), base=path.parent, environ=os.environ)
    if source.data is None and source.mistakes:
        raise ConfigError("\n".join(told(source.mistakes, file=str(path))))
    written = source.data.get("outbox") if isinstance(source.data, dict) else None
    try:
        return str(TypeAdapter(OutboxUrl).validate_python(written))
    except ValidationError:
        return OUTBOX


def text_of(path: Path) -> str:
    """Raises ConfigError if there is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except PermissionError:
        raise ConfigError(f"{path}: cannot be read: {refusal(path)}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_FILE:
        raise ConfigError(f"{path}: is larger than {MAX_FILE // 2**20} MiB: is it the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError(f"{path}:{line}:{column}: is not UTF-8 text") from None
