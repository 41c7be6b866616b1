"""
Room on the disk that is kept for what already waits.

To send a message takes a few pages of the journal, before and after. A disk that others fill up to
the last byte would keep relay from starting and from sending. So there is a file beside the outbox
that is given up then; and no event is taken that would use what is left.
"""

import os
import pwd
import secrets
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from relay.errors import OutboxError

SIZE = 512 * 2**10  # bytes
STEP = 64 * 2**10  # bytes; SQLite's index takes 32 KiB, a commit four to 60
LEFT = 256 * 2**10  # bytes that must be free for an event to be taken, beside its own
AMPLE = 8 * SIZE  # free bytes with which the reserve is made anew


class DiskReserve:
    """The reserve of the outbox at ``path``."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._file = path.with_name(f"{path.name}.reserve")

    def fill(self) -> None:
        """Make it, where there is ample room. The bytes are random: a disk may compress others."""
        try:
            if self.is_whole or self._free < AMPLE:
                return
            opened = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(secrets.token_bytes(SIZE))
        except OSError:
            self._file.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give up a part of it, the next one each time; False if there is none."""
        with suppress(OSError):
            size = self._file.stat().st_size
            if size:
                os.truncate(self._file, max(0, size - STEP))
                return True
        return False

    @property
    def is_whole(self) -> bool:
        try:
            return self._file.stat().st_size >= SIZE
        except OSError:
            return False

    def check(self, size: int = 0) -> None:
        """Raises OutboxError where an event of so many bytes would take the last room."""
        if self._free < LEFT + size:
            raise OutboxError(f"the disk of {self._folder.absolute()} is full: make room on it")

    @property
    def _free(self) -> int:
        found = os.statvfs(self._folder)
        if not found.f_blocks:  # a file system without a bound, or one that does not tell
            return sys.maxsize
        return found.f_bavail * found.f_frsize


ELSEWHERE = "name another place with outbox: in the configuration"


def allowed(path: Path, mode: int) -> bool:
    """Whether this process may do that with a file, as the user that it is now."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def remedy(path: Path) -> str:
    """What is wrong with the place of a file, and what to do; empty if nothing is to be seen."""
    folder, user = path.absolute().parent, _name(os.geteuid())
    try:
        if not os.path.lexists(folder):
            return f"there is no folder {folder}: mkdir -p -m 700 {_quoted(folder)}, or {ELSEWHERE}"
        if not folder.is_dir():
            return f"{folder} is no folder: {ELSEWHERE}"
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"the disk of {folder} is read-only: mount it to be written, or {ELSEWHERE}"
        if not allowed(folder, os.W_OK | os.X_OK):
            return _closed(folder, user)
        if path.exists() and not allowed(path, os.R_OK | os.W_OK):
            return _closed(path, user)
    except PermissionError:
        return _closed(_closed_folder(folder), user)
    return ""


def _closed(path: Path, user: str) -> str:
    what = "work in the folder" if path.is_dir() else "read and write the file"
    own = path.stat()
    return (
        f"the user {user} may not {what} {path}, which is {_name(own.st_uid)}'s "
        f"(mode {own.st_mode & 0o7777:o}): run relay as {_name(own.st_uid)}, or, as root: "
        f"chown {user} {_quoted(path)}; chmod u+rw{'x' if path.is_dir() else ''} {_quoted(path)}"
    )


def _closed_folder(folder: Path) -> Path:
    """The first folder on the way that lets nobody through."""
    steps = [*reversed(folder.parents), folder]
    return next((step for step in steps if not allowed(step, os.X_OK)), folder)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"{user}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
