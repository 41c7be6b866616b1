"""The file of the SQLite outbox: who may read it, who holds it, and what if it is broken."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from relay.errors import BrokenError, OutboxError

BUSY = 2.0  # seconds to wait for somebody else's lock: Misskey itself waits for five
JOURNAL = 16 * 2**20  # bytes that the journal keeps after a burst

COMPANIONS = ("", "-wal", "-shm")
"""What SQLite keeps beside a file: https://www.sqlite.org/tempfiles.html"""


def connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """A connection that is durable to the last commit; ``stack`` closes it."""
    _make(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY)
    stack.enter_context(closing(db))
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # for a new file; an old one keeps its way
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA journal_size_limit = {JOURNAL}")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _make(path: Path) -> None:
    """
    Make a file that nobody else on the machine reads, for raw events hold private notes.

    One that is there is never opened by hand: to close it would drop the locks of every connection
    of this process, and another process could remove the journal under them.
    https://www.sqlite.org/howtocorrupt.html, section 2.2
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


MAGIC = b"SQLite format 3\0"
READ_THROUGH = 64 * 2**20  # bytes


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what a database can raise into OutboxError, or BrokenError, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        broken = _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
        raise (BrokenError if broken else OutboxError)(f"{path}: {error}") from None
    except OSError as error:
        raise OutboxError(f"{path}: cannot be opened: {error.strerror}") from None
    except OverflowError as error:
        raise OutboxError(f"{path}: {error}") from None


def _code(error: sqlite3.Error) -> int:
    """The primary result code: https://www.sqlite.org/rescode.html"""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def check(path: Path) -> None:
    """
    Read a file through, if there is one; of a large one only its head, for it takes too long.

    Raises BrokenError, or OutboxError.
    """
    if not path.exists():
        return
    with ExitStack() as stack, named_errors(path):
        db = connect(path, stack)
        db.execute("PRAGMA user_version")
        if path.stat().st_size > READ_THROUGH:
            return
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise BrokenError(f"{path}: {found}")


def is_foreign(path: Path) -> bool:
    """Whether a file was never an outbox: it is no database, and no relay has locked it before."""
    if not path.is_file() or lock_of(path).exists():
        return False
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    return head not in {b"", MAGIC}


def set_aside(path: Path, *, now: int) -> Path:
    """Give a broken outbox another name, never to be overwritten; ``now`` in milliseconds."""
    aside = path.with_name(f"{path.name}.broken-{now}")
    for end in COMPANIONS:
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + end))
    return aside


def lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


class FileLock:
    """Keeps a second process off a file for as long as this one lives, however it ends."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise OutboxError(f"{path}.lock: cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise OutboxError(f"{path}: another relay is running on this outbox") from None

    def release(self) -> None:
        os.close(self._file)
