"""The file of the SQLite outbox: who may read it, who holds it, and what if it is broken."""

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
from relay.outbox.sqlite.disk import remedy
from relay.outbox.sqlite.file_format import MAGIC

logger = logging.getLogger(__name__)

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


def connect_to_read(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """
    A connection that writes nothing, so also to a file on a disk that is full or read-only.

    Where SQLite cannot share the file with others, nobody else uses it: a copy does as well.
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


def _make(path: Path) -> None:
    """
    Make a file that nobody else on the machine reads, for raw events hold private notes.

    One that is there is never opened by hand: to close it would drop the locks of every connection
    of this process, and another process could remove the journal under them.
    https://www.sqlite.org/howtocorrupt.html, section 2.2
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


CLOSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
READ_THROUGH = 64 * 2**20  # bytes


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what a database can raise into OutboxError, or BrokenError, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise BrokenError(f"{path}: {error}") from None
        raise OutboxError(_told(path, str(error), is_closed=_code(error) in CLOSED)) from None
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        raise OutboxError(_told(path, reason, is_closed=True)) from None
    except OverflowError as error:
        raise OutboxError(f"{path}: {error}") from None


def _told(path: Path, reason: str, *, is_closed: bool) -> str:
    """With what to do about it, where that is to be seen; ``is_closed``: it may not be used."""
    return ": ".join(filter(None, (str(path), reason, remedy(path) if is_closed else "")))


def _code(error: sqlite3.Error) -> int:
    """The primary result code: https://www.sqlite.org/rescode.html"""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_full(error: object) -> bool:
    """Whether it is one that may come from a full disk: SQLite does not always tell so."""
    if not isinstance(error, sqlite3.Error):
        return False
    return _code(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def check(path: Path) -> None:
    """
    Read a file through, if there is one; of a large one only its head, for it takes too long.

    Raises BrokenError, or OutboxError.
    """
    if not os.path.exists(path):
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
    if not os.path.isfile(path) or os.path.exists(lock_of(path)):
        return False
    with named_errors(path), path.open("rb") as file:
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


def real(path: Path) -> Path:
    """The file behind a name: SQLite has its own files beside that, and only one lock is to be."""
    return Path(os.path.realpath(path))


def is_gone(path: Path) -> bool:
    """Whether there was an outbox: its lock stays."""
    return os.path.exists(lock_of(path)) and not os.path.lexists(path)


def files_of(path: Path) -> list[Path]:
    """The files of an outbox that are there, its lock among them."""
    places = [path.with_name(path.name + end) for end in (*COMPANIONS, ".lock")]
    return [place for place in places if os.path.lexists(place)]


def rescued(path: Path) -> Path:
    """Where the content of an outbox is saved whose file was deleted under a running relay."""
    return path.with_name(f"{path.name}.rescued")


def take_rescued(path: Path) -> bool:
    """Begin with what was saved, if there is nothing else; whether it was so."""
    saved = rescued(path)
    if os.path.lexists(path) or not os.path.exists(saved):
        return False
    for end in COMPANIONS:
        path.with_name(path.name + end).unlink(missing_ok=True)
    saved.rename(path)
    return True


def backup(source: Path, target: Path) -> None:
    """
    Copy all that is committed, and read the copy through. Raises OutboxError.

    It is one transaction that only reads: whoever serves the outbox goes on writing meanwhile.
    """
    _make_copy(target)
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


def _make_copy(target: Path) -> None:
    """A new file that nobody else on the machine reads."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise OutboxError(f"{target}: is there already, and nothing is overwritten") from None
    except OSError as error:
        raise OutboxError(f"{target}: cannot be made: {error.strerror}") from None


class FileLock:
    """Keeps a second process off a file for as long as this one lives, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = str(lock_of(path))
        self._file = _locked(path)

    def problem(self) -> str | None:
        """What became of its file, in words; one that was deleted is made again."""
        place = self._place
        try:
            if os.path.samestat(os.stat(place), os.fstat(self._file)):
                return None
        except FileNotFoundError:
            pass
        except OSError as error:
            return f"{place}: cannot be reached any more: {error.strerror}"
        try:
            again = _locked(self._path)
        except OutboxError as error:
            return f"{place}: was deleted or replaced: {error}"
        os.close(self._file)
        self._file = again
        logger.critical(
            "the outbox's lock was deleted or replaced, and was made again",
            extra={"action": "lock", "file": place},
        )
        return None

    def release(self) -> None:
        os.close(self._file)


def _locked(path: Path) -> int:
    """The lock's file, open and locked. Raises OutboxError."""
    place = lock_of(path)
    try:
        opened = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        raise OutboxError(_told(place, reason, is_closed=True)) from None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise OutboxError(f"{path}: another relay is running on this outbox") from None
    return opened
