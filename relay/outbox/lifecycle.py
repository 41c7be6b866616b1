"""Which outbox an address names, and what has to be done before one is served."""

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
    """The file of ``sqlite:FILE``; None for a database on a server."""
    kind, _, place = address.partition(":")
    if kind == "sqlite" and place:
        return Path(place)
    if kind in {"postgresql", "postgres"}:
        return None
    raise OutboxError(f"outbox {kind}: should be sqlite:FILE or postgresql://user@host/database")


def check_driver(address: str) -> None:
    """Raises OutboxError if what the address needs is not installed."""
    if file_of(address) is None and importlib.util.find_spec("asyncpg") is None:
        raise OutboxError(
            "postgresql needs a driver: pip install '.[postgres]' in the folder of relay's source"
        )


@asynccontextmanager
async def open_outbox(address: str) -> AsyncIterator[Outbox]:
    """Raises OutboxError if it cannot be opened."""
    path = file_of(address)
    async with _on_postgres(address) if path is None else _in_file(path) as outbox:
        yield outbox


@asynccontextmanager
async def view_outbox(address: str) -> AsyncIterator[Outbox]:
    """The same, to be read only: also where nothing can be written."""
    path = file_of(address)
    async with _on_postgres(address) if path is None else _viewed(path) as outbox:
        yield outbox


@asynccontextmanager
async def serve_outbox(address: str, *, now: int) -> AsyncIterator[Outbox]:
    """The same for a process that serves it; ``now`` in milliseconds."""
    path = file_of(address)
    opened = open_outbox(address) if path is None else _serve_file(path, now=now)
    async with opened as outbox:
        yield outbox


@asynccontextmanager
async def _in_file(path: Path, *, lock: FileLock | None = None) -> AsyncIterator[Outbox]:
    outbox = _with_room(path, lambda: SQLiteOutbox.open(path, lock=lock))
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def _viewed(path: Path) -> AsyncIterator[Outbox]:
    outbox = SQLiteOutbox.view(path)
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
    """A file is served by one process only, which can recover what the last one left."""
    named, path = path, real(path)
    if is_foreign(path):
        raise OutboxError(f"{path}: this file is no outbox of relay's: is it the right name?")
    was_there = is_gone(path)
    lock = FileLock(path)
    try:
        if take_rescued(path):
            logger.critical(
                "the outbox was deleted while relay ran, and is back: relay had saved it",
                extra={"action": "rescue", "file": str(path)},
            )
        elif was_there:
            logger.critical(
                "the outbox that was here is gone; an empty one is begun",
                extra={"action": "begin", "file": str(path)},
            )
        with suppress(BrokenError), _setting_aside(path, now=now):
            _with_room(path, lambda: check(path))
        with _setting_aside(path, now=now):
            async with _in_file(named, lock=lock) as outbox:
                await _recover(outbox, now=now)
                yield outbox
    finally:
        lock.release()


def _with_room(path: Path, do: Callable[[], T]) -> T:
    """On a disk that is full it takes the room that was kept for that."""
    try:
        return do()
    except BrokenError:
        raise
    except OutboxError:
        if not DiskReserve(path).release():
            raise
        return do()


async def _recover(outbox: Outbox, *, now: int) -> None:
    """Where nothing can be written, what was tried waits until it is due, and relay runs."""
    try:
        await outbox.recover(now=now)
    except BrokenError:
        raise
    except OutboxError as error:
        logger.error("outbox fails", extra={"action": "recover", "reason": str(error)})


async def copy_outbox(source: str, target: str) -> Mapping[str, int] | None:
    """
    Fill a database on a server with what a file holds, and nobody serves.

    The number of rows by table; None if that was done before. Raises OutboxError.
    """
    path = file_of(source)
    if path is None or file_of(target) is not None:
        raise OutboxError("an outbox is copied from sqlite:FILE to postgresql://user@host/database")
    check_driver(target)
    from relay.outbox.copy import contents_of, fill  # late: see tests/unit/test_late_imports.py

    with contents_of(path) as contents:
        return await fill(target, contents)


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


SHORTEST = 3600.0  # seconds; eventIds must be known for longer than Misskey repeats (13 minutes)
EVERY = 60.0
STEP = 500  # events
PAUSE = 0.2  # between the steps of one round


async def forget(
    outbox: Outbox,
    *,
    older_than: Callable[[], float],
    stop: asyncio.Event,
    clock: Callable[[], int],
) -> None:
    """
    Prune until ``stop`` is set; ``older_than`` gives seconds, ``clock`` Unix milliseconds.

    Raises BrokenError; while the outbox only fails it waits.
    """
    after = 0
    while not stop.is_set():
        kept, pause = round(max(older_than(), SHORTEST) * 1000), EVERY
        try:
            pruned = await outbox.prune(before=clock() - kept, limit=STEP, after=after)
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error("pruning fails", extra={"action": "prune", "reason": str(error)})
        else:
            after, pause = pruned.next or 0, EVERY if pruned.next is None else PAUSE
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
