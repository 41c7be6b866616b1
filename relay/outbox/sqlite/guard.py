"""
Checks that the files of an open outbox are still the ones that it was opened with.

SQLite goes on writing to a file that was deleted, renamed, replaced or truncated under it, and what
it reports as committed is lost. https://www.sqlite.org/howtocorrupt.html, section 4
"""

import ctypes
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from relay.errors import BrokenError, LostError, OutboxError
from relay.outbox.sqlite import file_format
from relay.outbox.sqlite.disk import DiskReserve
from relay.outbox.sqlite.file import COMPANIONS, FileLock, check, real, rescued
from relay.outbox.sqlite.permissions import allowed

logger = logging.getLogger(__name__)

LOOKS = 20
"""How often to look at an unfinished checkpoint of another process."""
PAUSE = 0.05  # seconds
REMEDY = (
    "put it back as it was and relay continues; or restart relay, which starts with what is there"
)


@dataclass(frozen=True, slots=True)
class _OpenFile:
    """An open file, identified by its descriptor whatever happens to its name."""

    path: str  # not Path: it is checked before and after each commit
    number: int
    identity: tuple[int, int]

    @classmethod
    def open(cls, path: Path) -> "_OpenFile":
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(number)
        return cls(str(path), number, (status.st_dev, status.st_ino))

    def problem(self) -> str | None:
        """The change of the file, in words; None: it is unchanged."""
        is_there = True
        try:
            named = os.stat(self.path)
            if (named.st_dev, named.st_ino) == self.identity:
                return None
        except (FileNotFoundError, NotADirectoryError):
            is_there = False
        except OSError as error:
            return f"{self.path}: is no longer accessible: {error.strerror}"
        if (place := self._place()) is not None:
            return f"{self.path}: was moved to {place}"
        return f"{self.path}: was {'replaced by another file' if is_there else 'deleted'}"

    def _place(self) -> Path | None:
        """Where the file is now; None if that is unknown, as it is except on Linux."""
        with suppress(OSError):
            place = Path(f"/proc/self/fd/{self.number}").readlink()
            if os.path.samestat(os.stat(place), os.fstat(self.number)):
                return place
        return None

    @property
    def is_nowhere(self) -> bool:
        """Whether the file has lost its name, and no other is known."""
        return self.problem() is not None and self._place() is None

    @property
    def state(self) -> tuple[int, int]:
        """Its size in bytes, and the time of the last write in nanoseconds."""
        status = os.fstat(self.number)
        return status.st_size, status.st_mtime_ns

    def read(self, size: int, place: int = 0) -> bytes:
        return os.pread(self.number, size, place)


