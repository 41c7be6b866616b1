"""Reads this machine: the permissions of files, and the disk of the outbox."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from relay.config import Config
from relay.doctor.facts import Disk, FileAccess
from relay.errors import OutboxError
from relay.outbox import file_of
from relay.outbox.sqlite.file import COMPANIONS
from relay.secret import Secret

MOUNTS = Path("/proc/self/mountinfo")
# In a container these are readable by everyone, and there are no other users:
# https://docs.docker.com/compose/how-tos/use-secrets/
CONTAINER_SECRETS = Path("/run/secrets")


def files(config: Config, path: Path) -> list[FileAccess]:
    """The files of an installation whose configuration is at ``path``."""
    outbox = file_of(config.outbox)
    paths = [_file(path, "a secret" if _has_secret(path, config) else None)]
    paths += [
        _file(secret, "a secret")
        for secret in config.secret_files
        if CONTAINER_SECRETS not in secret.absolute().parents
    ]
    if config.templates is not None:
        paths.append(_file(config.templates, None))
    databases = [outbox.with_name(outbox.name + end) for end in COMPANIONS] if outbox else []
    return paths + [_file(file, "private notes") for file in databases if os.path.exists(file)]


def _has_secret(path: Path, config: Config) -> bool:
    """Whether the file itself holds a secret, rather than a variable or another file."""
    text = path.read_text(encoding="utf-8-sig")
    return any(secret.reveal() in text for secret in _secrets(config))


def _secrets(config: Config) -> Iterator[Secret]:
    for hook in config.hooks.values():
        yield from hook.secret
        yield from () if hook.token is None else [hook.token]
    parts = (*config.sinks.values(), *([config.web] if config.web is not None else []))
    if isinstance(config.proxy, Secret) and "@" in config.proxy.reveal():
        yield config.proxy
    for part in parts:
        yield from (value for _, value in part if isinstance(value, Secret))


def _file(path: Path, holds: str | None) -> FileAccess:
    mode = path.stat().st_mode if _is_reachable(path) else 0
    return FileAccess(path, holds, bool(mode & stat.S_IROTH), bool(mode & stat.S_IWOTH))


def _is_reachable(path: Path) -> bool:
    """Whether every folder above the file lets other users through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def disk(config: Config) -> Disk | None:
    """
    The disk of the outbox, or of its future place; None if it is a database on a server.

    Raises OutboxError if its folder cannot be read.
    """
    if (file := file_of(config.outbox)) is None:
        return None
    path = file.absolute()
    try:
        return _disk(path)
    except OSError as error:
        raise OutboxError(f"{path}: cannot be read: {error.strerror}") from None


def _disk(path: Path) -> Disk:
    outbox, journal = _size(path), _size(path.with_name(f"{path.name}-wal"))
    folder = next(parent for parent in path.parents if os.path.exists(parent))
    volume = os.statvfs(folder)
    return Disk(
        path=path,
        kind=file_system(folder.resolve(), _mounts()),
        free=volume.f_bavail * volume.f_frsize,
        outbox=outbox,
        journal=journal or 0,
        has_folder=folder == path.parent,
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _mounts() -> str:
    """The table of mounts; empty where the system is not Linux."""
    return MOUNTS.read_text(encoding="utf-8", errors="replace") if MOUNTS.exists() else ""


def file_system(folder: Path, mounts: str) -> str:
    """
    The type of the file system of a folder; empty if unknown.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    kind, depth = "", -1
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        point = Path(_unescaped(place.split()[4]))
        # The last mount at a place hides the earlier ones.
        if len(point.parts) >= depth and (point == folder or point in folder.parents):
            kind, depth = source.split()[0], len(point.parts)
    return kind


def _unescaped(text: str) -> str:
    """Decode blanks and the like, which are written in octal: ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
