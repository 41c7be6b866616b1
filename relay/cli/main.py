"""The command line: the table of commands, and the exit code of a process."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from relay.cli.parser import Parser, add_config
from relay.errors import RelayError
from relay.log.setup import log_to

COMMANDS = (
    "init",
    "serve",
    "check",
    "demo",
    "send-test",
    "reload",
    "route",
    "preview",
    "mfm",
    "deliveries",
    "dead",
    "sinks",
    "replay",
    "catch-up",
    "backup",
    "outbox",
    "matrix",
    "doctor",
    "install-service",
    "schema",
    "completion",
    "password",
)
"""
The commands, in the order of the help. Each is a module of the same name with an ``add_command``.

Only the module of the requested command is imported: a relay that serves for years does not hold
the code of the others.
"""
NEEDS_ALL = "completion"
"""The one command that describes all others."""
DESCRIPTION = "Turns Misskey's webhooks into messages on Discord, Slack and Matrix."
EXIT_CODES = """exit codes:
  0  success
  1  a check failed: a mismatch, a sink that refuses, nothing found
  2  wrong usage, an error in the configuration, an outbox that cannot be used
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    for stream in (sys.stdout, sys.stderr):
        _escape_unprintable(stream)
    log_to(sys.stderr, level=logging.WARNING)
    arguments = sys.argv[1:] if argv is None else argv
    command = _command(arguments)
    if command == "serve":  # it reads its configuration anyway, and handles the signal from then on
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    args = parser(command).parse_args(arguments)
    try:
        code = args.run(args)
        return int(asyncio.run(code) if asyncio.iscoroutine(code) else code)
    except RelayError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        _discard_output()
        return 1
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D at a question
        return 130


def _command(arguments: Sequence[str]) -> str | None:
    """The name of the command, which ``--config`` may precede."""
    words = iter(arguments)
    for word in words:
        if word == "--config":
            next(words, None)
        elif not word.startswith("--config="):
            return word
    return None


def _escape_unprintable(stream: Any) -> None:
    """Escape what a terminal cannot show, lone surrogates in notes included, and do not fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Stop writing: https://docs.python.org/3/library/signal.html#note-on-sigpipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(command: str | None = None) -> Parser:
    """The parser of one command, or of all of them."""
    parser = Parser(prog="relay", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"relay {version('relay')}")
    add_config(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    is_known = command in COMMANDS and command != NEEDS_ALL
    for name in [str(command)] if is_known else COMMANDS:
        import_module(f"relay.cli.{name.replace('-', '_')}").add_command(commands)
    # Only here: an action without the option must not undo what precedes its name.
    parser.set_defaults(config=None, json=False, root=parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
