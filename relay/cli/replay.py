"""``replay``: an event goes out once more, by the routes and gates as they are now."""

from argparse import Namespace
from collections.abc import Mapping

from relay import misskey
from relay.app import run as app
from relay.cli.context import check_sink, configuration, existing_outbox, news
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.intake.acceptance import again, withdrawn_since
from relay.model import Event
from relay.outbox import NewEvent, Outbox, StoredEvent
from relay.routing.gate import denial_reason
from relay.routing.match import sinks_for


async def replay(args: Namespace) -> int:
    config = configuration(args.config)
    if args.sink is not None:
        check_sink(config, args.sink)
    async with existing_outbox(config) as outbox:
        found = await outbox.stored_events(args.event_id)
        if not found:
            warn(f"no event has the id {args.event_id}: see relay deliveries")
            return 1
        sent = [await _again(outbox, config, one, args.sink, args.event_id) for one in found]
    if any(sent):
        echo(await news(config, [*config.sinks]))
    return 0 if any(sent) else 1


async def _again(
    outbox: Outbox, config: Config, received: StoredEvent, only: str | None, event_id: str
) -> bool:
    """
    Accept the same bytes as another event: so it has a place of its own in each line.

    It has no siblings: whoever replays an event wants to see it.
    """
    now = app.unix_milliseconds()
    event = misskey.parse(received.raw, hook=received.hook, server=received.server, now=now)
    chosen = await _allowed(config, outbox, event, only)
    anew = again(event, event_id, now=now)
    arrival = NewEvent(event=anew, raw=received.raw, sinks=chosen, now=now)
    if not chosen or await outbox.accept(arrival) is None:
        return False
    for sink, route in chosen.items():
        by = f"by route {route}" if route else "though no route names it"
        echo(f"{sink}: the {event.kind} goes out again, {by}")
    return True


async def _allowed(
    config: Config, outbox: Outbox, event: Event, only: str | None
) -> Mapping[str, str]:
    """The sinks that shall show an event, with the route of each; who may not is told."""
    wanted = sinks_for(event, config.compiled_routes())
    if only is not None:
        wanted = {only: wanted.get(only, "")}
    if not wanted:
        warn("no route matches: name a sink with --sink to send it there anyway")
    gates = {name: config.sinks[name].gate for name in wanted}
    since = await withdrawn_since(event, gates, outbox=outbox, bound=config.bound)
    withheld = dict.fromkeys(since, "its author has changed who may see the note")
    withheld |= {name: why for name, gate in gates.items() if (why := denial_reason(gate, event))}
    for name, why in withheld.items():
        warn(f"{name}: withheld: {why}")
    return {name: route for name, route in wanted.items() if name not in withheld}


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "replay",
        replay,
        about="send an event again, as a new message, by the routes and gates as they are now",
        example="relay replay 6f4c9e3a-52bd-4c4e-9f6e-0d9a3c1f7b20 --sink team",
    )
    parser.add_argument("event_id", metavar="EVENT_ID", help="Misskey's id, as the log has it")
    parser.add_argument("--sink", metavar="NAME", help="only there, whatever the routes say")
