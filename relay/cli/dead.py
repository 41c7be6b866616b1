"""``dead``: what was given up, and what is to become of it."""

from argparse import Namespace
from collections.abc import Sequence

from relay.app import run as app
from relay.cli.context import configuration_without_secrets, existing_outbox, news, outbox_to_read
from relay.cli.deliveries import row, show_table, tell
from relay.cli.output import echo, echo_json, warn
from relay.cli.parser import Commands, Run, add, add_json, positive
from relay.outbox import Outbox
from relay.outcome import State


async def listed(args: Namespace) -> int:
    async with outbox_to_read(configuration_without_secrets(args.config)) as outbox:
        found = await outbox.dead(sink=args.sink, limit=args.limit)
    if args.json:
        echo_json([row(one) for one in found])
    elif found:
        show_table(found)
    else:
        echo("no dead letters" if args.sink is None else f"no dead letters of {args.sink}")
    return 0


async def show(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_read(config) as outbox:
        found = await outbox.delivery(args.id)
        attempts = await outbox.attempts(args.id)
    if found is None or found.state is not State.DEAD:
        warn(f"no dead letter has the id {args.id}: see relay dead list")
        return 1
    tell(config, found, attempts, as_json=args.json)
    return 0


async def revive(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with existing_outbox(config) as outbox:
        number = await outbox.revive(await _chosen(args, outbox), now=app.unix_milliseconds())
    echo(f"{number} revived" + (f"; {await news(config, [*config.sinks])}" if number else ""))
    return 0 if number else 1


async def drop(args: Namespace) -> int:
    async with existing_outbox(configuration_without_secrets(args.config)) as outbox:
        number = await outbox.drop(await _chosen(args, outbox))
    echo(f"{number} dropped")
    return 0 if number else 1


async def _chosen(args: Namespace, outbox: Outbox) -> Sequence[int]:
    if args.ids:
        return list(args.ids)
    return [one.id for one in await outbox.dead(sink=args.sink, limit=1_000_000)]


def add_command(commands: Commands) -> None:
    about = "dead letters: messages that were given up, with the reason"
    parser = commands.add_parser(
        "dead", help=about, description=about, example="relay dead list --sink team"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = add(
        actions,
        "list",
        listed,
        about="list dead letters, the newest first",
        example="relay dead list --sink team",
    )
    listing.add_argument("--sink", metavar="NAME", help="only those of one sink")
    listing.add_argument("--limit", type=positive, default=100, metavar="N", help="default: 100")
    add_json(listing)
    one = add(
        actions,
        "show",
        show,
        about="show a dead letter: its event, its message, and why it died",
        example="relay dead show 17",
    )
    one.add_argument("id", type=positive, metavar="ID")
    add_json(one)
    _add_choice(actions, "revive", revive, "try dead letters again", "--sink team")
    _add_choice(actions, "drop", drop, "delete dead letters for good", "17 18")


def _add_choice(actions: Commands, name: str, run: Run, about: str, example: str) -> None:
    parser = add(actions, name, run, about=about, example=f"relay dead {name} {example}")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", type=positive, nargs="*", default=[], metavar="ID")
    which.add_argument("--sink", metavar="NAME", help="all of one sink")
    which.add_argument("--all", action="store_true", help="all there are")
