"""A copy of an outbox that is in use. https://www.sqlite.org/backup.html"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from relay.errors import OutboxError
from relay.outbox.sqlite.file import BUSY, COMPANIONS, named_errors


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
