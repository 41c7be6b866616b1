"""``init``: asks, writes a configuration with its secrets, and waits for the first event."""

import argparse
import os
import secrets
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from relay.commands.answers import answers, chosen
from relay.commands.arrival import first_event
from relay.commands.parser import Commands, add
from relay.commands.setting import configuration, say
from relay.commands.uses import USES, Use, config
from relay.config import LISTEN
from relay.config.address import listen
from relay.errors import ConfigError
from relay.log.lines import log_to

STATE = Path("/var/lib/relay")


def init(given: Namespace) -> int | Coroutine[Any, Any, int]:
    file: Path = given.config or Path("config.yaml")
    _refuse_if_there(file)
    use = USES[given.use or chosen()]
    _refuse_if_there(*(file.parent / "secrets" / name for name in (use.name, use.sink)))
    found = answers(given, use)
    _write(file, use, found, listen=given.listen)
    _tell(file, use, found["address"])
    if not given.wait:
        return 0
    log_to(sys.stderr)
    return first_event(configuration(file), use)


def _refuse_if_there(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} is there already, and init overwrites nothing")


def _write(file: Path, use: Use, given: Mapping[str, str], *, listen: str) -> None:
    """The configuration for everybody, its secrets for the owner alone."""
    folder = file.parent / "secrets"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder / use.name, secrets.token_hex(24), mode=0o600)
        _make(folder / use.sink, given[use.secret], mode=0o600)
        # systemd's own user for relay has to read it: so it holds no secret.
        _make(file, config(use, given, listen=listen, outbox=_outbox(file)), mode=0o644)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from None


def _make(path: Path, text: str, *, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as made:
        os.fchmod(made.fileno(), mode)
        made.write(f"{text.rstrip()}\n")


def _outbox(file: Path) -> str:
    """A service keeps it where systemd gives it a place; who tries relay out, where they are."""
    if Path("/etc") not in file.absolute().parents:
        return "#outbox: sqlite:relay.db               # a file beside this one"
    STATE.mkdir(mode=0o700, exist_ok=True)
    return f"outbox: sqlite:{STATE}/relay.db"


def _tell(file: Path, use: Use, address: str) -> None:
    secret = file.parent / "secrets" / use.name
    shown = secret.read_text().strip() if sys.stdout.isatty() else f"what is in {secret}"
    say(
        f"\n{file} is written, and its secrets beside it in secrets/.\n\n"
        f"Now in Misskey, {use.menu}\n\n"
        f"  URL      {address.rstrip('/')}/hooks/{use.name}\n"
        f"  Secret   {shown}\n"
        f"  Events   {use.events}\n\n{use.remark}"
    )


def _listen(written: str) -> str:
    try:
        return listen(written)
    except ValueError as error:
        raise ArgumentTypeError(f"{written} {error}") from None


def add_init(commands: Commands) -> None:
    parser = add(
        commands,
        "init",
        init,
        about="set relay up: ask, write the configuration, and wait for the first event",
        example="relay init --use mentions",
        config=False,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the file to write; default: config.yaml",
    )
    parser.add_argument("--use", choices=list(USES), help="what for; default: asks")
    parser.add_argument("--server", metavar="URL", help="the Misskey server")
    parser.add_argument("--address", metavar="URL", help="where Misskey reaches relay")
    parser.add_argument(
        "--listen",
        type=_listen,
        default=LISTEN,
        help=f"default: {LISTEN}; in a container 0.0.0.0:8095",
    )
    parser.add_argument("--homeserver", metavar="URL", help="for reports: the Matrix homeserver")
    parser.add_argument("--room", help="for reports: the room's id or alias")
    for option, what in (("url", "webhook's address"), ("token", "Matrix token")):
        parser.add_argument(
            f"--{option}-file", metavar="FILE", help=f"a file with the {what}; -: standard input"
        )
    parser.add_argument(
        "--no-wait", dest="wait", action="store_false", help="end when all is written"
    )
