"""An outbox that cannot be used, or cannot be used for a while, in the real process."""

import asyncio
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
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
    for name, told in (("mine.txt", "not an outbox"), ("other.db", "another program")):
        relay.file.write_text(f"{CONFIG}outbox: sqlite:{name}\n", encoding="utf-8")
        code, _, errors = await relay.command("serve", "--config", str(relay.file))
        assert (code, told in errors) == (2, True)
    assert (tmp_path / "mine.txt").read_bytes() == GARBAGE
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


# --- while it runs

Fault = Callable[[Relay, Path], AbstractContextManager[None]]

SECRET = "secret"
LONG = "x" * 30_000


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord, outbox: Path) -> str:
    return f"""
listen: 127.0.0.1:0
hold: 0
outbox: sqlite:{outbox}
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""


@contextmanager
def small_disk(relay: Relay, disk: Path) -> Iterator[None]:
    """A disk that is full: no file of the process may grow. That needs no privilege."""
    assert relay.process is not None
    largest = max(file.stat().st_size for file in disk.iterdir())
    before = resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def full_disk(relay: Relay, disk: Path) -> Iterator[None]:
    """A real file system without a free byte."""
    filler = disk / f"filler-{len([*disk.glob('filler-*')])}"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(relay: Relay, disk: Path) -> Iterator[None]:
    """Somebody else's program holds the database, a backup for example."""
    with closing(sqlite3.connect(disk / "relay.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def refusing(error: str, *calls: str) -> Fault:
    """A disk that fails under the open files: the kernel's answers are replaced on their way."""

    @contextmanager
    def fault(relay: Relay, disk: Path) -> Iterator[None]:
        assert relay.process is not None
        if (strace := shutil.which("strace")) is None:
            pytest.skip("strace is not installed")
        wanted = ",".join(calls)
        tracer = subprocess.Popen(
            [strace, "-f", "-p", str(relay.process.pid), "-e", f"trace={wanted}",
             "-e", f"inject={wanted}:error={error}"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert tracer.stderr is not None
        try:
            if "attached" not in (told := tracer.stderr.readline()):
                pytest.skip(f"cannot trace a process: {told.strip()}")
            with tracer.stderr, ThreadPoolExecutor(1) as reader:
                reader.submit(tracer.stderr.read)  # or it waits for somebody who does
                yield
                tracer.terminate()
        finally:
            tracer.terminate()
            tracer.wait()

    return fault


WRITES = ("pwrite64", "ftruncate", "fallocate")
SYNCS = ("fsync", "fdatasync")


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(small_disk, id="no file may grow"),
        pytest.param(full_disk, id="the disk is full"),
        pytest.param(locked, id="the database is locked"),
        pytest.param(refusing("EROFS", *WRITES, *SYNCS), id="the disk is read-only"),
        pytest.param(refusing("EIO", *WRITES), id="the disk takes nothing"),
        pytest.param(refusing("EIO", *SYNCS), id="the disk keeps nothing"),
    ],
)
async def test_what_cannot_be_stored_is_refused_until_it_can_and_nothing_is_lost(
    fault: Fault, disk: Path, discord: FakeDiscord, tmp_path: Path
) -> None:
    port = unused_port()
    text = f'{config(discord, disk / "relay.db")}web: {{listen: "127.0.0.1:{port}"}}\n'
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        process = relay.process

        async def ready() -> int:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status

        async def is_ready() -> bool:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                metrics = (await answer.text()).splitlines()
            return await ready() == 200 and "relay_ready 1.0" in metrics

        async def status(n: int) -> int:
            event = a_note_event(n, text=f"note {n}", tags=[LONG])
            return (await post(session, relay.address, "alice", event, secret=SECRET)).status

        assert [await status(n) for n in range(5)] == [204] * 5
        assert await is_ready()
        with fault(relay, disk):
            refused = await refusals(status, range(5, 300))
            assert (await session.get(f"{relay.address}/healthz")).status == 200
            assert await ready() == 503
        for n in refused:
            await until_taken(status, n)
        await until(is_ready)
        wanted = {f"note {n}" for n in range(max(refused) + 1)}
        await until(lambda: set(shown(discord)) == wanted)
        assert len(shown(discord)) == len(wanted)
        assert relay.process is process
        assert await relay.terminate() == 0
    assert "outbox fails" in relay.log.read_text() or "refused" in relay.log.read_text()


async def refusals(status: Callable[[int], Awaitable[int]], numbers: range) -> list[int]:
    """Post until three events in a row were refused; all that were."""
    refused: list[int] = []
    for n in numbers:
        found = await status(n)
        assert found in {204, 503}
        if found == 503:
            refused.append(n)
        if refused[-3:] == [n - 2, n - 1, n]:
            return refused
    raise AssertionError("everything was taken: the fault does nothing")


async def until_taken(status: Callable[[int], Awaitable[int]], n: int) -> None:
    """As Misskey does, only sooner."""
    async with asyncio.timeout(300):
        while await status(n) != 204:
            pass


def shown(discord: FakeDiscord) -> list[str]:
    return [embed["description"] for one in discord.posts() for embed in one.payload["embeds"]]


async def test_a_file_that_breaks_while_it_is_used_ends_the_process_and_is_set_aside(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    async with (
        serving(tmp_path, config(discord, folder / "relay.db")) as relay,
        aiohttp.ClientSession() as session,
    ):
        assert relay.process is not None
        for n in range(20):
            await post(session, relay.address, "alice", a_note_event(n), secret=SECRET)
        await until(lambda: len(shown(discord)) == 20)
        for file in filter(Path.is_file, folder.glob("relay.db*")):
            if not file.name.endswith(".lock"):
                with file.open("r+b") as damaged:
                    damaged.write(b"\xa5" * file.stat().st_size)
        n = 100
        while relay.process.returncode is None:
            with suppress(aiohttp.ClientError):
                await post(session, relay.address, "alice", a_note_event(n), secret=SECRET)
            n += 1
        await relay.process.communicate()
        assert relay.process.returncode == 1
        assert list(folder.glob("relay.db.broken-*"))
        await relay.start()
        answer = await post(session, relay.address, "alice", a_note_event(n), secret=SECRET)
        assert answer.status == 204


async def test_a_disk_that_cannot_be_written_is_named_at_the_start(
    discord: FakeDiscord, disk: Path, tmp_path: Path
) -> None:
    make_read_only(disk)
    relay = Relay(tmp_path, config(discord, disk / "relay.db"), {})
    code, _, errors = await relay.command("serve", "--config", str(relay.file))
    assert (code, "relay.db" in errors, "Read-only file system" in errors) == (2, True, True)


# --- a disk that is full


@pytest.mark.parametrize("stop", ["terminate", "kill"])
async def test_on_a_full_disk_relay_starts_and_sends_what_waits_and_takes_nothing(
    discord: FakeDiscord, disk: Path, tmp_path: Path, stop: str
) -> None:
    port = unused_port()
    text = f'{config(discord, disk / "relay.db")}web: {{listen: "127.0.0.1:{port}"}}\n'
    async with serving(tmp_path, text) as relay, aiohttp.ClientSession() as session:
        file = str(relay.file)

        async def status(n: int) -> int:
            event = a_note_event(n, text=f"note {n}", tags=[LONG[:3000]])
            return (await post(session, relay.address, "alice", event, secret=SECRET)).status

        async def ready() -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status, await answer.text()

        assert (await relay.command("sinks", "pause", "team", "--config", file))[0] == 0
        assert [await status(n) for n in range(30)] == [204] * 30
        await getattr(relay, stop)()
        with ExitStack() as stack:
            stack.enter_context(full_disk(relay, disk))
            await relay.start()
            stack.enter_context(full_disk(relay, disk))  # also what the start gave back
            assert [await status(n) for n in range(100, 103)] == [503] * 3
            assert (await ready())[0] == 503
            for reading in (
                ["sinks"],
                ["deliveries"],
                ["dead", "list"],
                ["deliveries", "show", "1"],
            ):
                code, out, errors = await relay.command(*reading, "--config", file)
                assert (code, bool(out), errors) == (0, True, "")
            assert (await relay.command("sinks", "resume", "team", "--config", file))[0] == 0
            await until(lambda: set(shown(discord)) == {f"note {n}" for n in range(30)})
            assert [await status(n) for n in range(100, 103)] == [503] * 3
            assert (await ready())[0] == 503
            await relay.terminate()
            for reading in (["sinks"], ["deliveries"], ["dead", "list"]):
                code, out, errors = await relay.command(*reading, "--config", file)
                assert (code, bool(out), errors) == (0, True, "")
            await relay.start()
        await until_taken(status, 100)

        async def is_ready() -> bool:
            return (await ready())[0] == 200

        await until(is_ready)
        await until(lambda: "note 100" in shown(discord))
        assert len(shown(discord)) == 31


# --- where it is


async def test_every_command_finds_the_outbox_beside_its_configuration(tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    other.mkdir()
    here.mkdir()
    async with serving(other, CONFIG) as relay, aiohttp.ClientSession() as session:
        event = a_note_event(1)
        assert (await post(session, relay.address, "alice", event, secret="secret")).status == 204
        assert await relay.terminate() == 0
        relay.folder = here  # from where everything is called from now on
        relay.file = Path("../other/config.yaml")
        await relay.start()
        assert not list(here.glob("relay.db*"))
        for command in (["deliveries"], ["sinks"], ["backup", "copy.db"], ["reload"]):
            code, out, errors = await relay.command("--config", str(relay.file), *command)
            assert (code, bool(out), errors) == (0, True, "")
        assert (other / "relay.db.sock").exists()


async def test_an_outbox_of_an_earlier_version_is_moved_not_forgotten(tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    other.mkdir()
    here.mkdir()
    async with serving(here, CONFIG) as relay, aiohttp.ClientSession() as session:
        event = a_note_event(1)
        assert (await post(session, relay.address, "alice", event, secret="secret")).status == 204
        await relay.terminate()
        relay.file = relay.file.rename(other / "config.yaml")
        code, _, errors = await relay.command("serve", "--config", str(relay.file))
        assert (code, "earlier versions kept it" in errors) == (2, True)
        assert not (other / "relay.db").exists()
        moving = errors.split("then ")[1].splitlines()[0]
        await asyncio.to_thread(subprocess.run, moving, shell=True, check=True)
        await relay.start()
        answer = await post(session, relay.address, "alice", event, secret="secret")
        assert answer.status == 204
        assert "repeated" in relay.log.read_text(encoding="utf-8")
