"""
The disk of an outbox: the room that is reserved on it.

Sending a message writes a few pages of the write-ahead log, before and after. A disk that others
fill up to the last byte would keep relay from starting and from sending. So a reserve file next to
the outbox is given up then, and no event is accepted that would use the last room.
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from relay.errors import OutboxError

SIZE = 512 * 2**10  # bytes
RELEASE_BYTES = 64 * 2**10  # bytes; SQLite's index takes 32 KiB, a commit four to 60
LEFT = 256 * 2**10  # bytes that must be free, besides its own, for an event to be accepted
AMPLE = 8 * SIZE  # free bytes with which the reserve is created again


class DiskReserve:
    """The reserve of the outbox at ``path``."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._file = path.with_name(f"{path.name}.reserve")

    def fill(self) -> None:
        """Create it if there is ample room, of random bytes: a file system may compress others."""
        try:
            if self.is_whole or self._free < AMPLE:
                return
            opened = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(secrets.token_bytes(SIZE))
        except OSError:
            self._file.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give up the next part of it; False if none is left."""
        with suppress(OSError):
            size = self._file.stat().st_size
            if size:
                os.truncate(self._file, max(0, size - RELEASE_BYTES))
                return True
        return False

    @property
    def is_whole(self) -> bool:
        try:
            return self._file.stat().st_size >= SIZE
        except OSError:
            return False

    def check(self, size: int = 0) -> None:
        """Raise OutboxError if an event of ``size`` bytes would use the last room."""
        if self._free < LEFT + size:
            raise OutboxError(f"the disk of {self._folder.absolute()} is full: make room on it")

    @property
    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        if not disk.f_blocks:  # a file system without a limit, or one that does not report it
            return sys.maxsize
        return disk.f_bavail * disk.f_frsize
