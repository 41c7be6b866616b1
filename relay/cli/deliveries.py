"""``deliveries``: list and show deliveries, each of one event to one sink."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from relay.app import run as app
from relay.app.plan import policy, renderer
from relay.cli.context import configuration_without_secrets, outbox_to_read
from relay.cli.output import colour_for, drawing, echo, echo_json, warn
from relay.cli.parser import Commands, add, add_json, age, positive
from relay.config import Config
from relay.outbox import DeliverySearch, Outbox
from relay.outcome import Attempt, Delivery, Rejected, State
from relay.terminal import Colour, moment, one_line, room_of, stamp, table
from relay.units import elapsed

HEAD = ("id", "accepted", "sink", "kind", "state", "")
INTERVAL = 1.0  # seconds between two queries of --follow
WATCHED = 200  # newest deliveries that --follow compares


async def list_deliveries(args: Namespace) -> int:
    search = _search(args)
    async with outbox_to_read(configuration_without_secrets(args.config)) as outbox:
        if args.follow:
            await _follow(outbox, search, limit=args.limit, as_json=args.json)
        deliveries = await outbox.deliveries(search, limit=args.limit)
    if args.json:
        echo_json([row(delivery) for delivery in deliveries])
    elif deliveries:
        print_table(deliveries)
    else:
        echo("no deliveries")
    return 0


def _search(args: Namespace) -> DeliverySearch:
    now = app.unix_milliseconds()
    return DeliverySearch(
        sink=args.sink,
        state=args.state and State(args.state),
        kind=args.kind,
        event_id=args.event,
        since=None if args.since is None else now - args.since,
        until=None if args.until is None else now - args.until,
    )


async def _follow(outbox: Outbox, search: DeliverySearch, *, limit: int, as_json: bool) -> NoReturn:
    """Print new deliveries, and deliveries whose state changes, until Ctrl-C."""
    printed: Mapping[int, Any] = {}
    while True:
        rows = await outbox.deliveries(search, limit=WATCHED)
        states = {delivery.id: (delivery.state, delivery.reason) for delivery in rows}
        news = [delivery for delivery in rows if printed.get(delivery.id) != states[delivery.id]]
        news = news[::-1] if printed else news[:limit][::-1]
        printed = states
        if as_json:
            for delivery in news:
                echo(json.dumps(row(delivery), ensure_ascii=False))
        else:
            print_table(news, head=())
        await asyncio.sleep(INTERVAL)


def print_table(deliveries: Sequence[Delivery], *, head: Sequence[str] = HEAD) -> None:
    colour, now = colour_for(sys.stdout), app.unix_milliseconds()
    rows = [_cells(delivery, colour, now=now) for delivery in deliveries]
    heads = [[colour.dim(word) for word in head]] if head else []
    for line in table([*heads, *rows], room=room_of(sys.stdout)):
        echo(line)


def _cells(delivery: Delivery, colour: Colour, *, now: int) -> Sequence[str]:
    paint = {State.DELIVERED: colour.good, State.DEAD: colour.bad, State.PENDING: colour.doubtful}
    return (
        str(delivery.id),
        moment(delivery.accepted_at),
        delivery.sink,
        one_line(delivery.kind),
        paint[delivery.state](delivery.state),
        "; ".join(_remarks(delivery, now=now)),
    )


def _remarks(delivery: Delivery, *, now: int) -> Iterator[str]:
    """The last column: remarks on the state of a delivery."""
    if delivery.merged is not None:
        yield f"merged into {delivery.merged}"
    if delivery.edits is not None:
        yield f"edits the message of {delivery.edits}"
    if delivery.batch not in {None, delivery.id}:
        yield f"in one message with {delivery.batch}"
    if delivery.state is State.PENDING and delivery.interrupted:
        yield "in flight"
    elif delivery.state is State.PENDING and delivery.due_at > now:
        yield f"due in {elapsed((delivery.due_at - now) / 1000)}"
    if delivery.reason:
        yield one_line(delivery.reason)


def row(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "hook": delivery.hook,
        "kind": delivery.kind,
        "sink": delivery.sink,
        "route": delivery.route,
        "state": delivery.state,
        "attempts": delivery.attempt,
        "accepted_at": stamp(delivery.accepted_at),
        "due_at" if delivery.state is State.PENDING else "settled_at": stamp(delivery.due_at),
        "reason": delivery.reason,
        "merged": delivery.merged,
        "batch": delivery.batch,
        "edits": delivery.edits,
        "message": delivery.message,
    }


async def show(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    async with outbox_to_read(config) as outbox:
        delivery = await outbox.delivery(args.id)
        attempts = await outbox.attempts(args.id)
    if delivery is None:
        warn(f"no delivery has the id {args.id}: see relay deliveries")
        return 1
    print_delivery(config, delivery, attempts, as_json=args.json)
    return 0


def print_delivery(
    config: Config, delivery: Delivery, attempts: Sequence[Attempt], *, as_json: bool
) -> None:
    """Print a delivery with its event, its attempts and its message."""
    if as_json:
        attempted = [
            {
                "at": stamp(each.at),
                "took_ms": each.took,
                "outcome": each.outcome,
                "reason": each.reason,
            }
            for each in attempts
        ]
        echo_json(row(delivery) | {"attempted": attempted, "event": json.loads(delivery.raw)})
        return
    for key, value in row(delivery).items():
        if value is not None:
            echo(f"{key:<12} {one_line(str(value))}")
    for line in table([_attempt_cells(attempt) for attempt in attempts], room=room_of(sys.stdout)):
        echo(line)
    _draw(config, delivery)


def _attempt_cells(attempt: Attempt) -> Sequence[str]:
    took = f"{attempt.took} ms"
    return moment(attempt.at), took, attempt.outcome, one_line(attempt.reason)


def _draw(config: Config, delivery: Delivery) -> None:
    """Print the message as it would be sent now, if its sink is still configured."""
    if delivery.sink not in config.sinks:
        return
    sink = config.sinks[delivery.sink]
    message = renderer(config).message(delivery, policy(config, sink))
    if isinstance(message, Rejected):
        echo(f"{delivery.sink} cannot show it: {message.reason}")
    else:
        echo(drawing(sink, message, name=delivery.sink, colour=colour_for(sys.stdout)))


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "deliveries",
        list_deliveries,
        about="list deliveries, each of one event to one sink, the newest first",
        example="relay deliveries --sink team --state pending --since 2h",
    )
    parser.add_argument("--sink", metavar="NAME", help="only those for one sink")
    parser.add_argument("--state", choices=[*State], help="only those in one state")
    parser.add_argument("--kind", metavar="KIND", help="only those of one kind, like mention")
    parser.add_argument("--event", metavar="ID", help="only those of one event, by Misskey's id")
    parser.add_argument(
        "--since", type=age, metavar="AGE", help="accepted at most so long ago, like 2h"
    )
    parser.add_argument(
        "--until", type=age, metavar="AGE", help="accepted at least so long ago, like 1h"
    )
    parser.add_argument("--limit", type=positive, default=50, metavar="N", help="default: 50")
    parser.add_argument("--follow", action="store_true", help="print changes until Ctrl-C")
    add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    showing = add(
        actions,
        "show",
        show,
        about="show a delivery: its event, its attempts, and its message",
        example="relay deliveries show 17",
    )
    showing.add_argument("id", type=positive, metavar="ID")
    add_json(showing)
