"""``dead``: what was given up, and what is to become of it."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from relay import app, misskey
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
