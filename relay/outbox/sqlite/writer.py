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

from relay.outbox.arrival import Arrival
from relay.outbox.sqlite.acceptance import accepted

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
Work = Job | Arrival
Entry = tuple[Work, asyncio.Future[Any]]

BATCH = 256


class Writer:
    """
    Works on its own connection (in autocommit mode).

    Arrivals of a batch come in together, each job runs in a savepoint of its own.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox writer", daemon=True)
        self._thread.start()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """What the job returns, once it is on the disk; raises what it or the commit raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((job, future))
        return await future

    async def accept(self, arrival: Arrival) -> Collection[str] | None:
        """See ``Outbox.accept``; once it is on the disk."""
        future: asyncio.Future[Collection[str] | None] = asyncio.get_running_loop().create_future()
        self._waiting.put((arrival, future))
        return await future

    async def close(self) -> None:
        """Finish what waits, then end the thread and close its connection."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        self._db.close()

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._waiting.get()]
            with suppress(queue.Empty):
                while len(batch) < BATCH:
                    batch.append(self._waiting.get_nowait())
            going = None not in batch
            wanted = [entry for entry in batch if entry is not None and not entry[1].cancelled()]
            if wanted:
                self._answer(wanted, commit(self._db, [work for work, _ in wanted]))

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


def commit(db: sqlite3.Connection, work: Sequence[Work]) -> Sequence[Any]:
    """Do all of it in one transaction: one answer each, an exception for what did not work."""
    arrivals = [one for one in work if isinstance(one, Arrival)]
    try:
        db.execute("BEGIN IMMEDIATE")
        arrived = iter(_together(db, arrivals))
        answers = [next(arrived) if isinstance(one, Arrival) else _alone(db, one) for one in work]
        db.execute("COMMIT")
    except Exception as error:
        with suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")
        return [error] * len(work)  # nobody is told "stored"
    return answers


def _together(db: sqlite3.Connection, arrivals: Sequence[Arrival]) -> Sequence[Any]:
    """One answer each. Where one cannot be stored, each is tried alone: its neighbours can."""
    if not arrivals:
        return ()
    answer = _alone(db, lambda db: accepted(db, arrivals))
    if not isinstance(answer, Exception):
        return list(answer)
    if len(arrivals) == 1:
        return [answer]
    return [one for arrival in arrivals for one in _together(db, [arrival])]


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
