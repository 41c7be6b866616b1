"""An outbox that cannot be used, in the real process."""

import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp

from tests.e2e.process import Relay, serving
from tests.fakes.misskey import a_note_event, post

CONFIG = """
listen: 127.0.0.1:0
hold: 0
hooks: {alice: {secret: secret}}
sinks: {here: {type: console}}
routes: [{to: here}]
"""
GARBAGE = b"this is no database, but somebody's file\n" * 500


async def test_a_broken_file_is_set_aside_and_events_are_taken(tmp_path: Path) -> None:
    async with serving(tmp_path, CONFIG) as relay, aiohttp.ClientSession() as session:
        assert await relay.terminate() == 0
        (tmp_path / "relay.db").write_bytes(GARBAGE)
        await relay.start()
        answer = await post(session, relay.address, "alice", a_note_event(1), secret="secret")
        assert answer.status == 204
        assert await relay.terminate() == 0
        (aside,) = tmp_path.glob("relay.db.broken-*")
        assert aside.read_bytes() == GARBAGE
        log = relay.log.read_text(encoding="utf-8")
        assert "CRITICAL" in log
        assert aside.name in log


async def test_a_damaged_page_is_noticed_at_the_start(tmp_path: Path) -> None:
    async with serving(tmp_path, CONFIG) as relay, aiohttp.ClientSession() as session:
        for n in range(50):
            await post(session, relay.address, "alice", a_note_event(n), secret="secret")
        assert await relay.terminate() == 0
        file = tmp_path / "relay.db"
        content = bytearray(file.read_bytes())
        content[4096:-4096] = b"\xa5" * (len(content) - 8192)
        file.write_bytes(content)
        await relay.start()
        answer = await post(session, relay.address, "alice", a_note_event(99), secret="secret")
        assert answer.status == 204
    assert len(list(tmp_path.glob("relay.db.broken-*"))) == 1


async def test_a_file_that_never_was_an_outbox_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(GARBAGE)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (x)")
    relay = Relay(tmp_path, "", {})
    for name, told in (("mine.txt", "no outbox"), ("other.db", "another program")):
        relay.file.write_text(f"{CONFIG}outbox: sqlite:{name}\n", encoding="utf-8")
        code, _, errors = await relay.command("serve", "--config", str(relay.file))
        assert (code, told in errors) == (2, True)
    assert (tmp_path / "mine.txt").read_bytes() == GARBAGE
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
