"""The files of an open outbox are taken away: nothing that could be lost is reported as stored."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from relay.errors import BrokenError, LostError, OutboxError
from relay.outbox import ClaimRequest, FileLock, SQLiteOutbox, serve_outbox
from relay.outbox.sqlite.disk import SIZE
from tests.e2e.waiting import until
from tests.factories import accept, an_event

TEAM = {"team": "to the team"}

Damage = Callable[[Path], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "outbox").mkdir()
    return tmp_path / "outbox" / "relay.db"


@pytest.fixture
async def outbox(path: Path) -> AsyncIterator[SQLiteOutbox]:
    """One with an old copy, and three events since."""
    lock = FileLock(path)
    made = SQLiteOutbox.open(path, lock=lock)
    await accept(made, an_event(0), b"{}", TEAM, now=0)
    with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(old(path))) as copy:
        db.backup(copy)
    for n in (1, 2, 3):
        await accept(made, an_event(n), b"x" * 20_000, TEAM, now=0)
    yield made
    await made.close()
    lock.release()


def old(path: Path) -> Path:
    return path.parent.parent / "old.db"


def checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(FULL)")


def beside(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)


def delete(file: Path) -> None:
    file.unlink()


def delete_all(file: Path) -> None:
    for one in file.parent.iterdir():
        one.unlink()


def delete_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def rename(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def rename_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def replace(file: Path) -> None:
    shutil.copy(old(file), file.with_name("new.db"))
    file.with_name("new.db").rename(file)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def copy_over(file: Path) -> None:
    """As who restores a backup without stopping relay."""
    checkpoint(file)
    shutil.copy(old(file), file)


def delete_journal(file: Path) -> None:
    beside(file, "-wal").unlink()


def empty_journal(file: Path) -> None:
    os.truncate(beside(file, "-wal"), 0)


def cut_journal(file: Path) -> None:
    journal = beside(file, "-wal")
    os.truncate(journal, journal.stat().st_size // 2)


def overwrite_journal(file: Path) -> None:
    with beside(file, "-wal").open("r+b") as journal:
        journal.write(bytes(4096))


def delete_index(file: Path) -> None:
    beside(file, "-shm").unlink()


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_link(file: Path) -> None:
    shutil.copy(file, file.parent.parent / "copy.db")
    file.unlink()
    file.symlink_to(file.parent.parent / "copy.db")


ALL = (
    delete, delete_all, delete_folder, rename, rename_folder, replace, empty, cut, copy_over,
    delete_journal, empty_journal, cut_journal, overwrite_journal, delete_index, replace_by_folder,
    replace_by_link,
)  # fmt: skip


@pytest.mark.parametrize("damage", ALL, ids=lambda damage: damage.__name__)
async def test_nothing_is_stored_in_a_file_that_is_lost(
    outbox: SQLiteOutbox, path: Path, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path)
    for n in range(100, 103):
        with pytest.raises(LostError):
            await accept(outbox, an_event(n), b"{}", TEAM, now=0)
        with pytest.raises(LostError):
            await outbox.claim(ClaimRequest("team", now=0, lease=5))
        with pytest.raises(LostError):
            await outbox.touch(1000)
    (told,) = [one for one in caplog.records if "is lost" in one.message]
    assert told.levelname == "CRITICAL"
    assert str(path.parent) in told.reason


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
async def test_a_file_that_is_put_back_is_used_again(
    outbox: SQLiteOutbox, path: Path, end: str
) -> None:
    place = beside(path, end)
    place.rename(path.parent / "elsewhere")
    with pytest.raises(LostError, match=f"was moved to {path.parent / 'elsewhere'}"):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    (path.parent / "elsewhere").rename(place)
    assert await accept(outbox, an_event(5), b"{}", TEAM, now=0)
    assert (await outbox.counts())[("team", "pending")] >= 5


async def test_a_file_is_complete_when_its_journal_is_lost(
    outbox: SQLiteOutbox, path: Path
) -> None:
    delete_journal(path)
    with pytest.raises(LostError):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    beside(path, "-shm").unlink()
    with closing(sqlite3.connect(path)) as db:
        found = {one for (one,) in db.execute("SELECT event_id FROM event")}
    assert found >= {an_event(n).id for n in range(4)}


async def test_a_truncated_log_is_never_copied_into_the_file(
    outbox: SQLiteOutbox, path: Path
) -> None:
    checkpoint(path)
    for n in range(4, 9):
        await accept(outbox, an_event(n), b"x" * 20_000, TEAM, now=0)
    before = path.read_bytes()
    cut_journal(path)
    with pytest.raises(LostError):
        await accept(outbox, an_event(9), b"{}", TEAM, now=0)
    await outbox.close()
    assert path.read_bytes() == before
    for end in ("", "-wal"):  # as another process finds them
        shutil.copy(beside(path, end), beside(path.parent.parent / "copy.db", end))
    with closing(sqlite3.connect(path.parent.parent / "copy.db")) as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)


async def test_a_file_that_was_put_in_its_place_keeps_its_own_journal(
    outbox: SQLiteOutbox, path: Path
) -> None:
    replace(path)
    with pytest.raises(LostError, match="was replaced"):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    beside(path, "-wal").write_bytes(b"of somebody else")
    await outbox.close()
    assert beside(path, "-wal").read_bytes() == b"of somebody else"


async def test_a_deleted_outbox_is_back_at_the_next_start(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        await accept(served, an_event(1), b"{}", TEAM, now=0)
        delete(path)
    assert not path.exists()
    assert beside(path, ".rescued").stat().st_mode & 0o777 == 0o600
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        assert await served.counts() == {("team", "pending"): 1}
        assert not await accept(served, an_event(1), b"{}", TEAM, now=0)
    assert not beside(path, ".rescued").exists()
    assert "the outbox was deleted while relay ran, and is back from relay's copy" in (
        caplog.messages
    )


async def test_a_saved_copy_replaces_no_existing_outbox(path: Path) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        await accept(served, an_event(1), b"{}", TEAM, now=0)
    beside(path, ".rescued").write_bytes(b"older")
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        assert await served.counts() == {("team", "pending"): 1}
    assert beside(path, ".rescued").read_bytes() == b"older"


# --- what is no damage


async def test_checkpoints_of_others_are_no_damage(outbox: SQLiteOutbox, path: Path) -> None:
    for n, mode in enumerate(("PASSIVE", "FULL", "RESTART", "TRUNCATE"), start=10):
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA wal_checkpoint({mode})")
        assert await accept(outbox, an_event(n), b"x" * 30_000, TEAM, now=0)


async def test_writes_of_other_processes_are_not_damage(outbox: SQLiteOutbox, path: Path) -> None:
    for n in range(10, 15):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE delivery SET due_at = ?", (n,))
            db.execute("PRAGMA incremental_vacuum(5)").fetchall()
        assert await accept(outbox, an_event(n), b"x" * 9_000, TEAM, now=0)
    os.utime(path)
    assert await accept(outbox, an_event(20), b"{}", TEAM, now=0)


async def test_a_vacuum_by_hand_is_no_damage(outbox: SQLiteOutbox, path: Path) -> None:
    for n in range(10, 60):
        await accept(outbox, an_event(n), b"x" * 30_000, {}, now=0)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM event WHERE id > 10")
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size < 400_000
    assert await accept(outbox, an_event(99), b"x" * 9_000, TEAM, now=0)


async def test_a_file_truncated_by_pruning_is_not_damaged(outbox: SQLiteOutbox, path: Path) -> None:
    for n in range(10, 110):
        await accept(outbox, an_event(n), b"x" * 60_000, {}, now=0)
    after: int | None = 0
    while after is not None:
        after = (await outbox.prune(before=10, limit=50, after=after)).next
        assert await accept(outbox, an_event(1000 + after if after else 2000), b"{}", {}, now=20)
    checkpoint(path)
    assert await accept(outbox, an_event(3000), b"{}", TEAM, now=0)


async def test_garbage_in_the_file_is_a_broken_outbox(outbox: SQLiteOutbox, path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * path.stat().st_size)
    with pytest.raises(BrokenError):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)


# --- the lock


async def test_a_lock_that_is_gone_is_made_again(outbox: SQLiteOutbox, path: Path) -> None:
    beside(path, ".lock").unlink()
    assert await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    with pytest.raises(OutboxError, match="another relay is running"):
        FileLock(path)


async def test_a_relay_that_lost_the_lock_to_another_stores_nothing(
    outbox: SQLiteOutbox, path: Path
) -> None:
    beside(path, ".lock").unlink()
    other = FileLock(path)
    with pytest.raises(LostError, match="another relay is running"):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    other.release()
    assert await accept(outbox, an_event(4), b"{}", TEAM, now=0)


# --- room on the disk


async def test_a_relay_that_serves_reserves_room_on_the_disk(path: Path) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        await accept(served, an_event(1), b"{}", TEAM, now=0)
    assert beside(path, ".reserve").stat().st_size == SIZE
    assert beside(path, ".reserve").stat().st_mode & 0o777 == 0o600


# --- further ways to lose a file


async def test_a_file_behind_a_link_is_guarded_too(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "relay.db"
    link.symlink_to(tmp_path / "disk" / "real.db")
    async with serve_outbox(f"sqlite:{link}", now=0) as served:
        assert await accept(served, an_event(1), b"{}", TEAM, now=0)
        with pytest.raises(OutboxError, match="another relay is running"):
            FileLock(tmp_path / "disk" / "real.db")
        link.unlink()
        with pytest.raises(LostError, match=r"real\.db"):
            await accept(served, an_event(2), b"{}", TEAM, now=0)
        link.symlink_to(tmp_path / "disk" / "real.db")
        assert await accept(served, an_event(2), b"{}", TEAM, now=0)
        (tmp_path / "disk" / "real.db-wal").unlink()
        with pytest.raises(LostError, match=r"real\.db-wal"):
            await accept(served, an_event(3), b"{}", TEAM, now=0)
    async with serve_outbox(f"sqlite:{link}", now=0) as served:
        assert (await served.counts())[("team", "pending")] >= 2


async def test_a_file_that_has_another_name_still_is_saved(path: Path) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        os.link(path, path.with_name("link.db"))
        await accept(served, an_event(1), b"{}", TEAM, now=0)
        path.unlink()
        with pytest.raises(LostError):
            await accept(served, an_event(2), b"{}", TEAM, now=0)
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        assert not await accept(served, an_event(1), b"{}", TEAM, now=0)


async def test_a_loss_is_noticed_though_nothing_comes(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as served:
        await accept(served, an_event(1), b"{}", TEAM, now=0)
        path.unlink()
        await until(beside(path, ".rescued").exists)
        assert "the outbox's file is lost: events are refused, and nothing is sent" in (
            caplog.messages
        )


async def test_a_truncated_index_is_not_touched_again(outbox: SQLiteOutbox, path: Path) -> None:
    os.truncate(beside(path, "-shm"), 0)  # whoever reads it by its memory is killed
    with pytest.raises(LostError, match="shm: was truncated"):
        await accept(outbox, an_event(4), b"{}", TEAM, now=0)
    await outbox.close()


async def test_an_outbox_that_is_gone_at_the_start_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = "the outbox that was here is gone: relay starts with an empty one"
    async with serve_outbox(f"sqlite:{path}", now=0):
        assert told not in caplog.messages
    path.unlink()
    async with serve_outbox(f"sqlite:{path}", now=0):
        assert told in caplog.messages
