"""``preview``: show an event as each sink's message and payload. Nothing is sent."""

import sys
from argparse import Namespace
from collections.abc import Collection

from relay.app.plan import policy, renderer
from relay.cli.context import configuration, default_path, sink_of
from relay.cli.event import add_event, read_event
from relay.cli.output import colour_for, drawing, echo, echo_json
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.model import Event
from relay.routing.gate import denial_reason, redacted
from relay.routing.match import sinks_for
from relay.sinks import VENDORS
from relay.terminal import BARE
from relay.text.message import Message


def preview(args: Namespace) -> int:
    has_config = args.config is not None or default_path() is not None
    config = configuration(args.config) if has_config else embedded()
    sinks = config.sinks if args.sink is None else {args.sink: sink_of(config, args.sink)}
    event = read_event(args, config)
    colour = BARE if args.json else colour_for(sys.stdout)
    withheld = {
        name: why for name in sinks if (why := denial_reason(config.sinks[name].gate, event))
    }
    messages = _messages(config, event, sinks.keys() - withheld.keys())
    payloads = {name: sinks[name].layout([message]).payload for name, message in messages.items()}
    if args.json:
        echo_json(payloads)
    for name in () if args.json else sinks:
        if name in withheld:
            echo(f"{name}: {colour.doubtful('withheld')}: {withheld[name]}")
        else:
            echo(drawing(sinks[name], messages[name], name=name, colour=colour))
            echo_json(payloads[name])
    return 0


def embedded() -> Config:
    """The configuration of previews without one: a sink of each vendor, with an open gate."""
    open_gate = {"visibility": ["public", "home", "followers", "specified"]}
    common = {**open_gate, "local_only": True, "moderation": True, "signin_only": True}
    sinks = {
        vendor.type: {"type": vendor.type, **vendor.example, **common}
        for vendor in VENDORS
        if vendor.example is not None
    }
    return Config.model_validate({"sinks": sinks})


def _messages(config: Config, event: Event, names: Collection[str]) -> dict[str, Message]:
    """The event as each of these sinks shows it; routes and templates are compiled once."""
    routes = config.compiled_routes()
    renders, by = renderer(config, routes), sinks_for(event, routes)
    return {
        name: renders.rendered(redacted(sink.gate, event), by.get(name, ""), policy(config, sink))
        for name, sink in config.sinks.items()
        if name in names
    }


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "preview",
        preview,
        about="show an event as a message: how it looks, and the payload that would be sent",
        example="relay preview mention --sink team",
    )
    add_event(parser)
    parser.add_argument("--sink", metavar="NAME", help="only this one; default: all")
