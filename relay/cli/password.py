"""``password``: the form in which the page's password can be kept without being known."""

import getpass
import sys
from argparse import Namespace

from relay import password
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add


def hash_one(args: Namespace) -> int:
    first = _asked("Password: ")
    if not first.strip():
        warn("an empty password would let anybody in")
        return 1
    if sys.stdin.isatty() and _asked("Again: ") != first:
        warn("these were two different ones")
        return 1
    echo(password.hashed(first))
    return 0


def _asked(prompt: str) -> str:
    """Typed unseen on a terminal; else the first line of what comes."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def add_command(commands: Commands) -> None:
    add(
        commands,
        "password",
        hash_one,
        about="ask for a password, and print the hash of it that the section web takes",
        example="relay password > secrets/page",
        config=False,
    )
