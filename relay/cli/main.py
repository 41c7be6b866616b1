"""The command line: what can be asked of relay, and how it answers."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from relay.cli.parser import Parser, add_config
from relay.errors import RelayError
from relay.log.setup import log_to

COMMANDS: Mapping[str, Sequence[str]] = {
    "init": ("init",),
    "serve": ("serve", "check", "demo", "send-test"),
    "reload": ("reload",),
    "route": ("route", "preview"),
    "mfm": ("mfm",),
    "deliveries": ("deliveries",),
    "dead": ("dead",),
    "sinks": ("sinks",),
    "replay": ("replay",),
    "backup": ("backup",),
    "outbox": ("outbox",),
    "doctor": ("doctor",),
    "install_service": ("install-service",),
    "schema": (),
    "password": ("password",),
}
"""
The commands of each module, which adds them by ``add_<module>``.

Only the module of the command that is asked for is imported: a relay that serves for years carries
nothing of the others. Those without a name here tell of all others.
"""
DESCRIPTION = "Turns Misskey's webhooks into messages on Discord, Slack and Matrix."
EXIT_CODES = """exit codes:
  0  all is well
  1  a check failed: a mismatch, a sink that refuses, nothing found
  2  wrong usage, a mistake in the configuration, an outbox that cannot be used
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    for stream in (sys.stdout, sys.stderr):
        _keep_printing(stream)
    log_to(sys.stderr, level=logging.WARNING)
    asked = sys.argv[1:] if argv is None else argv
    command = _command(asked)
    if command == "serve":  # it reads its configuration anyway, and listens to the signal then
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    given = parser(command).parse_args(asked)
    try:
        ended = given.run(given)
        return int(asyncio.run(ended) if asyncio.iscoroutine(ended) else ended)
    except RelayError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        _print_no_more()
        return 1
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D where something is asked
        return 130


def _command(asked: Sequence[str]) -> str | None:
    """The command's name, which may stand behind the configuration."""
    rest = iter(asked)
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif not word.startswith("--config="):
            return word
    return None


def _keep_printing(stream: Any) -> None:
    """Notes can hold what a terminal cannot show, lone surrogates too: no reason to fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _print_no_more() -> None:
    """The reader of our output has gone. https://docs.python.org/3/library/signal.html#note-on-sigpipe"""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(command: str | None = None) -> Parser:
    """What knows one command, or all of them."""
    parser = Parser(prog="relay", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"relay {version('relay')}")
    add_config(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in [name for name, known in COMMANDS.items() if command in known] or COMMANDS:
        getattr(import_module(f"relay.cli.{module}"), f"add_{module}")(commands)
    # Here alone: an action without the option must not undo what was said before its name.
    parser.set_defaults(config=None, json=False)
    parser.set_defaults(whole=parser)  # for the one command that tells of all others
    return parser


if __name__ == "__main__":
    sys.exit(main())
