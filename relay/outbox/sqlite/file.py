"""The file of a SQLite outbox: connecting, copying, checking, locking, and naming its errors."""

import fcntl
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from relay.errors import BrokenError, OutboxError
from relay.outbox.sqlite.file_format import MAGIC
from relay.outbox.sqlite.permissions import remedy

logger = logging.getLogger(__name__)

BUSY = 2.0  # seconds to wait for another process's lock: Misskey itself waits for five
WAL_LIMIT = 16 * 2**20  # bytes that the write-ahead log keeps after a burst

COMPANIONS = ("", "-wal", "-shm")
"""The suffixes of SQLite's files for a database: https://www.sqlite.org/tempfiles.html"""


def connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open a connection that is durable to the last commit; ``stack`` closes it."""
    _create(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY)
    stack.enter_context(closing(db))
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # for a new file; an old one keeps its mode
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def connect_to_read(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """
    Open a connection that writes nothing, also to a file on a disk that is full or read-only.

    If SQLite cannot share the file with other processes, none uses it: then a copy is read.
    """
    path = real(path)
    try:
        return _read_only(path, "mode=ro", stack)
    except sqlite3.OperationalError:
        if not path.with_name(f"{path.name}-wal").exists():
            return _read_only(path, "immutable=1", stack)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="relay-")))
    for end in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + end), folder / f"{path.name}{end}")
    return _read_only(folder / path.name, "mode=rw", stack)


def _read_only(path: Path, how: str, stack: ExitStack) -> sqlite3.Connection:
    """https://www.sqlite.org/wal.html#read_only_databases"""
    address = f"file:{quote(str(path.absolute()))}?{how}"
    with ExitStack() as opened:
        db = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY
        )
        opened.enter_context(closing(db))
        db.row_factory = sqlite3.Row
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
        stack.enter_context(opened.pop_all())
        return db


def _create(path: Path) -> None:
    """
    Create a file that no other user reads, because events contain private notes.

    An existing file is never opened here: closing it would drop the locks of every connection of
    this process, and another process could then remove the write-ahead log under them.
    https://www.sqlite.org/howtocorrupt.html, section 2.2
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


CLOSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
READ_THROUGH = 64 * 2**20  # bytes


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn errors of a database into OutboxError, or BrokenError, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise BrokenError(f"{path}: {error}") from None
        raise OutboxError(_explained(path, str(error), is_closed=_code(error) in CLOSED)) from None
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        raise OutboxError(_explained(path, reason, is_closed=True)) from None
    except OverflowError as error:
        raise OutboxError(f"{path}: {error}") from None


def _explained(path: Path, reason: str, *, is_closed: bool) -> str:
    """An error's text, with its remedy if the file ``is_closed`` to this process."""
    return ": ".join(filter(None, (str(path), reason, remedy(path) if is_closed else "")))


def _code(error: sqlite3.Error) -> int:
    """The primary result code: https://www.sqlite.org/rescode.html"""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_full(error: object) -> bool:
    """Whether an error may come from a full disk: SQLite does not always say so."""
    if not isinstance(error, sqlite3.Error):
        return False
    return _code(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def check(path: Path) -> None:
    """
    Check the integrity of a file, if it exists; of a large one only its header, to save time.

    Raises BrokenError, or OutboxError.
    """
    if not os.path.exists(path):
        return
    with ExitStack() as stack, named_errors(path):
        db = connect(path, stack)
        db.execute("PRAGMA user_version")
        if path.stat().st_size > READ_THROUGH:
            return
        result = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise BrokenError(f"{path}: {result}")


def is_foreign(path: Path) -> bool:
    """Whether a file was never an outbox: it is not a database, and relay has never locked it."""
    if not os.path.isfile(path) or os.path.exists(lock_of(path)):
        return False
    with named_errors(path), path.open("rb") as file:
        head = file.read(len(MAGIC))
    return head not in {b"", MAGIC}


def set_aside(path: Path, *, now: int) -> Path:
    """Rename a broken outbox to a new name, with ``now`` in milliseconds; returns its path."""
    aside = path.with_name(f"{path.name}.broken-{now}")
    for end in COMPANIONS:
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + end))
    return aside


def lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def real(path: Path) -> Path:
    """The file that a path leads to: SQLite puts its files next to that, and relay its lock."""
    return Path(os.path.realpath(path))


def is_gone(path: Path) -> bool:
    """Whether an outbox was here and is gone: its lock stays."""
    return os.path.exists(lock_of(path)) and not os.path.lexists(path)


def files_of(path: Path) -> list[Path]:
    """The existing files of an outbox, including its lock."""
    places = [path.with_name(path.name + end) for end in (*COMPANIONS, ".lock")]
    return [place for place in places if os.path.lexists(place)]


def rescued(path: Path) -> Path:
    """Where the content of an outbox is saved if its file is deleted while relay runs."""
    return path.with_name(f"{path.name}.rescued")


def take_rescued(path: Path) -> bool:
    """Rename saved content to ``path`` if nothing is there; whether that was done."""
    saved = rescued(path)
    if os.path.lexists(path) or not os.path.exists(saved):
        return False
    for end in COMPANIONS:
        path.with_name(path.name + end).unlink(missing_ok=True)
    saved.rename(path)
    return True


def backup(source: Path, target: Path) -> None:
    """
    Copy all committed data to a new file, and check the copy. Raises OutboxError.

    https://www.sqlite.org/backup.html: it is one read transaction, so the process that serves the
    outbox goes on writing.
    """
    _create_copy(target)
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
        result = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise OutboxError(f"{target}: the copy is corrupt: {result}")


def _create_copy(target: Path) -> None:
    """Create a new file that no other user reads."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise OutboxError(f"{target}: already exists, and is not overwritten") from None
    except OSError as error:
        raise OutboxError(f"{target}: cannot be created: {error.strerror}") from None


class FileLock:
    """Keeps other processes off an outbox until this process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = str(lock_of(path))
        self._file = _locked(path)

    def problem(self) -> str | None:
        """The problem of the lock's file, in words; a deleted one is created again."""
        place = self._place
        try:
            if os.path.samestat(os.stat(place), os.fstat(self._file)):
                return None
        except FileNotFoundError:
            pass
        except OSError as error:
            return f"{place}: is no longer accessible: {error.strerror}"
        try:
            again = _locked(self._path)
        except OutboxError as error:
            return f"{place}: was deleted or replaced: {error}"
        os.close(self._file)
        self._file = again
        logger.critical(
            "the outbox's lock was deleted or replaced, and has been created again",
            extra={"action": "lock", "file": place},
        )
        return None

    def release(self) -> None:
        os.close(self._file)


def _locked(path: Path) -> int:
    """Open and lock the lock's file. Raises OutboxError."""
    place = lock_of(path)
    try:
        opened = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        raise OutboxError(_explained(place, reason, is_closed=True)) from None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise OutboxError(f"{path}: another relay is running on this outbox") from None
    return opened
