"""Log lines for people: a message and its fields."""

import logging
import time
from typing import TextIO

SELDOM = 30.0  # seconds
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """``12:30:01 WARNING failed, will be tried again sink=team attempt=2 reason=...``"""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        fields = " ".join(
            f"{key}={_shown(value)}"
            for key, value in vars(record).items()
            if key not in _STANDARD and value is not None
        )
        line = f"{when} {record.levelname:<7} {record.getMessage()} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _shown(value: object) -> str:
    """A value in one line, whatever strangers have put into it."""
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def log_to(stream: TextIO, *, level: int = logging.INFO) -> None:
    """Send relay's own lines, and the warnings of its libraries, to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("relay").setLevel(level)
    # aiohttp quotes the line of a request that it cannot read, which can hold a secret.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").addFilter(Seldom())


class Seldom(logging.Filter):
    """Lets the same message through once in a while: without sockets there are thousands."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        before = self._told.get(str(record.msg), -SELDOM)
        if record.created - before < SELDOM:
            return False
        self._told = {**dict(list(self._told.items())[-100:]), str(record.msg): record.created}
        return True
