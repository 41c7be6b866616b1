"""
Sums up repeated failures: a few lines, and how many more there were.

A chat that is down, a full disk or a port scanner would otherwise fill the disk with one line.
"""

import logging
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field

SAME = 3
"""Lines of each kind that are logged within a window."""
WINDOW = 60.0  # seconds
DIFFERENT = 30
"""Kinds of one message within a window; further ones count as one, as strangers choose reasons."""

KIND = ("action", "hook", "sink", "status", "outcome", "reason")
"""The fields that lines of one kind share."""


@dataclass
class Window:
    """Counts the lines of a window by their kind."""

    _counts: dict[Hashable, int] = field(default_factory=dict)
    _last: dict[Hashable, logging.LogRecord] = field(default_factory=dict)
    _kinds: dict[str, int] = field(default_factory=dict)

    def admits(self, record: logging.LogRecord) -> bool:
        """Count a line; return whether it is logged at once."""
        kind = self._kind(record)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._last[kind] = record
        return self._counts[kind] <= SAME

    def summaries(self) -> list[logging.LogRecord]:
        """A line for each kind with lines that were held back."""
        more = {kind: count - SAME for kind, count in self._counts.items() if count > SAME}
        return [_summary(self._last[kind], count) for kind, count in more.items()]

    def _kind(self, record: logging.LogRecord) -> Hashable:
        kind = (record.msg, *(vars(record).get(key) for key in KIND))
        if kind in self._counts:
            return kind
        self._kinds[record.msg] = self._kinds.get(record.msg, 0) + 1
        return kind if self._kinds[record.msg] <= DIFFERENT else record.msg


def _summary(last: logging.LogRecord, more: int) -> logging.LogRecord:
    kept = {key: value for key, value in vars(last).items() if key in KIND}
    named = {"name": last.name, "levelno": last.levelno, "levelname": last.levelname}
    message = f"{last.getMessage()} … and {more} more like this"
    return logging.makeLogRecord({**kept, **named, "msg": message, "more": more})


class Throttle(logging.Handler):
    """Passes lines to another handler: all below WARNING, and a few of each kind of failure."""

    def __init__(self, inner: logging.Handler, *, window: float = WINDOW) -> None:
        super().__init__()
        self._inner = inner
        self._window = window
        self._current = Window()
        self.timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            self._inner.handle(record)
            return
        if self.timer is None:
            # A thread, because the event loop may be stuck.
            self.timer = threading.Timer(self._window, self.sum_up)
            self.timer.daemon = True
            self.timer.start()
        if self._current.admits(record):
            self._inner.handle(record)

    def sum_up(self) -> None:
        """End a window; the next one begins with the next failure."""
        self.acquire()
        try:
            if self.timer is not None:
                self.timer.cancel()
            window, self._current, self.timer = self._current, Window(), None
            for record in window.summaries():
                self._inner.handle(record)
        finally:
            self.release()

    def close(self) -> None:
        """Log what was held back; called when the process ends."""
        self.sum_up()
        self._inner.close()
        super().close()
