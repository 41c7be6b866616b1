"""What the real process tells systemd, on a real socket."""

import asyncio
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.aio import Heartbeat
from relay.monitoring.health import MARGIN, HealthCheck
from relay.monitoring.systemd import Notifier
from tests.e2e.process import serving
from tests.e2e.waiting import until

CONFIG = """
listen: 127.0.0.1:0
hooks: {alice: {secret: a secret}}
sinks: {here: {type: console}}
routes: [{to: here}]
"""


class Systemd:
    """The other end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self.heard: list[str] = []
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def _hear(self) -> None:
        self.heard += self._socket.recv(4096).decode().splitlines()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@pytest.fixture
async def systemd(tmp_path: Path) -> AsyncIterator[Systemd]:
    made = Systemd(tmp_path / "notify")
    yield made
    made.close()


async def test_it_says_that_it_is_ready_alive_and_about_to_end(
    systemd: Systemd, tmp_path: Path
) -> None:
    environ = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "100000"}
    async with serving(tmp_path, CONFIG, environ) as relay:
        await until(lambda: systemd.heard.count("WATCHDOG=1") >= 3)
        assert systemd.heard[:2] == ["READY=1", f"STATUS=listens on {relay.address}"]
        assert "STATUS=all is well" in systemd.heard
        assert "STOPPING=1" not in systemd.heard
        assert await relay.terminate() == 0
        assert systemd.heard.count("STOPPING=1") == 1
        log = relay.log.read_text(encoding="utf-8").splitlines()
    assert "INFO     stopping after the requests in flight" in log[-2]
    assert log[-1].endswith("INFO     stopped action=stop")


async def test_systemd_is_told_of_a_reload(systemd: Systemd, tmp_path: Path) -> None:
    async with serving(tmp_path, CONFIG, {"NOTIFY_SOCKET": str(systemd.path)}) as relay:
        await until(lambda: "READY=1" in systemd.heard)
        systemd.heard.clear()
        assert relay.process is not None
        relay.process.send_signal(signal.SIGHUP)
        await until(lambda: "READY=1" in systemd.heard)
        assert systemd.heard[0] == "RELOADING=1"
        assert systemd.heard[1].startswith("MONOTONIC_USEC=")


class Stores:
    """An intake that can store everything."""

    refusal = None

    async def try_write(self) -> None:
        return


async def test_a_lane_that_hangs_is_not_called_alive(
    systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    heartbeat = Heartbeat(monotonic=lambda: now)
    heartbeat.beat(within=1)
    health_check = HealthCheck(Stores(), lambda: {"the lane of team": heartbeat})
    stop = asyncio.Event()
    notifier = Notifier({"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "20000"})
    keeping = asyncio.create_task(health_check.feed_watchdog(notifier, stop=stop))
    await until(lambda: "WATCHDOG=1" in systemd.heard)
    now = 2 + MARGIN
    late = "STATUS=the lane of team should have come round 31 s ago"
    await until(lambda: late in systemd.heard)
    systemd.heard.clear()
    await until(lambda: systemd.heard.count(late) >= 3)
    assert "WATCHDOG=1" not in systemd.heard
    now = 0.0
    await until(lambda: "WATCHDOG=1" in systemd.heard)
    stop.set()
    await keeping
    await health_check.close()
    assert "stuck" in caplog.messages


async def test_a_socket_to_listen_on_is_removed_at_the_end(tmp_path: Path) -> None:
    door = tmp_path / "relay.sock"
    config = CONFIG.replace("127.0.0.1:0", f"unix:{door}")
    async with serving(tmp_path, config) as relay:
        assert door.is_socket()
        # A web server in front has a user of its own, whatever our umask.
        assert stat.S_IMODE(door.stat().st_mode) == 0o666
        assert await relay.terminate() == 0
        assert not door.exists()
        await relay.start()
        await relay.kill()
        assert door.is_socket()
        await relay.start()
        assert await relay.terminate() == 0
        assert not door.exists()
