"""Why a file cannot be read, in words for the person who runs relay, with the fix."""

import os
import pwd
from pathlib import Path


def user() -> str:
    """The name of the user as whom relay runs here."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"number {number}"


def refusal(file: Path) -> str:
    """What stands in the way of a file that this user may not read, and how to change that."""
    file = file.absolute()
    for folder in reversed(file.parents):
        if not os.access(folder, os.X_OK, effective_ids=True):
            told = f"the folder {folder} lets the user {user()} not in, as which relay runs here"
            return f"{told}: chown {user()} {folder}, or chmod o+x {folder}"
    told = f"{file} may not be read by the user {user()}, as which relay runs here"
    return f"{told}: chown {user()} {file}, or let systemd hand it over (LoadCredential=)"
