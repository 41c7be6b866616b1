"""A copy of an outbox that is in use. https://www.sqlite.org/backup.html"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from relay.errors import OutboxError
from relay.outbox.sqlite.file import BUSY, COMPANIONS, FileLock, connect, is_foreign, named_errors
from relay.outbox.sqlite.schema import migrate


def backup(source: Path, target: Path) -> None:
    """
    Copy all that is committed, and read the copy through. Raises OutboxError.

    It is one transaction that only reads: whoever serves the outbox goes on writing meanwhile.
    """
    _make(target)
    try:
        with named_errors(source), closing(sqlite3.connect(source, timeout=BUSY)) as db:
            _copy(db, target)
    except OutboxError:
        for end in COMPANIONS:
            target.with_name(target.name + end).unlink(missing_ok=True)
        raise


def _copy(db: sqlite3.Connection, target: Path) -> None:
    with named_errors(target), closing(sqlite3.connect(target)) as copy:
        db.backup(copy)
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise OutboxError(f"{target}: the copy is broken: {found}")


def _make(target: Path) -> None:
    """A new file that nobody else on the machine reads."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise OutboxError(f"{target}: is there already, and nothing is overwritten") from None
    except OSError as error:
        raise OutboxError(f"{target}: cannot be made: {error.strerror}") from None


STEP = 1000  # rows held at a time; an event can have megabytes


class Contents:
    """Reads a file that nobody serves meanwhile. ``contents_of`` makes one."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self.id: str = db.execute("SELECT id FROM outbox").fetchone()[0]

    @property
    def last_delivery(self) -> int:
        """The greatest id that was ever given to a delivery: vendors may have seen it."""
        wanted = "SELECT seq FROM sqlite_sequence WHERE name = 'delivery'"
        row = self._db.execute(wanted).fetchone()
        return 0 if row is None else int(row[0])

    @property
    def last_event(self) -> tuple[int, str, str] | None:
        """Its id, hook, and Misskey's id."""
        wanted = "SELECT id, hook, event_id FROM event ORDER BY id DESC LIMIT 1"
        row = self._db.execute(wanted).fetchone()
        return None if row is None else tuple(row)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Sequence[tuple[Any, ...]]]:
        """All rows of a table, some at a time, in their order."""
        with named_errors(self._path):
            wanted = f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"  # noqa: S608
            found = self._db.execute(wanted)
            while step := found.fetchmany(STEP):
                yield [tuple(row) for row in step]


@contextmanager
def contents_of(path: Path) -> Iterator[Contents]:
    """Raises OutboxError if there is no outbox, or if a process serves it."""
    if not path.exists() or is_foreign(path):
        raise OutboxError(f"{path}: there is no outbox in this file")
    lock = FileLock(path)
    try:
        with ExitStack() as stack, named_errors(path):
            db = connect(path, stack)
            migrate(db)
            yield Contents(path, db)
    finally:
        lock.release()
