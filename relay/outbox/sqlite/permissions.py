"""Whether this process may use the files of an outbox, and advice where it may not."""

import os
import pwd
import shlex
from pathlib import Path

ELSEWHERE = "set another path with outbox: in the configuration"


def allowed(path: Path, mode: int) -> bool:
    """Whether this process may access a file in ``mode``, as its effective user."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def remedy(path: Path) -> str:
    """Why a file cannot be used where it is, and how to fix that; empty if no cause is visible."""
    folder, user = path.absolute().parent, _name(os.geteuid())
    try:
        if not os.path.lexists(folder):
            return f"there is no folder {folder}: mkdir -p -m 700 {_quoted(folder)}, or {ELSEWHERE}"
        if not folder.is_dir():
            return f"{folder} is not a folder: {ELSEWHERE}"
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"the disk of {folder} is read-only: mount it writable, or {ELSEWHERE}"
        if not allowed(folder, os.W_OK | os.X_OK):
            return _closed(folder, user)
        if path.exists() and not allowed(path, os.R_OK | os.W_OK):
            return _closed(path, user)
    except PermissionError:
        return _closed(_closed_folder(folder), user)
    return ""


def _closed(path: Path, user: str) -> str:
    action = "work in the folder" if path.is_dir() else "read and write the file"
    status = path.stat()
    return (
        f"the user {user} may not {action} {path}, which is {_name(status.st_uid)}'s "
        f"(mode {status.st_mode & 0o7777:o}): run relay as {_name(status.st_uid)}, or, as root: "
        f"chown {user} {_quoted(path)}; chmod u+rw{'x' if path.is_dir() else ''} {_quoted(path)}"
    )


def _closed_folder(folder: Path) -> Path:
    """The first folder on the path that this process may not enter."""
    steps = [*reversed(folder.parents), folder]
    return next((step for step in steps if not allowed(step, os.X_OK)), folder)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"{user}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
