"""The headers of SQLite's files are parsed as SQLite writes them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from relay.outbox.sqlite.file_format import (
    HEADER,
    INDEX,
    LOG_HEADER,
    MAGIC,
    database,
    has_first_page,
    index,
    is_log_of,
)


@pytest.fixture(params=[512, 4096, 65536])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bytes, bytes, bytes]:
    """A database, its journal and its index, as SQLite keeps them."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {request.param}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE line (said BLOB)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for _ in range(3):
            db.execute("INSERT INTO line VALUES (zeroblob(3000))")
        kept = tuple(Path(f"{path}{end}").read_bytes() for end in ("", "-wal", "-shm"))
    return kept[0], kept[1], kept[2]


def test_the_files_of_sqlite_agree(files: tuple[bytes, bytes, bytes]) -> None:
    main, wal, shm = files
    found, head = index(shm[:INDEX]), database(main[:HEADER])
    assert found is not None
    assert head is not None
    assert head.size == len(main)
    assert found.size == len(wal)
    assert found.copied == 0
    assert is_log_of(wal[:LOG_HEADER], found)


def test_only_a_first_page_of_the_journal_is_one(files: tuple[bytes, bytes, bytes]) -> None:
    _, wal, shm = files
    found = index(shm[:INDEX])
    assert found is not None

    def read(size: int, place: int) -> bytes:
        return wal[place : place + size]

    pages = [place for place in range(32, len(wal), found.frame) if wal[place + 3] == 1]
    for place in pages:
        assert has_first_page(read, found, wal[place + 24 : place + 24 + HEADER])
    assert not has_first_page(read, found, MAGIC + bytes(84))


@pytest.mark.parametrize("head", [b"", b"x" * 200, bytes(200), MAGIC])
def test_what_is_none_of_them_is_none(head: bytes) -> None:
    assert database(head) is None
    assert index(head) is None


def test_a_journal_of_another_index_is_none_of_ours(files: tuple[bytes, bytes, bytes]) -> None:
    _, wal, shm = files
    found = index(shm[:INDEX])
    assert found is not None
    assert not is_log_of(bytes(32), found)
    assert not is_log_of(wal[:16] + b"otherone" + wal[24:32], found)
    assert not is_log_of(b"", found)


def test_an_index_that_is_being_written_is_not_read(files: tuple[bytes, bytes, bytes]) -> None:
    _, _, shm = files
    assert index(shm[:47] + b"\xff" + shm[48:INDEX]) is None
