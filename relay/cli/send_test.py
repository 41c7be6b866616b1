"""``send-test``: send a test message through one sink."""

import os
import sys
from argparse import Namespace

from relay.app import run as app
from relay.app.plan import policy
from relay.cli.context import configuration, sink_of
from relay.cli.output import colour_for, echo
from relay.cli.parser import Commands, add
from relay.outcome import Sent
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies


async def send_test(args: Namespace) -> int:
    config = configuration(args.config)
    sink = sink_of(config, args.sink)
    async with open_session(proxies(config.proxy, os.environ)) as session:
        language, now = policy(config, sink).language, app.unix_milliseconds()
        outcome = await app.send_trial(sink.open(session), language=language, now=now)
    colour, reason = colour_for(sys.stdout), getattr(outcome, "reason", None)
    is_sent, word = isinstance(outcome, Sent), type(outcome).__name__
    painted = colour.good(word) if is_sent else colour.bad(word)
    echo(f"{args.sink}: {painted}" + (f": {reason}" if reason else ""))
    return 0 if is_sent else 1


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "send-test",
        send_test,
        about="send a test message through a sink, and report the outcome",
        example="relay send-test --sink team",
    )
    parser.add_argument("--sink", metavar="NAME", required=True)
