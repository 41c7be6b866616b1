"""Reading a configuration: its file, its models and its checks; all mistakes at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay.config.checks import crosscheck
from relay.config.diagnostics import (
    UNKNOWN,
    Document,
    Loc,
    Shape,
    complaints,
    dotted,
    likely,
    lines,
)
from relay.config.effective import settings
from relay.config.env import refusal
from relay.config.settings import LISTEN, Config
from relay.config.template_checks import Samples, proof
from relay.config.types import OUTBOX, OutboxUrl
from relay.config.yaml import read
from relay.errors import ConfigError

MAX_FILE = 4 * 2**20  # bytes; 10,000 routes or sinks take one or two
READINGS = 3  # for mistakes behind mistakes: see likely


def load(
    path: Path, *, environ: Mapping[str, str] = os.environ, samples: Samples = tuple
) -> Config:
    """
    Read a file. Raises ConfigError with all mistakes, a line each.

    ``samples`` gives events that every template has to render.
    """
    text = text_of(path)
    return parse(text, file=str(path), base=path.parent, environ=environ, samples=samples)


def parse(
    text: str,
    *,
    file: str,
    base: Path,
    environ: Mapping[str, str],
    samples: Samples = tuple,
) -> Config:
    """Read a configuration; names of files in it start at ``base``."""
    document = read(text, base=base, environ=environ)
    return _built(document, file=file, base=base, samples=samples)


def load_without_secrets(path: Path, *, environ: Mapping[str, str] = os.environ) -> Config:
    """
    Read a file without its secrets: variables may be unset, and files of secrets unreadable.

    For commands that send nothing. Raises ConfigError with all other mistakes.
    """
    document = read(text_of(path), base=path.parent, environ=environ)
    if isinstance(document.data, dict):
        put_placeholders(document)
    return _built(document, file=str(path), base=path.parent, samples=tuple)


def _built(document: Document, *, file: str, base: Path, samples: Samples) -> Config:
    if not document.mistakes and not isinstance(document.data, dict):
        document.mistake((), _no_mapping(document.data))
    if not isinstance(document.data, dict):
        raise ConfigError("\n".join(lines(document.mistakes, file=file)))
    config = _validated(document)
    crosscheck(document, listen=LISTEN)
    problems = proof(document, base=base, samples=samples)
    if document.mistakes or problems or config is None:
        raise ConfigError("\n".join([*lines(document.mistakes, file=file), *problems]))
    for name, sink in config.sinks.items():
        for key, doubt in sink.doubts.items():
            document.warn(("sinks", name, key), doubt)
    templates = None if config.templates is None else base / config.templates
    checked = config.model_copy(update={"templates": templates})
    checked._warnings = tuple(lines(document.warnings, file=file))
    checked._secret_files = tuple(dict.fromkeys(document.files))
    if config.web is not None:
        checked._effective = tuple(settings(config, document, file=Path(file).name))
    return checked


def _no_mapping(data: object) -> str:
    if data is None:
        return "is empty: copy config.example.yaml, or see `relay serve --help`"
    return "should be a mapping with the keys hooks, sinks and routes"


def _validated(document: Document) -> Config | None:
    """The configuration; None if there are mistakes, which are added to the document."""
    data, shape = document.data, None
    for _ in range(READINGS):
        try:
            config = Config.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        else:
            return config if shape is None else None
        shape = shape or Shape(Config)
        for path, text in complaints(shape, errors):
            document.mistake(path, text)
        data = likely(data, errors, shape)
    return None


def secret_files(path: Path) -> tuple[Path, ...]:
    """The files of secrets that a configuration uses."""
    return tuple(read(text_of(path), base=path.parent, environ=os.environ).files)


def outbox_of(path: Path) -> str:
    """The outbox of a configuration. Raises ConfigError if the file cannot be read at all."""
    document = read(text_of(path), base=path.parent, environ=os.environ)
    if document.data is None and document.mistakes:
        raise ConfigError("\n".join(lines(document.mistakes, file=str(path))))
    written = document.data.get("outbox") if isinstance(document.data, dict) else None
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


NEEDED = ("outbox",)
"""Nothing can stand in for these."""

_IN_PLACE: Mapping[str, str] = {
    "url": UNKNOWN,
    "secret": "unknown",
    "token": "unknown",
    "password": "an unknown password",
    "proxy": "none",
    "homeserver": UNKNOWN,
    "room": "!unknown",
    "channel": "C0",
}


def put_placeholders(document: Document) -> None:
    """Put placeholders for missing variables and files of secrets, and drop these mistakes."""
    paths = [path for path in document.absent if path[0] not in NEEDED]
    for path in paths:
        _put_placeholder(document.data, path)
    forgiven = {dotted(path) for path in paths}
    document.mistakes[:] = [
        mistake for mistake in document.mistakes if mistake.path not in forgiven
    ]


def _put_placeholder(data: Any, path: Loc) -> None:
    holder, key = data, path[-1]
    for step in path[:-1]:
        holder = holder[step]
    name = key if isinstance(key, str) else str(path[-2])
    if (value := _IN_PLACE.get(name)) is None:
        if isinstance(holder, dict):
            del holder[key]  # its default does
    elif name == "token" and isinstance(holder, dict) and holder.get("type") == "slack":
        holder[key] = f"xoxb-{value}"
    else:
        holder[key] = value
