"""``sinks``: how each way out is doing, and how to hold one back and let it go on."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay.app import run as app
from relay.app.control import ask, socket_of
from relay.cli.context import (
    check_sink,
    configuration_without_secrets,
    existing_outbox,
    news,
    outbox_to_read,
)
from relay.cli.output import colour_for, echo, echo_json, warn
from relay.cli.parser import Commands, add, add_json
from relay.config import Config
from relay.errors import OutboxError
from relay.outbox import Backlog, ClosedSink, Outbox, file_of
from relay.outcome import Attempt, State
from relay.sinks.pacing import written
from relay.terminal import Colour, one_line, room_of, stamp, table
from relay.units import elapsed

GIVEN_UP = "given up by relay sinks give-up"
STEP = 500  # deliveries
HEAD = ("sink", "state", "waiting", "oldest", "dead", "pace", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """
    What the outbox, the configuration and the relay that runs know of a sink.

    Times are Unix milliseconds; ``rest`` is in seconds, and None if no relay runs.
    """

    sink: str
    is_configured: bool
    backlog: Backlog | None
    dead: int
    due_at: int | None
    closed: ClosedSink | None
    paused_at: int | None
    trouble: Attempt | None
    pace: str
    is_sick: bool
    rest: float | None

    @property
    def state(self) -> str:
        if not self.is_configured:
            return "not in the configuration"
        if self.paused_at is not None:
            return "paused"
        if self.closed is not None:
            return "closed"
        return "sick" if self.is_sick else "open"


async def listed(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_read(config) as outbox:
        standings = await _standings(config, outbox)
    now = app.unix_milliseconds()
    if args.json:
        echo_json([_row(one, now=now) for one in standings])
        return 0
    colour = colour_for(sys.stdout)
    rows = [_cells(one, colour, now=now) for one in standings]
    head = [colour.dim(word) for word in HEAD]
    for line in table([head, *rows], room=room_of(sys.stdout)):
        echo(line)
    return 0


async def _standings(config: Config, outbox: Outbox) -> Sequence[SinkReport]:
    counts, backlog = await outbox.counts(), await outbox.backlog()
    closed = {one.name: one for one in await outbox.closed_sinks()}
    paused, troubles = await outbox.paused_sinks(), await outbox.last_failures()
    lanes = await _lane_statuses(config)
    return [
        SinkReport(
            sink=name,
            is_configured=name in config.sinks,
            backlog=backlog.get(name),
            dead=counts.get((name, State.DEAD), 0),
            due_at=await outbox.due_at(name),
            closed=closed.get(name),
            paused_at=paused.get(name),
            trouble=troubles.get(name),
            pace=written(config.sinks[name].pace) if name in config.sinks else "",
            is_sick=lanes.get(name, {}).get("sick", False),
            rest=lanes.get(name, {}).get("rest"),
        )
        for name in dict.fromkeys([*config.sinks, *(sink for sink, _ in counts)])
    ]


async def _lane_statuses(config: Config) -> Mapping[str, Any]:
    """What only the relay that runs knows; nothing if none does, or it does not answer."""
    try:
        return await ask(socket_of(file_of(config.outbox), config.home), "GET", "/lanes") or {}
    except OutboxError as error:
        warn(str(error))
        return {}


def _row(standing: SinkReport, *, now: int) -> Mapping[str, Any]:
    """For programs."""
    backlog, closed, trouble = standing.backlog, standing.closed, standing.trouble
    paused_at, due_at = standing.paused_at, standing.due_at
    return {
        "sink": standing.sink,
        "state": standing.state,
        "waiting": backlog.number if backlog else 0,
        "oldest_seconds": _seconds(now - backlog.since) if backlog else None,
        "dead": standing.dead,
        "next_in_seconds": None if due_at is None else _seconds(due_at - now),
        "pace": standing.pace or None,
        "rest_seconds": standing.rest,
        "paused_at": None if paused_at is None else stamp(paused_at),
        "closed": closed and _closed_row(closed),
        "last_error": trouble and {"at": stamp(trouble.at), "reason": trouble.reason},
    }


def _closed_row(closed: ClosedSink) -> Mapping[str, Any]:
    probe_at = None if closed.probe_at is None else stamp(closed.probe_at)
    return {"at": stamp(closed.closed_at), "reason": closed.reason, "probe_at": probe_at}


def _cells(standing: SinkReport, colour: Colour, *, now: int) -> Sequence[str]:
    good = {"open": colour.good, "paused": colour.doubtful, "sick": colour.doubtful}
    paint = good.get(standing.state, colour.bad)
    backlog = standing.backlog
    return (
        standing.sink,
        paint(standing.state),
        str(backlog.number if backlog else 0),
        elapsed(_seconds(now - backlog.since)) if backlog else "-",
        str(standing.dead),
        standing.pace or "-",
        "; ".join(_remarks(standing, now=now)),
    )


def _remarks(standing: SinkReport, *, now: int) -> Iterator[str]:
    if not standing.is_configured and standing.backlog is not None:
        yield f"put it back under its name, or: relay sinks give-up {standing.sink}"
    if standing.paused_at is not None:
        yield f"paused for {elapsed(_seconds(now - standing.paused_at))}"
    if standing.due_at is not None and standing.due_at > now:
        yield f"next attempt in {elapsed(_seconds(standing.due_at - now))}"
    if standing.rest and standing.rest >= 1:
        yield f"its pace lets it go on in {elapsed(int(standing.rest))}"
    if standing.closed is not None:
        ago = elapsed(_seconds(now - standing.closed.closed_at))
        yield f"closed {ago} ago: {one_line(standing.closed.reason)}"
        if standing.closed.probe_at is None:
            yield f"change its settings, or: relay sinks resume {standing.sink}"
        elif standing.backlog is not None and standing.paused_at is None:
            yield f"asked again in {elapsed(_seconds(standing.closed.probe_at - now))}"
    elif standing.trouble is not None:
        ago = elapsed(_seconds(now - standing.trouble.at))
        yield f"last error {ago} ago: {one_line(standing.trouble.reason)}"


def _seconds(milliseconds: int) -> int:
    return max(0, milliseconds // 1000)


async def pause(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    check_sink(config, args.name)
    async with existing_outbox(config) as outbox:
        is_new = await outbox.pause_sink(args.name, now=app.unix_milliseconds())
    echo(
        f"{args.name} is paused; what is being sent ends, the rest waits for relay sinks resume"
        if is_new
        else f"{args.name} was paused before"
    )
    return 0 if is_new else 1


async def resume(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    check_sink(config, args.name)
    async with existing_outbox(config) as outbox:
        was_paused = await outbox.resume_sink(args.name)
        was_closed = await outbox.open_sink(args.name, now=app.unix_milliseconds())
    halted = was_paused or was_closed
    echo(
        f"{args.name} goes on; {await news(config, [args.name])}"
        if halted
        else f"{args.name} was neither paused nor closed"
    )
    return 0 if halted else 1


async def give_up(args: Namespace) -> int:
    config, name, number = configuration_without_secrets(args.config), args.name, 0
    async with existing_outbox(config) as outbox:
        if name not in await outbox.backlog():
            check_sink(config, name)
        while given_up := await _given_up(outbox, name):
            number += given_up
        left = (await outbox.backlog()).get(name)
    told = f"; relay dead list --sink {name} has it, to be revived or dropped" if number else ""
    echo(f"{number} given up{told}")
    if left is not None:
        warn(f"{left.number} still wait for {name}: under way, or come meanwhile")
    return 0 if number else 1


async def _given_up(outbox: Outbox, name: str) -> int:
    """One step: all at once would hold up a relay that runs."""
    now = app.unix_milliseconds()
    return await outbox.give_up(name, reason=GIVEN_UP, now=now, limit=STEP)


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "sinks",
        listed,
        about="tell how each sink is doing: what waits, what died, why it is closed",
        example="relay sinks --json",
    )
    add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    pausing = add(
        actions,
        "pause",
        pause,
        about="send nothing more to a sink until it is resumed; what comes for it waits",
        example="relay sinks pause team",
    )
    pausing.add_argument("name", metavar="NAME")
    resuming = add(
        actions,
        "resume",
        resume,
        about="let a paused sink go on, or a closed one, once what it refused is mended",
        example="relay sinks resume team",
    )
    resuming.add_argument("name", metavar="NAME")
    giving = add(
        actions,
        "give-up",
        give_up,
        about="make dead letters of what waits for a sink, also of one that is gone",
        example="relay sinks give-up team",
    )
    giving.add_argument("name", metavar="NAME")
