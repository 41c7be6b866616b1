"""The argument EVENT, which ``route`` and ``preview`` share: a file, standard input, or a kind."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from relay import misskey
from relay.cli.output import warn
from relay.cli.parser import Parser, add_json, complete_files
from relay.config import Config
from relay.errors import ConfigError, FormatError
from relay.misskey import samples
from relay.model import Event
from relay.suggestion import closest


def add_event(parser: Parser) -> None:
    event = parser.add_argument(
        "event",
        metavar="EVENT",
        help="a file with the body of a webhook, - for standard input, or a kind like mention",
    )
    complete_files(event)
    parser.add_argument(
        "--hook", metavar="NAME", help="the hook that received it; default: the first"
    )
    add_json(parser)


def read_event(args: Namespace, config: Config) -> Event:
    """The event that the arguments name. A sample comes from the hook's own server."""
    if args.hook is not None and args.hook not in config.hooks:
        raise ConfigError(f"no hook is called {args.hook}{closest(args.hook, config.hooks)}")
    hook = args.hook or next(iter(config.hooks), "sample")
    server = config.hooks[hook].server if hook in config.hooks else ""
    if args.event in samples.kinds():
        sample = samples.event(args.event, hook=hook)
        return replace(sample, server=server or sample.server)
    event = misskey.parse(_body(args.event), hook=hook, server=server)
    if server and event.server != server:
        warn(f"the hook {hook} would refuse it: it takes events of {server}, not {event.server}")
    return event


def _body(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        kinds = closest(name, samples.kinds())
        raise FormatError(f"{name}: {reason}, and it is not a kind of event{kinds}") from None
