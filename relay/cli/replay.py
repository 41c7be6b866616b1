"""``replay``: send an event again, by the current routes and gates."""

from argparse import Namespace
from collections.abc import Mapping

from relay.app import run as app
from relay.cli.context import check_sink, configuration, outbox_to_change, wake
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.intake.replay import replay
from relay.model import Event
from relay.outbox import Outbox, StoredEvent
from relay.routing.match import sinks_for


async def run(args: Namespace) -> int:
    config = configuration(args.config)
    if args.sink is not None:
        check_sink(config, args.sink)
    async with outbox_to_change(config) as outbox:
        events = await outbox.stored_events(args.event_id)
        if not events:
            warn(f"no event has the id {args.event_id}: see relay deliveries")
            return 1
        sent = [await _replay(outbox, config, event, args) for event in events]
    if any(sent):
        echo(await wake(config, [*config.sinks]))
    return 0 if any(sent) else 1


async def _replay(outbox: Outbox, config: Config, stored: StoredEvent, args: Namespace) -> bool:
    """Replay one event and report where it goes; False if it goes nowhere."""

    def choose(event: Event) -> Mapping[str, str]:
        routed = sinks_for(event, config.compiled_routes())
        if args.sink is not None:
            return {args.sink: routed.get(args.sink, "")}
        if not routed:
            warn("no route matches: --sink NAME sends the event to a sink nevertheless")
        return routed

    replayed = await replay(
        outbox,
        stored,
        args.event_id,
        choose=choose,
        gates={name: sink.gate for name, sink in config.sinks.items()},
        server_bound=config.server_bound,
        now=app.unix_milliseconds(),
    )
    for name, reason in replayed.withheld.items():
        warn(f"{name}: withheld: {reason}")
    for name, route in replayed.sinks.items():
        by = f"by route {route}" if route else "though no route names it"
        echo(f"{name}: the {replayed.event.kind} is sent again, {by}")
    return bool(replayed.sinks)


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "replay",
        run,
        about="send an event again as a new message, by the current routes and gates",
        example="relay replay 6f4c9e3a-52bd-4c4e-9f6e-0d9a3c1f7b20 --sink team",
    )
    parser.add_argument(
        "event_id", metavar="EVENT_ID", help="Misskey's id of the event, as in the log"
    )
    parser.add_argument(
        "--sink", metavar="NAME", help="only to this sink, without regard to routes"
    )
