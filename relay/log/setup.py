"""
Sets up the log: lines for people, JSON for programs, or entries in systemd's journal.

Modules log through the standard library, with a constant message and its fields as ``extra``. Each
event writes up to two lines, so that a line must cost little.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TextIO

from relay.log.journald import Journal, fields_of
from relay.log.throttle import Throttle

LEVELS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}
DIM, RESET = "\x1b[2m", "\x1b[0m"


class LogFormat(StrEnum):
    """The formats of a line."""

    CONSOLE = "console"
    JSON = "json"
    JOURNALD = "journald"


def log_to(
    stream: TextIO,
    *,
    level: int = logging.INFO,
    log_format: LogFormat = LogFormat.CONSOLE,
    colour: bool = False,
) -> None:
    """Send relay's own lines, and the warnings of its libraries, to a stream or the journal."""
    handler: logging.Handler = logging.StreamHandler(stream)
    if log_format is LogFormat.JOURNALD:
        handler = Journal(stream)
    handler.setFormatter(_formatter(log_format, colour=colour))
    _skip_unused_fields()
    logging.basicConfig(level=logging.WARNING, handlers=[Throttle(handler)], force=True)
    logging.getLogger("relay").setLevel(level)
    # aiohttp quotes request lines that it cannot parse, and these can hold a secret.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def format_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> LogFormat:
    """
    The format for the journal if that reads the stream, else lines for people.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#%24JOURNAL_STREAM
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return LogFormat.CONSOLE
    is_journal = environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return LogFormat.JOURNALD if is_journal else LogFormat.CONSOLE


def _skip_unused_fields() -> None:
    """https://docs.python.org/3/howto/logging.html#optimization"""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def _formatter(log_format: LogFormat, *, colour: bool) -> logging.Formatter:
    match log_format:
        case LogFormat.CONSOLE:
            return _Console(colour=colour)
        case LogFormat.JSON:
            return _JSON()
        case LogFormat.JOURNALD:
            return _Words()


class _JSON(logging.Formatter):
    """Writes ``{"timestamp": "2026-11-29T12:30:01.123456Z", "level": "info", "message": ...}``."""

    _written = json.JSONEncoder(default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "timestamp": _moment(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return self._written(fields)


class _Words(logging.Formatter):
    """Writes ``failed, will be tried again sink=team attempt=2``; the journal has the rest."""

    def __init__(self, *, field: Callable[[str], str] = str) -> None:
        super().__init__()
        self._field = field

    def format(self, record: logging.LogRecord) -> str:
        fields = [self._field(f"{key}={_quoted(value)}") for key, value in _fields(record).items()]
        line = " ".join([_plain(record.getMessage()), *fields])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Console(_Words):
    """Writes ``12:30:01 WARNING  failed, will be tried again sink=team attempt=2 reason=...``."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__(field=_dimmed if colour else str)
        self._levels = LEVELS if colour else {}

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname:<8}"
        if painted := self._levels.get(record.levelname):
            level = f"{painted}{level}{RESET}"
        return f"{self._field(_clock(int(record.created)))} {level} {super().format(record)}"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """The fields of a record, with the name of the logger if a library has written it."""
    fields = fields_of(record)
    if (library := record.name.partition(".")[0]) != "relay":
        fields["logger"] = library
    return fields


def _dimmed(text: str) -> str:
    return f"{DIM}{text}{RESET}"


@lru_cache(1)
def _clock(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def _moment(created: float) -> str:
    """ISO 8601, in UTC."""
    second, microsecond = divmod(round(created * 1e6), 1_000_000)
    return f"{_date(second)}.{microsecond:06d}Z"


@lru_cache(1)
def _date(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _quoted(value: object) -> str:
    """A value as one word, quoted if it has spaces or control characters."""
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def _plain(value: object) -> str:
    """A message as one line, because a library's may contain anything."""
    text = str(value)
    return text if text.isprintable() else repr(text)
