"""
Notifies systemd: relay is ready, alive, or stopping.

A datagram goes to the socket that systemd names; the libraries for it are bindings to C, or no
longer maintained. https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Sends nothing where relay does not run under systemd."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of a name that is not in the file system.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog = _watchdog(environ)
        """The seconds within which systemd expects a sign of life; None if it expects none."""

    def ready(self, status: str) -> None:
        """Events can be stored."""
        self._send(READY=1, STATUS=status)

    def reloading(self) -> None:
        """A new configuration is being read; ``ready`` ends that."""
        self._send(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)

    def stopping(self, status: str) -> None:
        self._send(STOPPING=1, STATUS=status)

    def alive(self) -> None:
        """Reset systemd's watchdog."""
        self._send(WATCHDOG=1)

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(STATUS=text)

    def _send(self, **values: object) -> None:
        if not self._address:
            return
        lines = "\n".join(
            f"{key}={' '.join(str(value).splitlines())}" for key, value in values.items()
        )
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.connect(self._address)
            sending.sendall(lines.encode(errors="replace"))


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html"""
    period, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    is_ours = not process or process == str(os.getpid())
    return int(period) / 1_000_000 if is_ours and period.isdecimal() and int(period) else None
