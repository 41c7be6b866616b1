"""The command line: what can be asked of relay, and how it answers."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from relay.commands.backup import add_backup
from relay.commands.dead import add_dead
from relay.commands.deliveries import add_deliveries
from relay.commands.describing import add_describing
from relay.commands.doctor import add_doctor
from relay.commands.init import add_init
from relay.commands.installing import add_installing
from relay.commands.mfm import add_mfm
from relay.commands.outbox import add_outbox
from relay.commands.parser import Parser
from relay.commands.password import add_password
from relay.commands.replay import add_replay
from relay.commands.sbom import add_sbom
from relay.commands.serving import add_serving
from relay.commands.sinks import add_sinks
from relay.commands.trying import add_trying
from relay.errors import RelayError
from relay.logs import log_to

FAMILIES = (
    add_init,
    add_serving,
    add_trying,
    add_mfm,
    add_deliveries,
    add_dead,
    add_sinks,
    add_replay,
    add_backup,
    add_outbox,
    add_doctor,
    add_installing,
    add_describing,
    add_password,
    add_sbom,
)
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
    given = parser().parse_args(argv)
    try:
        ended = given.run(given)
        return int(asyncio.run(ended) if asyncio.iscoroutine(ended) else ended)
    except RelayError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        _print_no_more()
        return 1
    except KeyboardInterrupt:
        return 130


def _keep_printing(stream: Any) -> None:
    """Notes can hold what a terminal cannot show, lone surrogates too: no reason to fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _print_no_more() -> None:
    """The reader of our output has gone. https://docs.python.org/3/library/signal.html#note-on-sigpipe"""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> Parser:
    parser = Parser(prog="relay", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"relay {version('relay')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in FAMILIES:
        add(commands)
    # Here alone: an action without the option must not undo what was said before its name.
    parser.set_defaults(config=None, json=False)
    parser.set_defaults(whole=parser)  # for the one command that tells of all others
    return parser


if __name__ == "__main__":
    sys.exit(main())
