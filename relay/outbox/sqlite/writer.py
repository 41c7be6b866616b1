"""
Writes to SQLite in one thread, and commits together the jobs that wait together.

A commit costs an fsync, whatever its size. There is no timer: while one batch is on its way to the
disk the next one gathers, so a single job waits for nothing and many share the cost.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from relay.errors import OutboxError
from relay.outbox.records import JournalEntry
from relay.outbox.sqlite.file import is_full
from relay.outbox.sqlite.guard import FileGuard
from relay.outbox.sqlite.journal import journal

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
Work = Job | JournalEntry
QueuedJob = tuple[Work, asyncio.Future[Any]]

BATCH = 256
LOOK = 1.0  # seconds between checks of the file while nothing is written


class SQLiteWriter:
    """
    Runs jobs on its own connection, which is in autocommit mode.

    The events of a batch are stored together; each job runs in a savepoint of its own.
    """

    def __init__(self, db: sqlite3.Connection, *, guard: FileGuard | None = None) -> None:
        self._db = db
        self._guard = guard
        self._waiting: queue.SimpleQueue[QueuedJob | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox writer", daemon=True)
        self._thread.start()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job; returns once it is on the disk, or raises the job's or the commit's error."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((job, future))
        return await future

    def journal(self, entry: JournalEntry) -> asyncio.Future[bool]:
        """See ``Outbox.journal``; done once the event is on the disk."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.put((entry, future))
        return future

    async def close(self) -> None:
        """Run the jobs that wait, then end the thread."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch = list[QueuedJob | None]()
            with suppress(queue.Empty):
                batch.append(self._waiting.get(timeout=None if self._guard is None else LOOK))
                while len(batch) < BATCH:
                    batch.append(self._waiting.get_nowait())
            is_open = None not in batch
            jobs = [entry for entry in batch if entry is not None and not entry[1].cancelled()]
            if jobs:
                self._answer(jobs, self._committed([work for work, _ in jobs]))
                if self._guard is not None:
                    self._guard.maintain(self._db)
            elif self._guard is not None:
                self._guard.look(self._db)

    def _committed(self, work: Sequence[Work]) -> Sequence[Any]:
        """One answer each. What a full disk did not take is tried again after making room."""
        answers = list(commit(self._db, work, guard=self._guard))
        if self._guard is not None:
            failed = [place for place, answer in enumerate(answers) if is_full(answer)]
            if failed and self._guard.make_room(self._db):
                again = commit(self._db, [work[place] for place in failed], guard=self._guard)
                for place, answer in zip(failed, again, strict=True):
                    answers[place] = answer
            self._guard.complete(self._db)
        return answers

    def _answer(self, batch: list[QueuedJob], answers: Sequence[Any]) -> None:
        def resolve() -> None:
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

        with suppress(RuntimeError):  # the loop has ended: nothing waits for answers
            batch[0][1].get_loop().call_soon_threadsafe(resolve)


def commit(
    db: sqlite3.Connection, work: Sequence[Work], *, guard: FileGuard | None = None
) -> Sequence[Any]:
    """
    Run jobs in one transaction; returns one answer each, an exception if it failed.

    The guard checks the files before, because writing to a file that is gone can damage what is
    left of it, and after, because nothing is stored in such a file.
    """
    entries = [item for item in work if isinstance(item, JournalEntry)]
    try:
        if guard is not None:
            guard.check()
        db.execute("BEGIN IMMEDIATE")
        are_new = iter(_journal_if_room(db, entries, guard))
        answers = [
            next(are_new) if isinstance(item, JournalEntry) else _alone(db, item) for item in work
        ]
        db.execute("COMMIT")
        if guard is not None:
            guard.check()
    except Exception as error:
        with suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        return [error] * len(work)  # not stored: Misskey sends them again
    return answers


def _journal_if_room(
    db: sqlite3.Connection, entries: Sequence[JournalEntry], guard: FileGuard | None
) -> Sequence[Any]:
    """Store events unless the disk is nearly full: pending deliveries need the last room."""
    if not entries:
        return ()
    try:
        if guard is not None:
            guard.reserve.check(sum(len(entry.raw) for entry in entries))
    except OutboxError as error:
        return [error] * len(entries)
    try:
        return journal(db, entries)
    except Exception:
        if not db.in_transaction:  # disk full: SQLite has undone it
            raise
        db.execute("ROLLBACK")  # nothing else was done yet
        db.execute("BEGIN IMMEDIATE")
    return [_alone(db, partial(_journal_one, entry=entry)) for entry in entries]


def _journal_one(db: sqlite3.Connection, entry: JournalEntry) -> bool:
    (is_new,) = journal(db, [entry])
    return is_new


def _alone(db: sqlite3.Connection, job: Job) -> Any:
    """Run a job in a savepoint, so that its failure undoes nothing else."""
    db.execute("SAVEPOINT job")
    try:
        answer = job(db)
    except Exception as error:
        if not db.in_transaction:  # disk full: SQLite has undone the whole batch
            raise
        db.execute("ROLLBACK TO job")
        answer = error
    db.execute("RELEASE job")
    return answer
