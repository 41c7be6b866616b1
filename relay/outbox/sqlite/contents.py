"""All that is in the file of an outbox, to be taken elsewhere."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from relay.errors import OutboxError
from relay.outbox.sqlite.file import FileLock, connect, is_foreign, named_errors
from relay.outbox.sqlite.schema import migrate

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
