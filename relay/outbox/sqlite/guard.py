"""
Watches the files of an outbox that is in use: a commit is worth nothing in a file that is gone.

SQLite goes on writing to a file that was deleted, renamed, replaced or cut under it, and nobody
would find again what it says to have stored. https://www.sqlite.org/howtocorrupt.html, section 4
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
from relay.outbox.sqlite.disk import DiskReserve, allowed
from relay.outbox.sqlite.file import COMPANIONS, FileLock, check, real, rescued

logger = logging.getLogger(__name__)

LOOKS = 20
"""How often an unfinished checkpoint of another process is looked at."""
PAUSE = 0.05  # seconds
REMEDY = (
    "put it back as it was, and relay goes on; or restart relay, which begins with what is there"
)


@dataclass(frozen=True, slots=True)
class _File:
    """One that is open: by its descriptor it is known whatever becomes of its name."""

    path: str  # asked for before and after each commit: the quick form
    number: int
    identity: tuple[int, int]

    @classmethod
    def open(cls, path: Path) -> "_File":
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        own = os.fstat(number)
        return cls(str(path), number, (own.st_dev, own.st_ino))

    def problem(self) -> str | None:
        """What became of it, in words."""
        is_there = True
        try:
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) == self.identity:
                return None
        except (FileNotFoundError, NotADirectoryError):
            is_there = False
        except OSError as error:
            return f"{self.path}: cannot be reached any more: {error.strerror}"
        if (place := self._place()) is not None:
            return f"{self.path}: was moved to {place}"
        return f"{self.path}: was {'replaced by another file' if is_there else 'deleted'}"

    def _place(self) -> Path | None:
        """Where it is now; only Linux tells."""
        with suppress(OSError):
            place = Path(f"/proc/self/fd/{self.number}").readlink()
            if os.path.samestat(os.stat(place), os.fstat(self.number)):
                return place
        return None

    @property
    def is_nowhere(self) -> bool:
        """Whether it has lost its name, and nobody knows another one."""
        return self.problem() is not None and self._place() is None

    @property
    def state(self) -> tuple[int, int]:
        """Its size, and when it was written last."""
        found = os.fstat(self.number)
        return found.st_size, found.st_mtime_ns

    def read(self, size: int, place: int = 0) -> bytes:
        return os.pread(self.number, size, place)


class Guard:
    """
    Begins when all files of an outbox are open, and ends after its connections.

    To close one of these files drops the locks of every connection of this process on it: see
    https://www.sqlite.org/howtocorrupt.html, section 2.2. ``lock`` is that of who serves the
    outbox.
    """

    def __init__(self, path: Path, *, lock: FileLock | None = None) -> None:
        place = real(path)
        self.reserve = DiskReserve(place)
        self._path = path
        self._rescued = rescued(place)
        self._lock = lock
        self._main = _File.open(path)
        self._journal, self._index = (
            _File.open(place.with_name(place.name + end)) for end in COMPANIONS if end
        )
        self._files = (self._main, self._journal, self._index)
        self._least = self._index.state[0]
        self._seen = self._main.state
        self._head = self._main.read(file_format.HEAD)
        self._checkpoint = _progress(self._found())
        self._judged: tuple[tuple[int, int], str | None] | None = None
        self._problem: str | None = None
        self._is_complete = self._is_rescued = False

    def check(self) -> None:
        """Raises LostError, or BrokenError; tells once of each trouble, and of its end."""
        try:
            problem = next(self._problems(), None)
        except OSError as error:
            problem = f"{self._path}: cannot be looked at: {error.strerror}"
        if problem != self._problem:
            self._problem = problem
            self._tell(problem)
        if problem is not None:
            raise LostError(problem)

    def _tell(self, problem: str | None) -> None:
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
            yield f"{self._path}: may not be read and written any more"
        if self._lock is not None and (problem := self._lock.problem()) is not None:
            yield problem
        if (problem := self._problem_of_main() or self._problem_of_journal()) is not None:
            yield problem

    def _problem_of_main(self) -> str | None:
        """Whether the file was written to. Checkpoints do that, ours and those of others."""
        found, state = self._found(), self._main.state
        if state == self._seen:
            self._checkpoint = _progress(found)
            return None
        if self._judged is None or self._judged[0] != state:
            self._judged = state, self._judgement(state)
        return self._judged[1]

    def _judgement(self, state: tuple[int, int]) -> str | None:
        head = self._main.read(file_format.HEAD)
        found = file_format.database(head)
        if found is None and state[0] >= self._seen[0]:
            raise BrokenError(f"{self._path}: was overwritten")
        if found is None or state[0] < min(self._seen[0], found.size):
            return f"{self._path}: was cut"
        if not self._is_checkpoint(head):
            return f"{self._path}: was overwritten"
        self._seen, self._head = state, head
        return None

    def _is_checkpoint(self, head: bytes) -> bool:
        """
        Whether the file got what was in the journal, all of it or (on a full disk) some.

        Then its first page is one of the journal, if not the one that it had before. Where another
        process began the journal anew since then, nobody can tell.
        """
        before = self._checkpoint
        for _ in range(LOOKS):
            found = self._found()
            if found is not None:
                self._checkpoint = found.salt, found.copied
                is_known = head == self._head or file_format.has_first_page(
                    self._journal.read, found, head
                )
                if is_known and self._checkpoint != before:
                    return True
                if is_known or before is None or found.salt != before[0]:
                    check(self._path)  # whoever wrote to it, it is whole
                    return True
            time.sleep(PAUSE)
        return False

    def _problem_of_journal(self) -> str | None:
        """Whether it has what its index says; other processes write to both, in this order."""
        for _ in range(LOOKS):
            found = self._found()
            problem = self._missing(found)
            if problem is None or self._found() == found:
                return problem
        return None

    def _missing(self, index: file_format.Index | None) -> str | None:
        if self._index.state[0] < self._least:
            return f"{self._index.path}: was cut"
        if index is None:
            return None
        if self._journal.state[0] < index.size:
            return f"{self._journal.path}: was cut"
        if index.frames and not file_format.is_journal_of(self._journal_head(), index):
            return f"{self._journal.path}: was overwritten"
        return None

    def _found(self) -> file_format.Index | None:
        """The index, if nobody writes it now."""
        return file_format.index(self._index.read(file_format.INDEX))

    def _journal_head(self) -> bytes:
        return self._journal.read(file_format.JOURNAL_HEAD)

    @property
    def is_lost(self) -> bool:
        return self._problem is not None

    def complete(self, db: sqlite3.Connection) -> None:
        """Where a file is lost, bring all that was committed from the journal into the file."""
        if self._lock is None or not self.is_lost or self._is_complete:
            return
        with _told():
            if not self._is_readable():
                return
            self._is_complete = True
            db.execute("PRAGMA wal_checkpoint(FULL)")

    def makes_room(self, db: sqlite3.Connection) -> bool:
        """Whether the journal could begin anew, if need be with the room of the reserve."""
        if self.is_lost:
            return False
        is_anew = _checkpoint(db)
        return self.reserve.release() or is_anew

    def look(self, db: sqlite3.Connection) -> None:
        """The same while nothing is written: what is lost is to be saved soon."""
        with suppress(OutboxError):
            self.check()
        self.complete(db)
        self.tend(db)

    def tend(self, db: sqlite3.Connection) -> None:
        """Do what is left to do after a batch, when it has its answers."""
        if self.is_lost:
            self._rescue(db)
        elif self._lock is not None:
            self._is_complete = self._is_rescued = False
            self.reserve.fill()

    def _rescue(self, db: sqlite3.Connection) -> None:
        """Copy a file that nobody could put back, for it is nowhere any more, beside its place."""
        if self._is_rescued or not self._is_complete:
            return
        with _told():
            if self._main.is_nowhere:
                self._is_rescued = True
                self._copy(db)

    def _is_readable(self) -> bool:
        """Whether the files that are open still have their content, whatever their names are."""
        found = self._found()
        return found is not None and self._main.state == self._seen and self._missing(found) is None

    def _copy(self, db: sqlite3.Connection) -> None:
        target, begun = self._rescued, self._rescued.with_name(f"{self._rescued.name}.begun")
        begun.unlink(missing_ok=True)
        os.close(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(begun)) as copy:
            db.backup(copy)
        begun.rename(target)  # a part of it is nothing to start with
        logger.critical(
            "what was in the outbox is saved; the next start takes it, if there is no other",
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
def _told() -> Iterator[None]:
    """Whatever cannot be saved: nothing else depends on it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = str(error)
        logger.critical(
            "what waited in the outbox cannot be saved",
            extra={"action": "rescue", "reason": reason},
        )


def _progress(index: file_format.Index | None) -> tuple[bytes, int] | None:
    """What each checkpoint changes that has copied something."""
    return None if index is None else (index.salt, index.copied)


def abandon(db: sqlite3.Connection) -> None:
    """
    Leave a connection open until the process ends.

    To close the last one copies a journal that is no longer whole into the file, and deletes by
    name what may be another's.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
