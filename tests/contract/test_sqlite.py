"""What only the SQLite outbox has: a file, a lock on it, and one thread that writes."""

import asyncio
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from relay.errors import OutboxError
from relay.outbox import (
    ClaimRequest,
    ClosedSink,
    DeliverySearch,
    FileLock,
    RoutedEvent,
    SQLiteOutbox,
)
from relay.outbox.sqlite.schema import MIGRATIONS
from relay.outbox.sqlite.writer import SQLiteWriter, commit
from relay.outcome import State
from tests.factories import accept, an_event

TEAM = {"team": "to the team"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "relay.db"


@contextmanager
def no_file_may_grow():
    """A full disk, as the kernel would tell of it, for every file of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def taken(outbox, sink, **given):
    (delivery,) = (await outbox.claim(ClaimRequest(sink, **given))).deliveries
    return delivery


# --- the file


async def test_reopening_keeps_everything(path):
    outbox = SQLiteOutbox.open(path)
    name = outbox.id
    for n in range(4):
        await accept(outbox, an_event(n), b"%d" % n, TEAM | {"ops": "r"}, now=n)
    for state in (State.DELIVERED, State.DEAD):
        claimed = await taken(outbox, "team", now=10, lease=5)
        settled = replace(claimed, state=state, due_at=10, reason="x")
        await outbox.save([settled], claimed=[claimed])
    carried = await taken(outbox, "team", now=10, lease=5)
    await outbox.close_sink(ClosedSink(name="ops", reason="410", fingerprint="f", closed_at=11))
    before = (await outbox.counts(), await outbox.dead(), await outbox.closed_sinks())
    await outbox.close()

    outbox = SQLiteOutbox.open(path)
    assert outbox.id == name
    assert (await outbox.counts(), await outbox.dead(), await outbox.closed_sinks()) == before
    assert not await accept(outbox, an_event(3), b"", TEAM, now=12)
    assert await outbox.recover(now=12) == 1
    again = await taken(outbox, "team", now=12, lease=5)
    assert again == replace(carried, crashes=1, due_at=17, interrupted=True)
    await outbox.close()


async def test_an_answered_event_is_stored_though_the_file_was_not_closed(path):
    outbox = SQLiteOutbox.open(path)
    await accept(outbox, an_event(), b"{}", TEAM, now=0)
    other = SQLiteOutbox.open(path)  # as after kill -9: the first one did nothing more
    assert await other.counts() == {("team", "pending"): 1}
    await other.close()
    await outbox.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from relay.outbox import RoutedEvent, SQLiteOutbox
from relay.outbox.sqlite import journal
from tests.factories import an_entry

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def decide(entries):
    if sys.argv[2] == "deciding":
        die()
    return [RoutedEvent(sinks={"team": "all"}) for _ in entries]

async def main():
    outbox = SQLiteOutbox.open(Path(sys.argv[1]))
    for n in range(5):
        await outbox.journal(an_entry(n))
    await outbox.route(decide, limit=2)
    if sys.argv[2] == "writing":
        journal._add = die  # the events are no longer unrouted, and have no deliveries yet
    await outbox.route(decide, limit=2)

asyncio.run(main())
"""


@pytest.mark.parametrize(("dies", "routed"), [("deciding", 0), ("writing", 2)])
async def test_a_process_that_is_killed_while_it_routes_loses_and_doubles_nothing(
    path, dies, routed
):
    command = [sys.executable, "-c", KILLED, str(path), dies]
    killed = await asyncio.to_thread(subprocess.run, command, check=False)
    assert killed.returncode == -signal.SIGKILL

    async def decide(entries):
        return [RoutedEvent(sinks=TEAM) for _ in entries]

    outbox = SQLiteOutbox.open(path)
    assert len(await outbox.deliveries(DeliverySearch())) == routed
    while (await outbox.route(decide, limit=2)).events:
        pass
    bodies = [delivery.raw for delivery in await outbox.deliveries(DeliverySearch())]
    assert bodies == [b"4", b"3", b"2", b"1", b"0"]
    await outbox.close()


async def test_two_outboxes_have_two_names(tmp_path):
    names = set()
    for name in ("a.db", "b.db"):
        outbox = SQLiteOutbox.open(tmp_path / name)
        names.add(outbox.id)
        await outbox.close()
    assert len(names) == 2


async def test_no_other_user_can_read_the_file(path):
    umask = os.umask(0)
    try:
        outbox = SQLiteOutbox.open(path)
        await accept(outbox, an_event(), b"{}", TEAM, now=0)
        lock = FileLock(path)
    finally:
        os.umask(umask)
    files = {it.name: stat.S_IMODE(it.stat().st_mode) for it in path.parent.iterdir()}
    assert files == dict.fromkeys(
        ("relay.db", "relay.db-wal", "relay.db-shm", "relay.db.lock"), 0o600
    )
    lock.release()
    await outbox.close()


async def test_a_commit_is_on_the_disk_before_it_is_answered(path):
    outbox = SQLiteOutbox.open(path)
    pragmas = await outbox._writer.write(
        lambda db: [
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert pragmas == ["wal", 2, 1]  # 2 is FULL: with less a power cut loses what was answered
    await outbox.close()


async def test_the_file_of_a_newer_relay_is_refused_and_left_alone(path):
    await SQLiteOutbox.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match=r"relay\.db.*newer relay.*99.*update relay"):
        SQLiteOutbox.open(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


async def test_a_delivery_sent_under_the_first_schema_is_sent_again_under_its_key(path):
    with closing(sqlite3.connect(path)) as db:
        for one in MIGRATIONS[0].split(";\n"):
            db.execute(one)
        db.execute("INSERT INTO outbox VALUES ('0a1b')")
        db.execute("INSERT INTO event VALUES (1, 'alice', 'e', 'note', '', 0, 0, x'')")
        wanted = "INSERT INTO delivery (event, sink, route, state, due_at, batch) VALUES "
        db.execute(
            wanted + "(1, 'team', 'r', 'pending', 0, 1), (1, 'ops', 'r', 'pending', 0, NULL)"
        )
        db.execute("PRAGMA user_version = 1")
        db.commit()
    outbox = SQLiteOutbox.open(path)
    assert (await taken(outbox, "team", now=0, lease=5)).key == "0a1b-1"
    assert (await taken(outbox, "ops", now=0, lease=5)).key not in {None, "0a1b-2"}
    await outbox.close()


def make_garbage(path):
    path.write_bytes(b"this is no database, but long enough to be asked" * 100)


def make_folder(path):
    path.mkdir()


def make_foreign(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE delivery (id)")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make_garbage, id="another kind of file"),
        pytest.param(make_folder, id="a folder"),
        pytest.param(make_foreign, id="the database of another program"),
    ],
)
def test_a_file_that_is_not_an_outbox_is_an_error_with_its_name(path, make):
    make(path)
    with pytest.raises(OutboxError, match=r"relay\.db"):
        SQLiteOutbox.open(path)


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "nowhere" / "relay.db"
    for opened in (SQLiteOutbox.open, FileLock):
        with pytest.raises(OutboxError, match=r"nowhere.relay\.db.*No such file"):
            opened(path)


def test_a_schema_is_made_completely_or_not_at_all(path):
    make_foreign(path)
    with pytest.raises(OutboxError, match="another program"):
        SQLiteOutbox.open(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("delivery",)]


# --- a disk that is full


async def test_an_outbox_that_cannot_be_written_says_so_and_works_again_later(path):
    outbox = SQLiteOutbox.open(path)
    await accept(outbox, an_event(1), b"{}", TEAM, now=0)
    with no_file_may_grow():
        answers = await asyncio.gather(
            *(accept(outbox, an_event(n), b"x" * 10_000, TEAM, now=0) for n in (2, 3)),
            outbox.claim(ClaimRequest("team", now=0, lease=5)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [OutboxError] * 3
        assert await outbox.counts() == {("team", "pending"): 1}
    for n in (2, 3):
        assert await accept(outbox, an_event(n), b"x" * 10_000, TEAM, now=0)
    assert (await taken(outbox, "team", now=0, lease=5)).attempt == 1
    await outbox.close()


async def test_a_delivery_that_could_not_be_saved_stays_claimed(path):
    outbox = SQLiteOutbox.open(path)
    await accept(outbox, an_event(), b"{}", TEAM, now=0)
    claimed = await taken(outbox, "team", now=0, lease=5)
    settled = replace(claimed, state=State.DELIVERED)
    with no_file_may_grow(), pytest.raises(OutboxError):
        await outbox.save([settled], claimed=[claimed])
    assert await outbox.save([settled], claimed=[claimed])
    await outbox.close()


# --- one process


def test_a_second_process_is_kept_off(path):
    lock = FileLock(path)
    with pytest.raises(OutboxError, match=r"relay\.db: another relay is running"):
        FileLock(path)
    lock.release()
    FileLock(path).release()


def test_a_lock_ends_with_its_process_however_that_ends(path):
    code = (
        "import sys, pathlib; from relay.outbox import FileLock;"
        "lock = FileLock(pathlib.Path(sys.argv[1])); print('locked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(OutboxError):
            FileLock(path)
        process.kill()
    FileLock(path).release()


# --- commit: many jobs, one transaction


@pytest.fixture
def db(path):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, said BLOB)")
        db.execute(
            "CREATE TABLE later (line INTEGER REFERENCES line DEFERRABLE INITIALLY DEFERRED)"
        )
        yield db


def say(text):
    def job(db):
        db.execute("INSERT INTO line (said) VALUES (?)", (text,))
        return text

    return job


def said(db):
    return [text for (text,) in db.execute("SELECT said FROM line ORDER BY id")]


def commits(db):
    """The list of transactions that will be committed from now on."""
    found = []
    db.set_trace_callback(lambda sql: found.append(sql) if sql == "COMMIT" else None)
    return found


def test_jobs_share_one_transaction_and_each_gets_its_answer(db):
    counted = commits(db)
    assert commit(db, [say("a"), say("b"), say("c")]) == ["a", "b", "c"]
    assert said(db) == ["a", "b", "c"]
    assert len(counted) == 1


def test_a_job_that_fails_is_undone_and_its_neighbours_are_not(db):
    error = ValueError("no")

    def job(db):
        say("half")(db)
        raise error

    assert commit(db, [say("a"), job, say("b")]) == ["a", error, "b"]
    assert said(db) == ["a", "b"]


def test_a_statement_that_fails_leaves_the_neighbours_committed(db):
    answers = commit(db, [say("a"), lambda db: db.execute("INSERT INTO nowhere VALUES (1)")])
    assert answers[0] == "a"
    assert isinstance(answers[1], sqlite3.OperationalError)
    assert said(db) == ["a"]


def test_a_failed_commit_is_reported_to_all(db):
    answers = commit(db, [say("a"), lambda db: db.execute("INSERT INTO later VALUES (99)")])
    assert [type(answer) for answer in answers] == [sqlite3.IntegrityError] * 2
    assert said(db) == []
    assert commit(db, [say("b")]) == ["b"]


def test_a_full_database_is_reported_to_failed_writes_and_works_again(db):
    db.execute("PRAGMA max_page_count = 20")
    answers = commit(db, [say("a"), say(b"x" * 200_000), say("b")])
    stored = [answer for answer in answers if not isinstance(answer, Exception)]
    assert said(db) == stored, "nobody is told 'stored' who is not"
    assert any(isinstance(answer, sqlite3.OperationalError) for answer in answers)
    assert not db.in_transaction
    db.execute("PRAGMA max_page_count = 10000")
    assert commit(db, [say(b"x" * 200_000)]) == [b"x" * 200_000]


def test_a_transaction_that_sqlite_rolled_back_is_reported_to_all(db):
    """As on a full disk: SQLite may roll back the whole batch within one of its jobs."""

    def job(db):
        db.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    answers = commit(db, [say("a"), job, say("b")])
    assert [str(answer) for answer in answers] == ["database or disk is full"] * 3
    assert said(db) == []
    assert commit(db, [say("c")]) == ["c"]


def test_a_locked_database_is_reported_to_all(db, path):
    db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = commit(db, [say("a"), say("b")])
    assert [type(answer) for answer in answers] == [sqlite3.OperationalError] * 2
    assert commit(db, [say("c")]) == ["c"]


# --- the thread


class Gate:
    """A job that holds the writer until it is opened."""

    def __init__(self):
        self._open, self._reached = threading.Event(), threading.Event()

    def __call__(self, db):
        self._reached.set()
        assert self._open.wait(10)

    async def reached(self):
        assert await asyncio.to_thread(self._reached.wait, 10)

    async def open(self):
        self._open.set()


async def test_jobs_that_wait_during_a_commit_are_committed_together(db):
    writer, gate, counted = SQLiteWriter(db), Gate(), commits(db)
    waiting = (writer.write(say(n)) for n in range(300))
    _, *answers, _ = await asyncio.gather(writer.write(gate), *waiting, gate.open())
    assert answers == list(range(300))
    assert said(db) == list(range(300))
    assert 2 <= len(counted) <= 4  # the gate, and 300 in batches of at most 256
    await writer.close()


async def test_a_failing_job_raises_where_it_was_asked_and_the_thread_lives(db):
    writer = SQLiteWriter(db)
    with pytest.raises(sqlite3.OperationalError):
        await writer.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        await writer.write(lambda db: 1 / 0)
    assert await writer.write(say("a")) == "a"
    await writer.close()


async def test_a_cancelled_job_is_not_run(path, db):
    writer, gate = SQLiteWriter(db), Gate()
    held, gone, kept = (
        asyncio.ensure_future(writer.write(job)) for job in (gate, say("gone"), say("kept"))
    )

    async def leave():
        gone.cancel()
        await gate.open()

    await asyncio.gather(held, kept, leave())
    assert gone.cancelled()
    await writer.close()
    with closing(sqlite3.connect(path)) as other:
        assert said(other) == ["kept"]


async def test_a_job_cancelled_while_it_runs_cancels_no_other(path, db):
    writer, first, second = SQLiteWriter(db), Gate(), Gate()
    held, gone, kept = (
        asyncio.ensure_future(writer.write(job)) for job in (first, second, say("kept"))
    )
    await first.reached()
    await first.open()  # from here on the other two are one batch
    await second.reached()
    gone.cancel()
    await second.open()
    assert await asyncio.gather(held, kept) == [None, "kept"]
    await writer.close()


async def test_closing_finishes_the_waiting_jobs(path, db):
    writer, gate = SQLiteWriter(db), Gate()
    held = asyncio.ensure_future(writer.write(gate))
    asked = [asyncio.ensure_future(writer.write(say(n))) for n in range(600)]
    *_, answers = await asyncio.gather(held, gate.open(), writer.close(), asyncio.gather(*asked))
    assert answers == list(range(600))
    with closing(sqlite3.connect(path)) as other:
        assert said(other) == list(range(600))


COUNT = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT count(*) FROM event").fetchone()[0])
db.close()
"""


async def test_another_process_that_reads_takes_nothing_away(tmp_path):
    # Closing a file drops all POSIX locks of a process on it; SQLite then removes the journal.
    outbox = SQLiteOutbox.open(tmp_path / "relay.db")
    try:
        for n in (1, 2, 3, 4):
            assert await accept(outbox, an_event(n), b"{}", {"team": "all"}, now=0)
            command = [sys.executable, "-c", COUNT, str(tmp_path / "relay.db")]
            found = await asyncio.to_thread(subprocess.check_output, command)
            assert int(found) == n
    finally:
        await outbox.close()


@pytest.mark.parametrize("limit", [50, 500])
async def test_a_file_gives_back_the_pages_of_pruned_events(path, limit):
    outbox = SQLiteOutbox.open(path)
    for n in range(300):
        await accept(outbox, an_event(n), b"x" * 20_000, {}, now=0)
    full = path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size
    after = 0
    while after is not None:
        after = (await outbox.prune(before=10, limit=limit, after=after)).next
    await outbox.close()
    assert full > 300 * 20_000
    assert path.stat().st_size < full / 10
