"""The command line: what can be asked of relay, and how it answers."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from relay.commands import dead, serving, trying
from relay.errors import RelayError

DESCRIPTION = "Turns Misskey's webhooks into messages on Discord, Slack and Matrix."
EXIT_CODES = """exit codes:
  0  all is well
  1  a check failed: a mismatch, a sink that refuses, nothing found
  2  wrong usage, a mistake in the configuration, an outbox that cannot be used
"""

Arguments = argparse.Namespace
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    arguments = _parser().parse_args(argv)
    run: Callable[[Arguments], int] = arguments.run
    try:
        return run(arguments)
    except RelayError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing more to say
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="relay",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"relay {version('relay')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serving(commands)
    _add_trying(commands)
    _add_dead(commands)
    return parser


def _add(
    commands: Commands,
    name: str,
    run: Callable[[Arguments], int],
    *,
    about: str,
    example: str,
    config: bool = True,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


def _add_serving(commands: Commands) -> None:
    _add(
        commands,
        "serve",
        lambda given: asyncio.run(serving.serve(given.config)),
        about="take webhooks and deliver messages, until a signal ends it",
        example="relay serve --config /etc/relay/config.yaml",
    )
    _add(
        commands,
        "demo",
        lambda given: asyncio.run(serving.demo()),
        about="show what relay does: sample events go the real way, to this terminal",
        example="relay demo",
        config=False,
    )
    check = _add(
        commands,
        "check",
        lambda given: asyncio.run(serving.check(given.config, online=given.online)),
        about="check configuration and templates, and tell all mistakes at once",
        example="relay check --online",
    )
    check.add_argument("--online", action="store_true", help="ask the vendors of the sinks too")


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
        lambda given: asyncio.run(serving.send_test(given.config, given.sink)),
        about="send a test message through a sink, and tell how that ended",
        example="relay send-test --sink team",
    )
    send_test.add_argument("--sink", metavar="NAME", required=True)


def _add_event(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "event",
        metavar="EVENT",
        help="a file with the body of a webhook, - for standard input, or a kind like mention",
    )
    parser.add_argument("--hook", metavar="NAME", help="the hook it came by; default: the first")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_dead(commands: Commands) -> None:
    about = "dead letters: messages that were given up, with the reason"
    parser = commands.add_parser("dead", help=about, description=about)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = _add(
        actions,
        "list",
        lambda given: asyncio.run(dead.listed(given)),
        about="list dead letters, the newest first",
        example="relay dead list --sink team",
    )
    listing.add_argument("--sink", metavar="NAME", help="only those of one sink")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = _add(
        actions,
        "show",
        lambda given: asyncio.run(dead.show(given)),
        about="show a dead letter: its event, its message, and why it died",
        example="relay dead show 17",
    )
    show.add_argument("id", type=int, metavar="ID")
    show.add_argument("--json", action="store_true", help="print JSON")
    for name, run, about, example in (
        ("revive", dead.revive, "try dead letters again", "relay dead revive --sink team"),
        ("drop", dead.drop, "delete dead letters for good", "relay dead drop 17 18"),
    ):
        action = _add(actions, name, _later(run), about=about, example=example)
        action.add_argument("ids", type=int, nargs="*", metavar="ID")
        action.add_argument("--sink", metavar="NAME", help="all of one sink")
        action.add_argument("--all", action="store_true", help="all there are")


def _later(run: Callable[[Arguments], object]) -> Callable[[Arguments], int]:
    return lambda given: asyncio.run(run(given))  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