class FileGuard:
    """
    Holds descriptors of an outbox's files, and compares them with the files of these names.

    Created when the connections are open, and closed after them: closing one of these files drops
    the locks of every connection of this process on it, see
    https://www.sqlite.org/howtocorrupt.html, section 2.2. ``lock`` is the lock of the process that
    serves the outbox.
    """

    def __init__(self, path: Path, *, lock: FileLock | None = None) -> None:
        place = real(path)
        self.reserve = DiskReserve(place)
        self._path = path
        self._rescued = rescued(place)
        self._lock = lock
        self._main = _OpenFile.open(path)
        self._log_file, self._index = (
            _OpenFile.open(place.with_name(place.name + end)) for end in COMPANIONS if end
        )
        self._files = (self._main, self._log_file, self._index)
        self._least = self._index.state[0]
        self._seen = self._main.state
        self._header = self._main.read(file_format.HEADER)
        self._checkpoint = _progress(self._read_index())
        self._last_verdict: tuple[tuple[int, int], str | None] | None = None
        self._problem: str | None = None
        self._is_complete = self._is_rescued = False

    def check(self) -> None:
        """Raise LostError or BrokenError; logs each problem once, and its end."""
        try:
            problem = next(self._problems(), None)
        except OSError as error:
            problem = f"{self._path}: cannot be checked: {error.strerror}"
        if problem != self._problem:
            self._problem = problem
            self._log(problem)
        if problem is not None:
            raise LostError(problem)

    def _log(self, problem: str | None) -> None:
        if problem is None:
            logger.warning("the outbox's file is back", extra={"action": "found"})
            return
        logger.critical(
            "the outbox's file is lost: events are refused, and nothing is sent",
            extra={"action": "lost", "reason": problem, "remedy": REMEDY},
        )

    def _problems(self) -> Iterator[str]:
        yield from (problem for file in self._files if (problem := file.problem()) is not None)
        if not allowed(self._path, os.R_OK | os.W_OK):
            yield f"{self._path}: is no longer readable and writable"
        if self._lock is not None and (problem := self._lock.problem()) is not None:
            yield problem
        if (problem := self._problem_of_main() or self._problem_of_log()) is not None:
            yield problem

    def _problem_of_main(self) -> str | None:
        """The problem of the main file, if it was written to other than by a checkpoint."""
        index, state = self._read_index(), self._main.state
        if state == self._seen:
            self._checkpoint = _progress(index)
            return None
        if self._last_verdict is None or self._last_verdict[0] != state:
            self._last_verdict = state, self._verdict(state)
        return self._last_verdict[1]

    def _verdict(self, state: tuple[int, int]) -> str | None:
        header = self._main.read(file_format.HEADER)
        database = file_format.database(header)
        if database is None and state[0] >= self._seen[0]:
            raise BrokenError(f"{self._path}: was overwritten")
        if database is None or state[0] < min(self._seen[0], database.size):
            return f"{self._path}: was truncated"
        if not self._is_checkpoint(header):
            return f"{self._path}: was overwritten"
        self._seen, self._header = state, header
        return None

    def _is_checkpoint(self, header: bytes) -> bool:
        """
        Whether the file was changed by a checkpoint, complete or (on a full disk) partial.

        Then its first page is in the write-ahead log, or is the one that it had before. If another
        process has restarted the log since then, the integrity of the file decides.
        """
        before = self._checkpoint
        for _ in range(LOOKS):
            index = self._read_index()
            if index is not None:
                self._checkpoint = index.salt, index.copied
                is_known = header == self._header or file_format.has_first_page(
                    self._log_file.read, index, header
                )
                if is_known and self._checkpoint != before:
                    return True
                if is_known or before is None or index.salt != before[0]:
                    check(self._path)  # written by whatever process, it is intact
                    return True
            time.sleep(PAUSE)
        return False

    def _problem_of_log(self) -> str | None:
        """The part that the log lacks by its index; other processes write the log first."""
        for _ in range(LOOKS):
            index = self._read_index()
            problem = self._missing(index)
            if problem is None or self._read_index() == index:
                return problem
        return None

    def _missing(self, index: file_format.LogIndex | None) -> str | None:
        if self._index.state[0] < self._least:
            return f"{self._index.path}: was truncated"
        if index is None:
            return None
        if self._log_file.state[0] < index.size:
            return f"{self._log_file.path}: was truncated"
        if index.frames and not file_format.is_log_of(self._log_header(), index):
            return f"{self._log_file.path}: was overwritten"
        return None

    def _read_index(self) -> file_format.LogIndex | None:
        """The index; None while a process is writing it."""
        return file_format.index(self._index.read(file_format.INDEX))

    def _log_header(self) -> bytes:
        return self._log_file.read(file_format.LOG_HEADER)

    @property
    def is_lost(self) -> bool:
        return self._problem is not None

    def complete(self, db: sqlite3.Connection) -> None:
        """If a file is lost, copy all commits from the write-ahead log into the main file."""
        if self._lock is None or not self.is_lost or self._is_complete:
            return
        with _logged():
            if not self._is_readable():
                return
            self._is_complete = True
            db.execute("PRAGMA wal_checkpoint(FULL)")

    def make_room(self, db: sqlite3.Connection) -> bool:
        """Make room by a checkpoint, and by a part of the reserve; whether there is some."""
        if self.is_lost:
            return False
        has_checkpointed = _checkpoint(db)
        return self.reserve.release() or has_checkpointed

    def look(self, db: sqlite3.Connection) -> None:
        """Check the files while nothing is written, so that a loss is noticed soon."""
        with suppress(OutboxError):
            self.check()
        self.complete(db)
        self.maintain(db)

    def maintain(self, db: sqlite3.Connection) -> None:
        """Save a lost outbox, or renew the reserve; called after the answers of a batch."""
        if self.is_lost:
            self._rescue(db)
        elif self._lock is not None:
            self._is_complete = self._is_rescued = False
            self.reserve.fill()

    def _rescue(self, db: sqlite3.Connection) -> None:
        """Copy the content of a deleted file, which nobody can put back, next to its place."""
        if self._is_rescued or not self._is_complete:
            return
        with _logged():
            if self._main.is_nowhere:
                self._is_rescued = True
                self._copy(db)

    def _is_readable(self) -> bool:
        """Whether the open files still have their content, whatever their names are."""
        index = self._read_index()
        return index is not None and self._main.state == self._seen and self._missing(index) is None

    def _copy(self, db: sqlite3.Connection) -> None:
        target, begun = self._rescued, self._rescued.with_name(f"{self._rescued.name}.begun")
        begun.unlink(missing_ok=True)
        os.close(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(begun)) as copy:
            db.backup(copy)
        begun.rename(target)  # an incomplete copy must not be started with
        logger.critical(
            "the outbox's content is saved; the next start uses it unless there is another outbox",
            extra={"action": "rescue", "file": str(target)},
        )

    def close(self) -> None:
        for file in self._files:
            os.close(file.number)


def _checkpoint(db: sqlite3.Connection) -> bool:
    try:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error:
        return False
    return True


@contextmanager
def _logged() -> Iterator[None]:
    """Log what cannot be saved: nothing else depends on it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = str(error)
        logger.critical(
            "the content of the lost outbox cannot be saved",
            extra={"action": "rescue", "reason": reason},
        )


def _progress(index: file_format.LogIndex | None) -> tuple[bytes, int] | None:
    """A value that every checkpoint changes which has copied something."""
    return None if index is None else (index.salt, index.copied)


def abandon(db: sqlite3.Connection) -> None:
    """
    Keep a connection open until the process ends.

    Closing the last one would copy a damaged log into the file, and delete files by name that may
    belong to another outbox.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
