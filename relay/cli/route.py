"""``route``: show which sinks would get an event. Nothing is sent."""

import sys
from argparse import Namespace
from collections.abc import Mapping

from relay.cli.context import check_sink, configuration
from relay.cli.event import add_event, read_event
from relay.cli.output import colour_for, echo, echo_json, warn
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.routing.gate import denial_reason
from relay.routing.match import sinks_for


def route(args: Namespace) -> int:
    config = configuration(args.config)
    expected = _expected(config, args.expect)
    event = read_event(args, config)
    matched = sinks_for(event, config.compiled_routes())
    withheld = {
        name: why for name in matched if (why := denial_reason(config.sinks[name].gate, event))
    }
    passed = {name: by for name, by in matched.items() if name not in withheld}
    if args.json:
        echo_json({"event": event.kind, "sinks": passed, "withheld": withheld})
    else:
        echo(colour_for(sys.stdout).dim(f"a {event.kind}, as if received by hook {event.hook}:"))
        _show_ways(config, passed, withheld)
    if expected is None or expected == passed.keys():
        return 0
    warn(f"expected {args.expect or 'none'}, got {','.join(passed) or 'none'}")
    return 1


def _expected(config: Config, written: str | None) -> set[str] | None:
    if written is None:
        return None
    names = {name.strip() for name in written.split(",") if name.strip()}
    for name in sorted(names):
        check_sink(config, name)
    return names


def _show_ways(config: Config, passed: Mapping[str, str], withheld: Mapping[str, str]) -> None:
    colour, widest = colour_for(sys.stdout), max(map(len, config.sinks), default=0)
    for name in config.sinks:
        verdict = colour.dim("no route matches")
        if name in passed:
            verdict = colour.good(f"by route {passed[name]}")
        elif name in withheld:
            verdict = colour.doubtful(f"withheld: {withheld[name]}")
        echo(f"{name:<{widest}}  {verdict}")
    if not config.sinks:
        echo("there are no sinks")


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "route",
        route,
        about="show which sinks would get an event, and why the others would not",
        example="relay route event.json --expect team,ops",
    )
    add_event(parser)
    parser.add_argument("--expect", metavar="SINKS", help="exit 1 unless exactly these get it")
