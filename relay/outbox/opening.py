"""Which outbox an address names, and what has to be done before one is served."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Outbox
from relay.outbox.sqlite import SQLiteOutbox
from relay.outbox.sqlite.file import FileLock, check, is_foreign, set_aside

logger = logging.getLogger(__name__)


def file_of(address: str) -> Path:
    """The file of ``sqlite:FILE``. Raises OutboxError for any other kind."""
    kind, _, place = address.partition(":")
    if kind != "sqlite" or not place:
        raise OutboxError(f"outbox {kind}: only sqlite:FILE is there yet in this version")
    return Path(place)


@asynccontextmanager
async def open_outbox(address: str) -> AsyncIterator[Outbox]:
    """Raises OutboxError if it cannot be opened."""
    outbox = SQLiteOutbox.open(file_of(address))
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def serve_outbox(address: str, *, now: int) -> AsyncIterator[Outbox]:
    """The same for the one process that serves it; ``now`` in milliseconds."""
    path = file_of(address)
    if is_foreign(path):
        raise OutboxError(f"{path}: this file is no outbox of relay's: is it the right name?")
    lock = FileLock(path)
    try:
        with suppress(BrokenError), _setting_aside(path, now=now):
            check(path)
        with _setting_aside(path, now=now):
            async with open_outbox(address) as outbox:
                await outbox.recover(now=now)
                yield outbox
    finally:
        lock.release()


@contextmanager
def _setting_aside(path: Path, *, now: int) -> Iterator[None]:
    """Give a broken outbox another name, loudly: events can come again, nothing is overwritten."""
    try:
        yield
    except BrokenError as error:
        aside = set_aside(path, now=now)
        logger.critical(
            "the outbox is broken and was set aside; what waited in it was not delivered",
            extra={"action": "set_aside", "reason": str(error), "file": str(aside)},
        )
        raise
