"""systemd's credentials: files of secrets that root reads, and hands to the one service."""

import os
from collections.abc import Mapping
from pathlib import Path


def credential(file: Path, *, base: Path) -> str:
    """
    The name of a secret's file among the credentials: its path from ``base``, with _ for /.

    So systemd itself names the files of a folder: ``LoadCredential=secrets:/etc/relay/secrets``
    hands all of them over, secrets/alice as ``secrets_alice``.
    https://www.freedesktop.org/software/systemd/man/systemd.exec.html#LoadCredential=ID:PATH
    """
    inside = os.path.relpath(file, base)
    return (str(file) if inside.startswith("..") else inside).strip("/").replace("/", "_")


def place(written: str, *, base: Path, environ: Mapping[str, str]) -> Path:
    """Where to read a secret's file: where systemd put it, or where its name says."""
    file = base / written
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        return file
    handed = Path(folder) / credential(file, base=base)
    return handed if os.path.isfile(handed) else file
