"""``sinks``: show the state of sinks; pause, resume and give up deliveries."""

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
    outbox_to_change,
    outbox_to_read,
    wake,
)
from relay.cli.output import colour_for, counted, echo, echo_json, warn
from relay.cli.parser import Commands, add, add_json
from relay.config import Config
from relay.delivery.lane import LaneStatus
from relay.errors import ControlError
from relay.monitoring.sink_status import SinkState, SinkStatus, sink_statuses
from relay.outbox import ClosedSink, Outbox, file_of
from relay.outcome import Attempt, State
from relay.sinks.pacing import written
from relay.terminal import Colour, one_line, room_of, stamp, table
from relay.units import elapsed

GIVEN_UP = "given up by relay sinks give-up"
DELIVERIES_PER_COMMIT = 500  # deliveries
HEAD = ("sink", "state", "waiting", "oldest", "dead", "pace", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """A line of ``relay sinks``; ``due_at`` is in Unix milliseconds."""

    status: SinkStatus
    dead: int
    due_at: int | None
    last_failure: Attempt | None
    pace: str


async def listed(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_read(config) as outbox:
        lines = await reports(config, outbox, await _lane_statuses(config))
    now = app.unix_milliseconds()
    if args.json:
        echo_json([json_row(line, now=now) for line in lines])
        return 0
    colour = colour_for(sys.stdout)
    rows = [_cells(line, colour, now=now) for line in lines]
    head = [colour.dim(word) for word in HEAD]
    for text in table([head, *rows], room=room_of(sys.stdout)):
        echo(text)
    return 0


async def reports(
    config: Config, outbox: Outbox, lanes: Mapping[str, LaneStatus]
) -> Sequence[SinkReport]:
    counts, failures = await outbox.counts(), await outbox.last_failures()
    statuses = await sink_statuses(outbox, config.sinks, lanes, others=(sink for sink, _ in counts))
    return [
        SinkReport(
            status=status,
            dead=counts.get((status.name, State.DEAD), 0),
            due_at=await outbox.due_at(status.name),
            last_failure=failures.get(status.name),
            pace=written(config.sinks[status.name].pace) if status.name in config.sinks else "",
        )
        for status in statuses
    ]


async def _lane_statuses(config: Config) -> Mapping[str, LaneStatus]:
    """The lanes of the running relay; empty if none runs, or it does not answer."""
    try:
        answer = await ask(socket_of(file_of(config.outbox), config.home), "GET", "/lanes")
    except ControlError as error:
        warn(str(error))
        return {}
    return {name: LaneStatus(**fields) for name, fields in (answer or {}).items()}


def json_row(report: SinkReport, *, now: int) -> Mapping[str, Any]:
    """The line as JSON."""
    status, failure = report.status, report.last_failure
    backlog, closed, paused_at = status.backlog, status.closed, status.paused_at
    return {
        "sink": status.name,
        "state": status.state,
        "waiting": status.pending,
        "oldest_seconds": _seconds(now - backlog.since) if backlog else None,
        "dead": report.dead,
        "next_in_seconds": None if report.due_at is None else _seconds(report.due_at - now),
        "pace": report.pace or None,
        "rest_seconds": status.rest,
        "paused_at": None if paused_at is None else stamp(paused_at),
        "closed": closed and _closed_row(closed),
        "last_error": failure and {"at": stamp(failure.at), "reason": failure.reason},
    }


def _closed_row(closed: ClosedSink) -> Mapping[str, Any]:
    probe_at = None if closed.probe_at is None else stamp(closed.probe_at)
    return {"at": stamp(closed.closed_at), "reason": closed.reason, "probe_at": probe_at}


def _cells(report: SinkReport, colour: Colour, *, now: int) -> Sequence[str]:
    status = report.status
    paints = {
        SinkState.OK: colour.good,
        SinkState.PAUSED: colour.doubtful,
        SinkState.FAILING: colour.doubtful,
    }
    return (
        status.name,
        paints.get(status.state, colour.bad)(status.state),
        str(status.pending),
        elapsed(_seconds(now - status.backlog.since)) if status.backlog else "-",
        str(report.dead),
        report.pace or "-",
        "; ".join(_remarks(report, now=now)),
    )


def _remarks(report: SinkReport, *, now: int) -> Iterator[str]:
    status, closed, failure = report.status, report.status.closed, report.last_failure
    if status.state is SinkState.ORPHANED:
        yield "not in the configuration"
        if status.backlog is not None:
            yield f"restore it under its name, or: relay sinks give-up {status.name}"
    if status.paused_at is not None:
        yield f"paused for {elapsed(_seconds(now - status.paused_at))}"
    if report.due_at is not None and report.due_at > now:
        yield f"next attempt in {elapsed(_seconds(report.due_at - now))}"
    if status.rest and status.rest >= 1:
        yield f"its pace lets it continue in {elapsed(int(status.rest))}"
    if closed is not None:
        yield f"closed {elapsed(_seconds(now - closed.closed_at))} ago: {one_line(closed.reason)}"
        if closed.probe_at is None:
            yield f"change its settings, or: relay sinks resume {status.name}"
        elif status.backlog is not None and status.paused_at is None:
            yield f"probed again in {elapsed(_seconds(closed.probe_at - now))}"
    elif failure is not None:
        yield f"last error {elapsed(_seconds(now - failure.at))} ago: {one_line(failure.reason)}"


def _seconds(milliseconds: int) -> int:
    return max(0, milliseconds // 1000)


async def pause(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    check_sink(config, args.name)
    async with outbox_to_change(config) as outbox:
        is_new = await outbox.pause_sink(args.name, now=app.unix_milliseconds())
    echo(
        f"{args.name} is paused; its deliveries stay pending until relay sinks resume"
        if is_new
        else f"{args.name} is already paused"
    )
    return 0 if is_new else 1


async def resume(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    check_sink(config, args.name)
    async with outbox_to_change(config) as outbox:
        was_paused = await outbox.resume_sink(args.name)
        was_closed = await outbox.open_sink(args.name, now=app.unix_milliseconds())
    halted = was_paused or was_closed
    echo(
        f"{args.name} is resumed; {await wake(config, [args.name])}"
        if halted
        else f"{args.name} is neither paused nor closed"
    )
    return 0 if halted else 1


async def give_up(args: Namespace) -> int:
    config, name, number = configuration_without_secrets(args.config), args.name, 0
    async with outbox_to_change(config) as outbox:
        if name not in await outbox.backlog():
            check_sink(config, name)
        while given_up := await _given_up(outbox, name):
            number += given_up
        left = (await outbox.backlog()).get(name)
    advice = f"; revive or drop them: relay dead list --sink {name}" if number else ""
    echo(f"{counted(number, 'delivery', 'deliveries')} given up{advice}")
    if left is not None:
        pending = counted(left.number, "delivery is", "deliveries are")
        warn(f"{pending} still pending for {name} (in flight or just accepted)")
    return 0 if number else 1


async def _given_up(outbox: Outbox, name: str) -> int:
    """Give up one batch; all at once would block a running relay."""
    now = app.unix_milliseconds()
    return await outbox.give_up(name, reason=GIVEN_UP, now=now, limit=DELIVERIES_PER_COMMIT)


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "sinks",
        listed,
        about="show the state of each sink: its backlog, dead letters, last error",
        example="relay sinks --json",
    )
    add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    pausing = add(
        actions,
        "pause",
        pause,
        about="pause a sink: its deliveries stay pending until it is resumed",
        example="relay sinks pause team",
    )
    pausing.add_argument("name", metavar="NAME")
    resuming = add(
        actions,
        "resume",
        resume,
        about="resume a paused sink, or a closed one after the problem is fixed",
        example="relay sinks resume team",
    )
    resuming.add_argument("name", metavar="NAME")
    giving = add(
        actions,
        "give-up",
        give_up,
        about="turn the pending deliveries of a sink, even a removed one, into dead letters",
        example="relay sinks give-up team",
    )
    giving.add_argument("name", metavar="NAME")
