"""An outbox that cannot be used, in the real process."""

from pathlib import Path

import aiohttp

from tests.e2e.process import serving
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
    (tmp_path / "relay.db").write_bytes(GARBAGE)
    async with serving(tmp_path, CONFIG) as relay, aiohttp.ClientSession() as session:
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
