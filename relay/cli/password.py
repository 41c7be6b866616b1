"""``password``: print the hash of a password, for the configuration of the page."""

import getpass
import sys
from argparse import Namespace

from relay import password
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add


def print_hash(args: Namespace) -> int:
    first = _read("Password: ")
    if not first.strip():
        warn("the password is empty")
        return 1
    if sys.stdin.isatty() and _read("Again: ") != first:
        warn("the passwords do not match")
        return 1
    echo(password.hashed(first))
    return 0


def _read(prompt: str) -> str:
    """Read a password without echo from a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def add_command(commands: Commands) -> None:
    add(
        commands,
        "password",
        print_hash,
        about="ask for a password, and print its hash for the section web",
        example="relay password > secrets/page",
        config=False,
    )
