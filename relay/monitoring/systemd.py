"""
What systemd is told of us: that we are ready, alive, or about to end.

A datagram to the socket that it names; the libraries for it are bindings to C, or no longer kept.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Says nothing where nobody listens, which is everywhere but under systemd."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of a name that is not in the file system.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog = _watchdog(environ)
        """The seconds within which systemd wants to hear from us; None: it does not."""

    def ready(self, status: str) -> None:
        """Events can be stored."""
        self._tell(READY=1, STATUS=status)

    def reloading(self) -> None:
        """A new configuration is being read; ``ready`` ends that."""
        self._tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)

    def stopping(self, status: str) -> None:
        self._tell(STOPPING=1, STATUS=status)

    def alive(self) -> None:
        """Do not restart us."""
        self._tell(WATCHDOG=1)

    def status(self, text: str) -> None:
        """The line that ``systemctl status`` shows."""
        self._tell(STATUS=text)

    def _tell(self, **said: object) -> None:
        if not self._address:
            return
        lines = "\n".join(
            f"{key}={' '.join(str(value).splitlines())}" for key, value in said.items()
        )
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.connect(self._address)
            sending.sendall(lines.encode(errors="replace"))


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html"""
    wanted, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    is_ours = not whose or whose == str(os.getpid())
    return int(wanted) / 1_000_000 if is_ours and wanted.isdecimal() and int(wanted) else None
