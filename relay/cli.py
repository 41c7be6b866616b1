"""The command line: what can be asked of relay, and how it answers."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from relay.commands import dead, serving, sinks, trying
from relay.commands.mfm import mfm
from relay.errors import RelayError
from relay.logs import log_to
from relay.suggestion import did_you_mean

DESCRIPTION = "Turns Misskey's webhooks into messages on Discord, Slack and Matrix."
EXIT_CODES = """exit codes:
  0  all is well
  1  a check failed: a mismatch, a sink that refuses, nothing found
  2  wrong usage, a mistake in the configuration, an outbox that cannot be used
"""

Arguments = argparse.Namespace
Run: TypeAlias = Callable[[Arguments], "int | Coroutine[Any, Any, int]"]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    for stream in (sys.stdout, sys.stderr):
        _keep_printing(stream)
    log_to(sys.stderr, level=logging.WARNING)
    given = _parser().parse_args(argv)
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


class Parser(argparse.ArgumentParser):
    """Wrong usage is answered with what would be right."""

    def __init__(self, *, example: str = "", **named: Any) -> None:
        if example:
            named["epilog"] = f"example:\n  {example}"
        named |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**named)
        self._example = example or f"{self.prog} --help"

    def error(self, message: str) -> NoReturn:
        told = message.replace("the following arguments are required:", "missing:")
        self.exit(2, f"{self.prog}: {told}\nlike this: {self._example}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            told = did_you_mean(str(value), known) or f"; there is {', '.join(known)}"
            raise argparse.ArgumentError(action, f"there is no {value}{told}")


def _parser() -> Parser:
    parser = Parser(prog="relay", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"relay {version('relay')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serving(commands)
    _add_trying(commands)
    _add_dead(commands)
    _add_sinks(commands)
    return parser


def _add(
    commands: Commands, name: str, run: Run, *, about: str, example: str, config: bool = True
) -> Parser:
    parser = commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.", example=example
    )
    parser.set_defaults(run=run)
    if config:
        parser.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="default: ./config.yaml, then /etc/relay/config.yaml",
        )
    return parser


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_serving(commands: Commands) -> None:
    _add(
        commands,
        "serve",
        lambda given: serving.serve(given.config),
        about="take webhooks and deliver messages, until a signal ends it",
        example="relay serve --config /etc/relay/config.yaml",
    )
    check = _add(
        commands,
        "check",
        lambda given: serving.check(given.config, online=given.online),
        about="check configuration and templates, and tell all mistakes at once",
        example="relay check --online",
    )
    check.add_argument("--online", action="store_true", help="ask the vendors of the sinks too")
    _add(
        commands,
        "demo",
        lambda given: serving.demo(),
        about="show what relay does: sample events go the real way, to this terminal",
        example="relay demo",
        config=False,
    )


def _add_trying(commands: Commands) -> None:
    route = _add(
        commands,
        "route",
        trying.route,
        about="tell which sinks would get an event, and why the others would not",
        example="relay route event.json --expect team,ops",
    )
    _add_event(route)
    route.add_argument("--expect", metavar="SINKS", help="exit 1 unless exactly these get it")
    preview = _add(
        commands,
        "preview",
        trying.preview,
        about="show an event as a message: how it looks, and the payload that would be sent",
        example="relay preview mention --sink team",
    )
    _add_event(preview)
    preview.add_argument("--sink", metavar="NAME", help="only this one; default: all")
    send_test = _add(
        commands,
        "send-test",
        lambda given: serving.send_test(given.config, given.sink),
        about="send a test message through a sink, and tell how that ended",
        example="relay send-test --sink team",
    )
    send_test.add_argument("--sink", metavar="NAME", required=True)
    markup = _add(
        commands,
        "mfm",
        mfm,
        about="show what becomes of a text in Misskey's markup",
        example="relay mfm '$[tada **hello**] @bob :blobcat:'",
        config=False,
    )
    markup.add_argument("text", nargs="?", metavar="TEXT")
    markup.add_argument(
        "--json", action="store_true", help="read vectors from standard input, a JSON line each"
    )


def _add_event(parser: Parser) -> None:
    parser.add_argument(
        "event",
        metavar="EVENT",
        help="a file with the body of a webhook, - for standard input, or a kind like mention",
    )
    parser.add_argument("--hook", metavar="NAME", help="the hook it came by; default: the first")
    _add_json(parser)


def _add_dead(commands: Commands) -> None:
    about = "dead letters: messages that were given up, with the reason"
    parser = commands.add_parser(
        "dead", help=about, description=about, example="relay dead list --sink team"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _add(
        actions,
        "list",
        dead.listed,
        about="list dead letters, the newest first",
        example="relay dead list --sink team",
    )
    listing.add_argument("--sink", metavar="NAME", help="only those of one sink")
    listing.add_argument("--limit", type=_positive, default=100, metavar="N", help="default: 100")
    _add_json(listing)
    show = _add(
        actions,
        "show",
        dead.show,
        about="show a dead letter: its event, its message, and why it died",
        example="relay dead show 17",
    )
    show.add_argument("id", type=_positive, metavar="ID")
    _add_json(show)
    _add_choice(actions, "revive", dead.revive, "try dead letters again", "--sink team")
    _add_choice(actions, "drop", dead.drop, "delete dead letters for good", "17 18")


def _add_sinks(commands: Commands) -> None:
    about = "how each sink is doing: what waits, what died, why it is closed"
    parser = commands.add_parser("sinks", help=about, description=about, example="relay sinks list")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _add(
        actions, "list", sinks.listed, about="list the sinks", example="relay sinks list --json"
    )
    _add_json(listing)
    resume = _add(
        actions,
        "resume",
        sinks.resume,
        about="let a closed sink go on, once what it refused is mended",
        example="relay sinks resume team",
    )
    resume.add_argument("name", metavar="NAME")


def _add_choice(actions: Commands, name: str, run: Run, about: str, example: str) -> None:
    parser = _add(actions, name, run, about=about, example=f"relay dead {name} {example}")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", type=_positive, nargs="*", default=[], metavar="ID")
    which.add_argument("--sink", metavar="NAME", help="all of one sink")
    which.add_argument("--all", action="store_true", help="all there are")


def _positive(written: str) -> int:
    if not written.isdecimal() or not 0 < int(written) < 2**63:
        raise argparse.ArgumentTypeError(f"{written} should be a number from 1")
    return int(written)


if __name__ == "__main__":
    sys.exit(main())
