"""
One thread that writes to SQLite, and commits together what waits together.

A commit costs an fsync, whatever is in it. There is no timer: while one batch is on its way to
the disk the next one gathers, so a single writer waits for nothing and many share the cost.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from relay.errors import OutboxError
from relay.outbox.records import NewEvent
from relay.outbox.sqlite.accept import accepted
from relay.outbox.sqlite.file import is_full
from relay.outbox.sqlite.guard import Guard

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
Work = Job | NewEvent
Entry = tuple[Work, asyncio.Future[Any]]

BATCH = 256
LOOK = 1.0  # seconds until the file is looked after where nothing is written


class SQLiteWriter:
    """
    Works on its own connection (in autocommit mode).

    Arrivals of a batch come in together, each job runs in a savepoint of its own.
    """

    def __init__(self, db: sqlite3.Connection, *, guard: Guard | None = None) -> None:
        self._db = db
        self._guard = guard
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox writer", daemon=True)
        self._thread.start()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """What the job returns, once it is on the disk; raises what it or the commit raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((job, future))
        return await future

    async def accept(self, new_event: NewEvent) -> Collection[str] | None:
        """See ``Outbox.accept``; once it is on the disk."""
        future: asyncio.Future[Collection[str] | None] = asyncio.get_running_loop().create_future()
        self._waiting.put((new_event, future))
        return await future

    async def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        going = True
        while going:
            batch = list[Entry | None]()
            with suppress(queue.Empty):
                batch.append(self._waiting.get(timeout=None if self._guard is None else LOOK))
                while len(batch) < BATCH:
                    batch.append(self._waiting.get_nowait())
            going = None not in batch
            wanted = [entry for entry in batch if entry is not None and not entry[1].cancelled()]
            if wanted:
                self._answer(wanted, self._committed([work for work, _ in wanted]))
                if self._guard is not None:
                    self._guard.tend(self._db)
            elif self._guard is not None:
                self._guard.look(self._db)

    def _committed(self, work: Sequence[Work]) -> Sequence[Any]:
        """One answer each. What a full disk did not take is tried again where there is room now."""
        answers = list(commit(self._db, work, guard=self._guard))
        if self._guard is not None:
            failed = [place for place, one in enumerate(answers) if is_full(one)]
            if failed and self._guard.makes_room(self._db):
                again = commit(self._db, [work[place] for place in failed], guard=self._guard)
                for place, answer in zip(failed, again, strict=True):
                    answers[place] = answer
            self._guard.complete(self._db)
        return answers

    def _answer(self, batch: list[Entry], answers: Sequence[Any]) -> None:
        def tell() -> None:
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            batch[0][1].get_loop().call_soon_threadsafe(tell)


def commit(
    db: sqlite3.Connection, work: Sequence[Work], *, guard: Guard | None = None
) -> Sequence[Any]:
    """
    Do all of it in one transaction: one answer each, an exception for what did not work.

    The guard looks before, for what is written to a file that is gone can harm what is left of it;
    and after, for nobody is told "stored" by such a file.
    """
    new_events = [one for one in work if isinstance(one, NewEvent)]
    try:
        if guard is not None:
            guard.check()
        db.execute("BEGIN IMMEDIATE")
        arrived = iter(_taken(db, new_events, guard))
        answers = [next(arrived) if isinstance(one, NewEvent) else _alone(db, one) for one in work]
        db.execute("COMMIT")
        if guard is not None:
            guard.check()
    except Exception as error:
        with suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        return [error] * len(work)  # nobody is told "stored"
    return answers


def _taken(
    db: sqlite3.Connection, new_events: Sequence[NewEvent], guard: Guard | None
) -> Sequence[Any]:
    """One answer each. What already waits needs the last room of a disk."""
    try:
        if guard is not None and new_events:
            guard.reserve.check(sum(len(one.raw) for one in new_events))
    except OutboxError as error:
        return [error] * len(new_events)
    return _together(db, new_events)


def _together(db: sqlite3.Connection, new_events: Sequence[NewEvent]) -> Sequence[Any]:
    """One answer each. Where one cannot be stored, each is tried alone: its neighbours can."""
    if not new_events:
        return ()
    answer = _alone(db, lambda db: accepted(db, new_events))
    if not isinstance(answer, Exception):
        return list(answer)
    if len(new_events) == 1:
        return [answer]
    return [one for new_event in new_events for one in _together(db, [new_event])]


def _alone(db: sqlite3.Connection, job: Job) -> Any:
    """One job's answer; when it fails its neighbours do not."""
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
