"""The outbox's file is taken away under a running relay: nothing is answered that could be lost."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from pytest_aiohttp import AiohttpServer

from relay.outbox import FileLock
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post

Damage = Callable[[Path], None]

SECRET = "a secret"
BEFORE = 5


@dataclass
class Installation:
    """A relay whose sink is paused: what was answered 204 waits in the outbox."""

    relay: Relay
    session: aiohttp.ClientSession
    page: str
    file: Path
    discord: FakeDiscord

    async def post(self, n: int) -> int:
        event = a_note_event(n, text=f"note {n}")
        return (await post(self.session, self.relay.address, "alice", event, secret=SECRET)).status

    async def ready(self) -> tuple[int, str]:
        async with self.session.get(f"{self.page}/readyz") as answer:
            return answer.status, await answer.text()

    async def sinks(self, action: str) -> None:
        code, _, errors = await self.relay.command(
            "sinks", action, "team", "--config", str(self.relay.file)
        )
        assert code == 0, errors

    def shown(self) -> set[str]:
        return {one["description"] for one in self.discord.told()}

    @property
    def log(self) -> str:
        return self.relay.log.read_text(encoding="utf-8")


@pytest.fixture
async def installed(aiohttp_server: AiohttpServer, tmp_path: Path) -> AsyncIterator[Installation]:
    discord = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    discord.base_url = str((await aiohttp_server(discord.app)).make_url("")).rstrip("/")
    port = unused_port()
    file = tmp_path / "outbox" / "relay.db"
    file.parent.mkdir()
    config = f"""
listen: 127.0.0.1:0
web: {{listen: "127.0.0.1:{port}"}}
hold: 0
outbox: sqlite:{file}
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""
    async with serving(tmp_path, config) as relay, aiohttp.ClientSession() as session:
        found = Installation(relay, session, f"http://127.0.0.1:{port}", file, discord)
        await found.sinks("pause")
        shutil.copy(file, tmp_path / "old.db")
        assert [await found.post(n) for n in range(BEFORE)] == [204] * BEFORE
        assert (await found.ready())[0] == 200
        yield found


def beside(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)


def delete(file: Path) -> None:
    file.unlink()


def delete_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def rename(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def replace(file: Path) -> None:
    shutil.copy(file.parent.parent / "old.db", file.with_name("new.db"))
    file.with_name("new.db").rename(file)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def delete_journal(file: Path) -> None:
    beside(file, "-wal").unlink()


# All the others: tests/contract/test_guard.py.
ALL = (delete, delete_folder, replace, empty, delete_journal)


@pytest.mark.parametrize("damage", ALL, ids=lambda damage: damage.__name__)
async def test_no_event_is_taken_by_a_file_that_is_lost(
    installed: Installation, damage: Damage
) -> None:
    damage(installed.file)
    statuses = {await installed.post(n) for n in range(100, 120)}
    assert statuses == {503}
    status, told = await installed.ready()
    assert status == 503
    assert str(installed.file.parent) in told
    assert "CRITICAL" in installed.log
    assert "the outbox's file is lost" in installed.log
    assert installed.log.count("the outbox's file is lost") == 1
    assert await installed.relay.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("damage", [delete, delete_journal], ids=lambda damage: damage.__name__)
async def test_what_was_answered_before_is_sent_after_a_new_start(
    installed: Installation, damage: Damage, number: signal.Signals
) -> None:
    damage(installed.file)
    assert await installed.post(100) == 503
    if damage is delete:
        await until(lambda: "is saved" in installed.log)
    await installed.relay._end(number)
    await installed.relay.start()
    await installed.sinks("resume")
    assert await installed.post(100) == 204
    wanted = {f"note {n}" for n in (*range(BEFORE), 100)}
    await until(lambda: installed.shown() == wanted)


async def test_what_was_deleted_is_saved_at_the_end_though_nothing_came(
    installed: Installation,
) -> None:
    installed.file.unlink()
    assert await installed.relay.terminate() == 0
    await installed.relay.start()
    await installed.sinks("resume")
    await until(lambda: installed.shown() == {f"note {n}" for n in range(BEFORE)})


async def test_what_is_put_back_goes_on_without_a_restart(installed: Installation) -> None:
    place = installed.file
    place.rename(place.with_name("elsewhere"))
    assert await installed.post(100) == 503
    assert f"was moved to {place.with_name('elsewhere')}" in installed.log
    place.with_name("elsewhere").rename(place)
    assert await installed.post(100) == 204

    async def is_ready() -> bool:
        return (await installed.ready())[0] == 200

    await until(is_ready)
    await installed.sinks("resume")
    wanted = {f"note {n}" for n in (*range(BEFORE), 100)}
    await until(lambda: installed.shown() == wanted)


async def test_a_moved_file_has_all_that_was_answered(installed: Installation) -> None:
    rename(installed.file)
    assert await installed.post(100) == 503
    assert await installed.relay.terminate() == 0
    for end in ("-wal", "-shm"):
        beside(installed.file, end).unlink(missing_ok=True)
    installed.file.with_name("elsewhere.db").rename(installed.file)
    await installed.relay.start()
    await installed.sinks("resume")
    await until(lambda: installed.shown() == {f"note {n}" for n in range(BEFORE)})


async def test_a_lock_that_was_deleted_is_made_again(installed: Installation) -> None:
    beside(installed.file, ".lock").unlink()
    assert await installed.post(100) == 204
    assert "the outbox's lock was deleted" in installed.log
    code, _, errors = await installed.relay.command("serve", "--config", str(installed.relay.file))
    assert (code, "another relay is running" in errors) == (2, True)


async def test_who_lost_the_lock_to_another_takes_nothing(installed: Installation) -> None:
    other = FileLock(installed.file.with_name("other"))  # as a relay that was quicker
    installed.file.with_name("other.lock").rename(beside(installed.file, ".lock"))
    assert await installed.post(100) == 503
    status, told = await installed.ready()
    assert (status, "another relay is running" in told) == (503, True)
    other.release()
    await until_taken(installed, 100)


async def until_taken(installed: Installation, n: int) -> None:
    async def is_taken() -> bool:
        return await installed.post(n) == 204

    await until(is_taken)


async def test_what_commands_and_backups_do_is_no_loss(installed: Installation) -> None:
    relay, file = installed.relay, str(installed.relay.file)
    for n, command in enumerate(
        [
            ("sinks", "resume", "team"),
            ("backup", str(relay.folder / "backup.db")),
            ("deliveries",),
            ("sinks", "pause", "team"),
        ]
    ):
        assert (await relay.command(*command, "--config", file))[0] == 0
        assert await installed.post(100 + n) == 204
    os.utime(installed.file)
    assert await installed.post(200) == 204
    assert "lost" not in installed.log
