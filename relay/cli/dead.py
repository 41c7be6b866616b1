"""``dead``: list, show, revive and drop dead letters."""

from argparse import Namespace
from collections.abc import Sequence

from relay.app import run as app
from relay.cli.context import configuration_without_secrets, outbox_to_change, outbox_to_read, wake
from relay.cli.deliveries import print_delivery, print_table, row
from relay.cli.output import echo, echo_json, warn
from relay.cli.parser import Commands, Run, add, add_json, positive
from relay.outbox import Outbox
from relay.outcome import State


async def list_dead(args: Namespace) -> int:
    async with outbox_to_read(configuration_without_secrets(args.config)) as outbox:
        letters = await outbox.dead(sink=args.sink, limit=args.limit)
    if args.json:
        echo_json([row(letter) for letter in letters])
    elif letters:
        print_table(letters)
    else:
        echo("no dead letters" if args.sink is None else f"no dead letters of {args.sink}")
    return 0


async def show(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_read(config) as outbox:
        letter = await outbox.delivery(args.id)
        attempts = await outbox.attempts(args.id)
    if letter is None or letter.state is not State.DEAD:
        warn(f"no dead letter has the id {args.id}: see relay dead list")
        return 1
    print_delivery(config, letter, attempts, as_json=args.json)
    return 0


async def revive(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_change(config) as outbox:
        number = await outbox.revive(await _ids(args, outbox), now=app.unix_milliseconds())
    echo(f"{number} revived" + (f"; {await wake(config, [*config.sinks])}" if number else ""))
    return 0 if number else 1


async def drop(args: Namespace) -> int:
    async with outbox_to_change(configuration_without_secrets(args.config)) as outbox:
        number = await outbox.drop(await _ids(args, outbox))
    echo(f"{number} dropped")
    return 0 if number else 1


async def _ids(args: Namespace, outbox: Outbox) -> Sequence[int]:
    if args.ids:
        return list(args.ids)
    return [letter.id for letter in await outbox.dead(sink=args.sink, limit=1_000_000)]


def add_command(commands: Commands) -> None:
    about = "manage dead letters: messages that could not be delivered"
    parser = commands.add_parser(
        "dead", help=about, description=about, example="relay dead list --sink team"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = add(
        actions,
        "list",
        list_dead,
        about="list dead letters, the newest first",
        example="relay dead list --sink team",
    )
    listing.add_argument("--sink", metavar="NAME", help="only those of one sink")
    listing.add_argument("--limit", type=positive, default=100, metavar="N", help="default: 100")
    add_json(listing)
    showing = add(
        actions,
        "show",
        show,
        about="show a dead letter: its event, its message, and the reason",
        example="relay dead show 17",
    )
    showing.add_argument("id", type=positive, metavar="ID")
    add_json(showing)
    _add_choice(actions, "revive", revive, "try dead letters again", "--sink team")
    _add_choice(actions, "drop", drop, "delete dead letters permanently", "17 18")


def _add_choice(actions: Commands, name: str, run: Run, about: str, example: str) -> None:
    parser = add(actions, name, run, about=about, example=f"relay dead {name} {example}")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", type=positive, nargs="*", default=[], metavar="ID")
    which.add_argument("--sink", metavar="NAME", help="all of one sink")
    which.add_argument("--all", action="store_true", help="all dead letters")
