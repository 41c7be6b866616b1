"""Values from outside the file: ``${NAME}`` and files of secrets."""

import os
import pwd
import re
from collections.abc import Callable, Mapping
from pathlib import Path

MAX_SECRET = 64 * 1024  # characters of such a file

_REFERENCE = re.compile(r"\$\$(?=\{)|\$\{(?P<inside>[^}\n]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<or>:-(?P<default>.*))?", re.ASCII)
_BARE = re.compile(r"\$[A-Z_][A-Z0-9_]*", re.ASCII)


class UnreadError(ValueError):
    """A value cannot be read; the text says why, and never quotes a value."""


def has_reference(text: str) -> bool:
    return "${" in text


def filled(text: str, environ: Mapping[str, str]) -> str:
    """
    Replace variables: ``${NAME}``, or ``${NAME:-default}``; ``$${`` is a literal ``${``.

    Raises UnreadError.
    """
    if _BARE.fullmatch(text):
        raise UnreadError(f"a variable is written ${{{text[1:]}}}, with braces")
    return _REFERENCE.sub(_put(environ), text)


def _put(environ: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def put(reference: re.Match[str]) -> str:
        if reference["inside"] is None:
            return "$"
        inside = _INSIDE.fullmatch(reference["inside"])
        if inside is None or not reference["end"]:
            raise UnreadError("${ begins a variable, like ${NAME}; write $${ for a literal ${")
        value = environ.get(inside["name"]) or inside["default"]
        if value is None:
            state = "empty" if inside["name"] in environ else "not set"
            raise UnreadError(f"the environment variable {inside['name']} is {state}")
        return value

    return put


def content(file: Path) -> str:
    """
    The text of a secret's file, without the newline at its end.

    Raises UnreadError. Its text names a file only if it exists: where somebody wrote the secret
    in place of the file's name, there is no such file.
    """
    try:
        with file.open(encoding="utf-8-sig") as opened:
            text = opened.read(MAX_SECRET).strip()
    except UnicodeDecodeError:
        raise UnreadError("the file is not UTF-8 text") from None
    except PermissionError:
        raise UnreadError(refusal(file)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is not a file name"
        raise UnreadError(f"the file cannot be read: {reason}") from None
    if not text:
        raise UnreadError("the file is empty")
    return text


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
    """The path of a secret's file: among systemd's credentials, or as it is named."""
    file = base / written
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        return file
    handed = Path(folder) / credential(file, base=base)
    return handed if os.path.isfile(handed) else file


def user() -> str:
    """The name of the user that relay runs as."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"number {number}"


def refusal(file: Path) -> str:
    """Why this user cannot read a file, and how to change that."""
    file = file.absolute()
    for folder in reversed(file.parents):
        if not os.access(folder, os.X_OK, effective_ids=True):
            reason = f"the folder {folder} is closed to the user {user()} that relay runs as"
            return f"{reason}: chown {user()} {folder}, or chmod o+x {folder}"
    reason = f"{file} cannot be read by the user {user()} that relay runs as"
    return f"{reason}: chown {user()} {file}, or let systemd hand it over (LoadCredential=)"
