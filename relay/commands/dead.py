"""``dead``: what was given up, and what is to become of it."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from relay import app, misskey
from relay.commands.parser import Commands, Run, add, add_json, positive
from relay.commands.setting import colour_for, configuration, existing_outbox, say, say_json, warn
from relay.errors import FormatError
from relay.outbox import Outbox
from relay.outcome import Delivery, Rejected
from relay.picture import picture
from relay.tree import clean


async def listed(given: Namespace) -> int:
    async with existing_outbox(configuration(given.config)) as outbox:
        found = await outbox.dead(sink=given.sink, limit=given.limit)
    if given.json:
        say_json([_row(one) for one in found])
        return 0
    if not found:
        say("no dead letters" if given.sink is None else f"no dead letters of {given.sink}")
    for one in found:
        say(f"{one.id:>6}  {_when(one.due_at)}  {one.sink}  {_kind(one)}  {_reason(one)}")
    return 0


async def show(given: Namespace) -> int:
    config = configuration(given.config)
    async with existing_outbox(config) as outbox:
        found = await outbox.delivery(given.id)
    if found is None or found.state != "dead":
        warn(f"no dead letter has the id {given.id}: see relay dead list")
        return 1
    if given.json:
        say_json(_row(found) | {"event": json.loads(found.raw)})
        return 0
    for key, value in (_row(found) | {"reason": _reason(found)}).items():
        say(f"{key:<12} {value}")
    if found.sink in config.sinks:
        made = app.press(config).message(found, app.manner(config, config.sinks[found.sink]))
        colour = colour_for(sys.stdout)
        say(
            f"{found.sink} cannot show it: {made.reason}"
            if isinstance(made, Rejected)
            else picture(made, name=found.sink, colour=colour)
        )
    return 0


async def revive(given: Namespace) -> int:
    async with existing_outbox(configuration(given.config)) as outbox:
        number = await outbox.revive(await _chosen(given, outbox), now=app.unix_milliseconds())
    say(
        f"{number} revived"
        + ("; a running relay takes them up within 30 seconds" if number else "")
    )
    return 0 if number else 1


async def drop(given: Namespace) -> int:
    async with existing_outbox(configuration(given.config)) as outbox:
        number = await outbox.drop(await _chosen(given, outbox))
    say(f"{number} dropped")
    return 0 if number else 1


async def _chosen(given: Namespace, outbox: Outbox) -> Sequence[int]:
    if given.ids:
        return list(given.ids)
    return [one.id for one in await outbox.dead(sink=given.sink, limit=1_000_000)]


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "sink": delivery.sink,
        "hook": delivery.hook,
        "kind": _kind(delivery),
        "accepted_at": _when(delivery.accepted_at),
        "died_at": _when(delivery.due_at),
        "attempts": delivery.attempt,
        "reason": delivery.reason,
    }


def _reason(delivery: Delivery) -> str:
    """A vendor's words, in one line that steers no terminal."""
    return " ".join(clean(delivery.reason or "").split())


def _kind(delivery: Delivery) -> str:
    try:
        return " ".join(clean(misskey.parse(delivery.raw, hook=delivery.hook).kind).split())
    except FormatError:
        return "?"  # stored by a version that knew it


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def add_dead(commands: Commands) -> None:
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
