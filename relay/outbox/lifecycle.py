"""Opens, views, serves, copies and prunes the outbox that an address names."""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Outbox
from relay.outbox.sqlite import SQLiteOutbox
from relay.outbox.sqlite.disk import DiskReserve
from relay.outbox.sqlite.file import (
    FileLock,
    check,
    is_foreign,
    is_gone,
    real,
    set_aside,
    take_rescued,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)


def file_of(address: str) -> Path | None:
    """The file of ``sqlite:FILE``; None for a database on a server. Raises OutboxError."""
    kind, _, place = address.partition(":")
    if kind == "sqlite" and place:
        return Path(place)
    if kind in {"postgresql", "postgres"}:
        return None
    raise OutboxError(f"outbox {kind}: must be sqlite:FILE or postgresql://user@host/database")


def check_driver(address: str) -> None:
    """Raise OutboxError if the driver that the address needs is not installed."""
    if file_of(address) is None and importlib.util.find_spec("asyncpg") is None:
        raise OutboxError(
            "postgresql needs a driver: pip install '.[postgres]' in the folder of relay's source"
        )


@asynccontextmanager
async def open_outbox(address: str) -> AsyncIterator[Outbox]:
    """Open an outbox. Raises OutboxError."""
    path = file_of(address)
    async with _on_postgres(address) if path is None else _closing(_opened(path)) as outbox:
        yield outbox


@asynccontextmanager
async def view_outbox(address: str) -> AsyncIterator[Outbox]:
    """Open an outbox for reading, also on a disk that is full or read-only. Raises OutboxError."""
    path = file_of(address)
    async with (
        _on_postgres(address) if path is None else _closing(SQLiteOutbox.view(path)) as outbox
    ):
        yield outbox


@asynccontextmanager
async def serve_outbox(address: str, *, now: int) -> AsyncIterator[Outbox]:
    """Open an outbox to serve it; ``now`` is in Unix milliseconds. Raises OutboxError."""
    path = file_of(address)
    opened = open_outbox(address) if path is None else _serve_file(path, now=now)
    async with opened as outbox:
        yield outbox


def _opened(path: Path, *, lock: FileLock | None = None) -> SQLiteOutbox:
    return _with_room(path, lambda: SQLiteOutbox.open(path, lock=lock))


@asynccontextmanager
async def _closing(outbox: SQLiteOutbox) -> AsyncIterator[Outbox]:
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def _on_postgres(address: str) -> AsyncIterator[Outbox]:
    check_driver(address)
    from relay.outbox.postgres import PostgresOutbox  # late: see tests/unit/test_late_imports.py

    outbox = await PostgresOutbox.open(address)
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def _serve_file(path: Path, *, now: int) -> AsyncIterator[Outbox]:
    """A file is served by one process only, which recovers what the process before it left."""
    named, path = path, real(path)
    if is_foreign(path):
        raise OutboxError(f"{path}: this file is not an outbox of relay: is the name right?")
    was_deleted = is_gone(path)
    lock = FileLock(path)
    try:
        if take_rescued(path):
            logger.critical(
                "the outbox was deleted while relay ran, and is back from relay's copy",
                extra={"action": "rescue", "file": str(path)},
            )
        elif was_deleted:
            logger.critical(
                "the outbox that was here is gone: relay starts with an empty one",
                extra={"action": "begin", "file": str(path)},
            )
        with suppress(BrokenError), _setting_aside(path, now=now):
            _with_room(path, lambda: check(path))
        with _setting_aside(path, now=now):
            async with _closing(_opened(named, lock=lock)) as outbox:
                await _recover(outbox, now=now)
                yield outbox
    finally:
        lock.release()


def _with_room(path: Path, do: Callable[[], T]) -> T:
    """
    Run ``do``; if it fails, release a part of the disk reserve and run it again.

    A full disk has several errors, so every OutboxError but BrokenError counts as one.
    """
    try:
        return do()
    except BrokenError:
        raise
    except OutboxError:
        if not DiskReserve(path).release():
            raise
        return do()


async def _recover(outbox: Outbox, *, now: int) -> None:
    """Make attempted deliveries due. If nothing can be written, they wait and relay runs."""
    try:
        await outbox.recover(now=now)
    except BrokenError:
        raise
    except OutboxError as error:
        logger.error("outbox fails", extra={"action": "recover", "reason": str(error)})


async def copy_outbox(source: str, target: str) -> Mapping[str, int] | None:
    """
    Copy an outbox from a file that no process serves into a database on a server.

    Returns the number of rows by table; None if they were copied before. Raises OutboxError.
    """
    path = file_of(source)
    if path is None or file_of(target) is not None:
        raise OutboxError(
            "an outbox can be copied from sqlite:FILE to postgresql://user@host/database"
        )
    check_driver(target)
    from relay.outbox.copy import contents_of, fill  # late: see tests/unit/test_late_imports.py

    with contents_of(path) as contents:
        return await fill(target, contents)


@contextmanager
def _setting_aside(path: Path, *, now: int) -> Iterator[None]:
    """Rename a broken outbox and log that: events can be accepted, nothing is overwritten."""
    try:
        yield
    except BrokenError as error:
        aside = set_aside(path, now=now)
        logger.critical(
            "the outbox is broken and was renamed; its pending deliveries were not sent",
            extra={"action": "set_aside", "reason": str(error), "file": str(aside)},
        )
        raise


# Seconds; Misskey repeats an event for 13 minutes at most, and its id has to be kept for longer.
MIN_RETENTION = 3600.0
PRUNE_EVERY = 60.0  # seconds between two rounds
PRUNE_PAUSE = 0.2  # seconds between the steps of a round
PRUNE_STEP = 500  # events


async def prune_expired(
    outbox: Outbox,
    *,
    older_than: Callable[[], float],
    stop: asyncio.Event,
    clock: Callable[[], int],
) -> None:
    """
    Prune old events until ``stop``; ``older_than`` returns seconds, ``clock`` Unix milliseconds.

    Tries again while the outbox fails. Raises BrokenError.
    """
    after = 0
    while not stop.is_set():
        retention, pause = round(max(older_than(), MIN_RETENTION) * 1000), PRUNE_EVERY
        try:
            pruned = await outbox.prune(before=clock() - retention, limit=PRUNE_STEP, after=after)
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error("pruning failed", extra={"action": "prune", "reason": str(error)})
        else:
            after, pause = pruned.next or 0, PRUNE_EVERY if pruned.next is None else PRUNE_PAUSE
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
