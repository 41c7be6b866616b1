"""``sinks``: how each way out is doing, and how to let one go on that refused us."""

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from relay import app
from relay.commands.parser import Commands, add, add_json
from relay.commands.setting import (
    check_sink,
    colour_for,
    configuration,
    existing_outbox,
    say,
    say_json,
)
from relay.config import Config
from relay.outbox import ClosedSink, Outbox


async def listed(given: Namespace) -> int:
    config = configuration(given.config)
    async with existing_outbox(config) as outbox:
        rows = await _rows(config, outbox)
    if given.json:
        say_json(rows)
        return 0
    for row in rows:
        say(_line(row))
    return 0


async def _rows(config: Config, outbox: Outbox) -> list[dict[str, Any]]:
    counts, now = await outbox.counts(), app.unix_milliseconds()
    closed = {one.name: one for one in await outbox.closed_sinks()}
    names = dict.fromkeys([*config.sinks, *(sink for sink, _ in counts)])
    found = []
    for name in names:
        due_at = await outbox.due_at(name)
        found.append(
            {
                "sink": name,
                "state": _state(config, closed, name),
                "waiting": counts.get((name, "pending"), 0),
                "dead": counts.get((name, "dead"), 0),
                "next_in_seconds": None if due_at is None else max(0, (due_at - now) // 1000),
                "reason": closed[name].reason if name in closed else None,
            }
        )
    return found


def _state(config: Config, closed: Mapping[str, ClosedSink], name: str) -> str:
    if name not in config.sinks:
        return "not in the configuration"
    return "closed" if name in closed else "open"


def _line(row: Mapping[str, Any]) -> str:
    colour = colour_for(sys.stdout)
    state = colour.good("open") if row["state"] == "open" else colour.bad(row["state"])
    told = f"{row['sink']}  {state}  {row['waiting']} waiting, {row['dead']} dead"
    if row["waiting"] and row["next_in_seconds"]:
        told += f", next attempt in {row['next_in_seconds']} s"
    return told + (f": {row['reason']}" if row["reason"] else "")


async def resume(given: Namespace) -> int:
    config = configuration(given.config)
    check_sink(config, given.name)
    async with existing_outbox(config) as outbox:
        was_closed = await outbox.open_sink(given.name, now=app.unix_milliseconds())
    say(
        f"{given.name} goes on; a running relay takes it up within 30 seconds"
        if was_closed
        else f"{given.name} was not closed"
    )
    return 0 if was_closed else 1


def add_sinks(commands: Commands) -> None:
    about = "how each sink is doing: what waits, what died, why it is closed"
    parser = commands.add_parser("sinks", help=about, description=about, example="relay sinks list")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = add(
        actions, "list", listed, about="list the sinks", example="relay sinks list --json"
    )
    add_json(listing)
    resuming = add(
        actions,
        "resume",
        resume,
        about="let a closed sink go on, once what it refused is mended",
        example="relay sinks resume team",
    )
    resuming.add_argument("name", metavar="NAME")
