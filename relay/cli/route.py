"""``route``, ``preview``: what would become of an event. Nothing is sent."""

import sys
from argparse import Namespace
from collections.abc import Mapping

from relay.app.plan import policy, renderer
from relay.cli.context import (
    check_sink,
    colour_for,
    configuration,
    first_place,
    read_event,
    say,
    say_json,
    sink_of,
    warn,
)
from relay.cli.drawing import drawing
from relay.cli.parser import Commands, Parser, add, add_json, complete_files
from relay.config import Config
from relay.model import Event
from relay.routing.gate import denial_reason, redacted
from relay.routing.match import sinks_for
from relay.sinks import SinkSettings
from relay.terminal import BARE
from relay.text.message import Message


def route(given: Namespace) -> int:
    config = configuration(given.config)
    expected = _expected(config, given.expect)
    event = read_event(given, config)
    wanted = sinks_for(event, config.compiled_routes())
    withheld = {
        name: why for name in wanted if (why := denial_reason(config.sinks[name].gate, event))
    }
    passed = {name: by for name, by in wanted.items() if name not in withheld}
    if given.json:
        say_json({"event": event.kind, "sinks": passed, "withheld": withheld})
    else:
        say(colour_for(sys.stdout).dim(f"a {event.kind}, as if it came by hook {event.hook}:"))
        _show_ways(config, passed, withheld)
    if expected is None or expected == passed.keys():
        return 0
    warn(f"expected {given.expect or 'none'}, got {','.join(passed) or 'none'}")
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
        told = colour.dim("no route matches")
        if name in passed:
            told = colour.good(f"by route {passed[name]}")
        elif name in withheld:
            told = colour.doubtful(f"withheld: {withheld[name]}")
        say(f"{name:<{widest}}  {told}")
    if not config.sinks:
        say("there are no sinks")


def preview(given: Namespace) -> int:
    has_config = given.config is not None or first_place() is not None
    config = configuration(given.config) if has_config else embedded()
    sinks = config.sinks if given.sink is None else {given.sink: sink_of(config, given.sink)}
    event = read_event(given, config)
    colour = BARE if given.json else colour_for(sys.stdout)
    withheld = {
        name: why for name in sinks if (why := denial_reason(config.sinks[name].gate, event))
    }
    made = {
        name: _message(config, name, sink, event)
        for name, sink in sinks.items()
        if name not in withheld
    }
    payloads = {name: sinks[name].payload([message]) for name, message in made.items()}
    if given.json:
        say_json(payloads)
    for name in () if given.json else sinks:
        if name in withheld:
            say(f"{name}: {colour.doubtful('withheld')}: {withheld[name]}")
        else:
            say(drawing(sinks[name], made[name], name=name, colour=colour))
            say_json(payloads[name])
    return 0


def embedded() -> Config:
    """What previews show without a configuration: one sink of each vendor, all gates open."""
    open_gate = {"visibility": ["public", "home", "followers", "specified"]}
    common = {**open_gate, "local_only": True, "moderation": True, "signin_only": True}
    return Config.model_validate(
        {
            "sinks": {
                "discord": {
                    "type": "discord",
                    "url": "https://discord.invalid/webhooks/1/none",
                    **common,
                },
                "slack": {"type": "slack", "url": "https://slack.invalid/none", **common},
                "matrix": {
                    "type": "matrix",
                    "homeserver": "https://matrix.invalid",
                    "room": "!room:matrix.invalid",
                    "token": "none",
                    **common,
                },
            }
        }
    )


def _message(config: Config, name: str, sink: SinkSettings, event: Event) -> Message:
    by = sinks_for(event, config.compiled_routes()).get(name, "")
    return renderer(config).rendered(redacted(sink.gate, event), by, policy(config, sink))


def add_route(commands: Commands) -> None:
    routing = add(
        commands,
        "route",
        route,
        about="tell which sinks would get an event, and why the others would not",
        example="relay route event.json --expect team,ops",
    )
    _add_event(routing)
    routing.add_argument("--expect", metavar="SINKS", help="exit 1 unless exactly these get it")
    looking = add(
        commands,
        "preview",
        preview,
        about="show an event as a message: how it looks, and the payload that would be sent",
        example="relay preview mention --sink team",
    )
    _add_event(looking)
    looking.add_argument("--sink", metavar="NAME", help="only this one; default: all")


def _add_event(parser: Parser) -> None:
    event = parser.add_argument(
        "event",
        metavar="EVENT",
        help="a file with the body of a webhook, - for standard input, or a kind like mention",
    )
    complete_files(event)
    parser.add_argument("--hook", metavar="NAME", help="the hook it came by; default: the first")
    add_json(parser)
