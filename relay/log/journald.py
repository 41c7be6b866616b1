"""
Logs to systemd's journal, with fields, so that ``journalctl RELAY_SINK=team`` finds entries.

The protocol is one datagram for each entry; a library for it would be larger than this module.
https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

import logging
import socket
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

SOCKET = "/run/systemd/journal/socket"
IDENTIFIER = "relay"

_OF_EVERY_RECORD = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))


class Journal(logging.Handler):
    """
    Sends entries to the journal; entries that it refuses are written to the stream that it reads.

    There the level is a prefix: https://man7.org/linux/man-pages/man3/sd-daemon.3.html
    """

    def __init__(self, stream: TextIO, *, address: str = SOCKET) -> None:
        super().__init__()
        self._stream = stream
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.sendto(datagram(self._entry(record)), self._address)
        except OSError:  # it does not run, is too busy, or the entry is too long
            self._stream.write(f"<{priority(record.levelno)}>{self.format(record)}\n")
            self._stream.flush()

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "MESSAGE", self.format(record)
        yield "PRIORITY", str(priority(record.levelno))
        yield "SYSLOG_IDENTIFIER", IDENTIFIER
        for key, value in fields_of(record).items():
            for item in value if isinstance(value, tuple) else (value,):
                yield f"RELAY_{key.upper()}", str(item)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The values of ``extra`` that are not None."""
    return {
        name: value
        for name, value in vars(record).items()
        if value is not None and name not in _OF_EVERY_RECORD
    }


def datagram(fields: Iterable[tuple[str, str]]) -> bytes:
    """
    Encode fields as lines ``KEY=value``, and values of several lines with their length.

    A field may come several times, and is found by each of its values.
    """
    return b"".join(_field(key.encode(), value) for key, value in fields)


def _field(key: bytes, text: str) -> bytes:
    value = text.encode(errors="backslashreplace")
    if b"\n" not in value:
        return key + b"=" + value + b"\n"
    return key + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def priority(level: int) -> int:
    """https://man7.org/linux/man-pages/man3/syslog.3.html"""
    known = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
    return next((number for least, number in known.items() if level >= least), 7)
