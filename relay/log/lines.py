"""
The log: lines for people, JSON for programs, or entries with fields in systemd's journal.

Modules log through the standard library, a constant message and its fields as ``extra``, and know
nothing of this one. structlog gives the lines their shape, those of libraries too:
https://www.structlog.org/en/stable/standard-library.html
"""

import logging
import os
from collections.abc import Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import Any, TextIO

from structlog.processors import JSONRenderer, TimeStamper
from structlog.typing import Processor

from relay.log.journal import Journal, fields_of
from relay.log.repeats import Repeats

Fields = MutableMapping[str, Any]

LEVELS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31;1m"}
DIM, RESET = "\x1b[2m", "\x1b[0m"


class LogFormat(StrEnum):
    """How a line is written."""

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
    handler.setFormatter(_Lines(_shape(log_format, colour=colour)))
    logging.basicConfig(level=logging.WARNING, handlers=[Repeats(handler)], force=True)
    logging.getLogger("relay").setLevel(level)
    # aiohttp quotes the line of a request that it cannot read, which can hold a secret.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def format_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> LogFormat:
    """
    The journal's, where that is what reads the stream; else lines for people.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#%24JOURNAL_STREAM
    """
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return LogFormat.CONSOLE
    is_journal = environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return LogFormat.JOURNALD if is_journal else LogFormat.CONSOLE


def _shape(log_format: LogFormat, *, colour: bool) -> list[Processor]:
    match log_format:
        case LogFormat.CONSOLE:
            return [TimeStamper("%H:%M:%S", utc=False), _Console(colour=colour)]
        case LogFormat.JSON:
            return [TimeStamper("iso"), JSONRenderer(default=str)]
        case LogFormat.JOURNALD:  # which has its own clock and levels
            return [_bare, _Console(colour=False)]


class _Lines(logging.Formatter):
    """
    What a record says, through structlog's processors, of which the last one writes it.

    Its own ProcessorFormatter copies every record first, and takes three times as long.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        super().__init__()
        self._processors = processors

    def format(self, record: logging.LogRecord) -> str:
        written: Any = self._said(record)
        for processor in self._processors:
            written = processor(None, "", written)
        return str(written)

    def _said(self, record: logging.LogRecord) -> Fields:
        """No empty fields, and no name of a logger but a library's."""
        said: Fields = {
            "timestamp": "",  # in front of all: its processor fills it in
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **fields_of(record),
        }
        if (library := record.name.partition(".")[0]) != "relay":
            said["logger"] = library
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return said


def _bare(logger: Any, name: str, fields: Fields) -> Fields:
    del fields["timestamp"], fields["level"]
    return fields


class _Console:
    """
    ``12:30:01 WARNING  failed, will be tried again sink=team attempt=2 reason=...``

    structlog's own renderer, made for any columns, takes four times as long for the same line.
    """

    def __init__(self, *, colour: bool) -> None:
        self._levels = LEVELS if colour else {}
        self._dim, self._reset = (DIM, RESET) if colour else ("", "")

    def __call__(self, logger: Any, name: str, fields: Fields) -> str:
        words = []
        if stamp := fields.pop("timestamp", ""):
            words.append(self._dimmed(stamp))
        if level := fields.pop("level", ""):
            painted = self._levels.get(level, "")
            words.append(f"{painted}{level.upper():<8}{RESET if painted else ''}")
        words.append(_plain(fields.pop("message")))
        exception = fields.pop("exception", None)
        words += [self._dimmed(f"{key}={_shown(value)}") for key, value in fields.items()]
        return " ".join(words) + (f"\n{exception}" if exception else "")

    def _dimmed(self, text: str) -> str:
        return f"{self._dim}{text}{self._reset}"


def _shown(value: object) -> str:
    """A value in one word, whatever strangers have put into it."""
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def _plain(value: object) -> str:
    """A message in one line: a library's can hold anything."""
    text = str(value)
    return text if text.isprintable() else repr(text)
