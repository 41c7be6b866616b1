"""systemd is told by datagrams, to a socket in the file system or an abstract one."""

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.monitoring.systemd import Notifier


@pytest.fixture(params=["a file", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "a file" else f"\0{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        listening.settimeout(5)
        yield listening


def heard(systemd: socket.socket) -> list[str]:
    return systemd.recv(4096).decode().splitlines()


def notify_to(systemd: socket.socket) -> Notifier:
    name = systemd.getsockname()
    return Notifier({"NOTIFY_SOCKET": name if isinstance(name, str) else f"@{name[1:].decode()}"})


def test_each_thing_is_told_in_systemds_words(systemd: socket.socket) -> None:
    notify = notify_to(systemd)
    notify.ready("listens on 127.0.0.1:8095")
    assert heard(systemd) == ["READY=1", "STATUS=listens on 127.0.0.1:8095"]
    notify.alive()
    assert heard(systemd) == ["WATCHDOG=1"]
    notify.status("all is well")
    assert heard(systemd) == ["STATUS=all is well"]
    notify.stopping("ends")
    assert heard(systemd) == ["STOPPING=1", "STATUS=ends"]
    notify.reloading()
    first, second = heard(systemd)
    assert (first, second.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
    assert second.partition("=")[2].isdecimal()


@pytest.mark.parametrize("status", ["", "line\nREADY=1", "\udc80"])
def test_no_status_can_say_something_else(systemd: socket.socket, status: str) -> None:
    notify_to(systemd).status(status)
    assert len(heard(systemd)) == 1


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at"}])
def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.ready("listens")
    assert notifier.watchdog is None


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        pytest.param({}, None, id="no watchdog"),
        pytest.param({"WATCHDOG_USEC": "30000000"}, 30.0, id="for whoever reads it"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5, id="ours"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None, id="another's"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="none"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="nonsense"),
    ],
)
def test_the_watchdog_is_ours_or_not(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environ).watchdog == seconds
