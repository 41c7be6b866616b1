"""``deliveries``: what became of each event for each sink."""

import asyncio
import json
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from relay.app import run as app
from relay.app.plan import policy, renderer
from relay.cli.context import configuration_without_secrets, outbox_to_read
from relay.cli.output import colour_for, drawing, echo, echo_json, warn
from relay.cli.parser import Commands, add, add_json, positive
from relay.config import Config
from relay.outbox import DeliverySearch, Outbox
from relay.outcome import Attempt, Delivery, Rejected, State
from relay.terminal import Colour, moment, one_line, room_of, stamp, table
from relay.units import elapsed, seconds

HEAD = ("id", "accepted", "sink", "kind", "state", "")
LOOK = 1.0  # seconds between two looks of --follow
WATCHED = 200  # of the newest deliveries


async def listed(args: Namespace) -> int:
    wanted = _wanted(args)
    async with outbox_to_read(configuration_without_secrets(args.config)) as outbox:
        if args.follow:
            await _follow(outbox, wanted, limit=args.limit, as_json=args.json)
        found = await outbox.deliveries(wanted, limit=args.limit)
    if args.json:
        echo_json([row(one) for one in found])
    elif found:
        show_table(found)
    else:
        echo("no deliveries")
    return 0


def _wanted(args: Namespace) -> DeliverySearch:
    now = app.unix_milliseconds()
    return DeliverySearch(
        sink=args.sink,
        state=args.state and State(args.state),
        kind=args.kind,
        event_id=args.event,
        since=None if args.since is None else now - args.since,
        until=None if args.until is None else now - args.until,
    )


async def _follow(outbox: Outbox, wanted: DeliverySearch, *, limit: int, as_json: bool) -> NoReturn:
    """Tell of the newest when they come, and again when something became of them, until Ctrl-C."""
    told: Mapping[int, Any] = {}
    while True:
        found = await outbox.deliveries(wanted, limit=WATCHED)
        news = [one for one in found if told.get(one.id) != (one.state, one.reason)]
        news = news[::-1] if told else news[:limit][::-1]
        told = {one.id: (one.state, one.reason) for one in found}
        if as_json:
            for one in news:
                echo(json.dumps(row(one), ensure_ascii=False))
        else:
            show_table(news, head=())
        await asyncio.sleep(LOOK)


def show_table(found: Sequence[Delivery], *, head: Sequence[str] = HEAD) -> None:
    colour, now = colour_for(sys.stdout), app.unix_milliseconds()
    rows = [_cells(one, colour, now=now) for one in found]
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
    """What else there is to know of a delivery, in words."""
    if delivery.merged is not None:
        yield f"merged into {delivery.merged}, which tells the same"
    if delivery.edits is not None:
        yield f"changes the message of {delivery.edits}"
    if delivery.batch not in {None, delivery.id}:
        yield f"in one message with {delivery.batch}"
    if delivery.state is State.PENDING and delivery.interrupted:
        yield "under way"
    elif delivery.state is State.PENDING and delivery.due_at > now:
        yield f"due in {elapsed((delivery.due_at - now) / 1000)}"
    if delivery.reason:
        yield one_line(delivery.reason)


def row(delivery: Delivery) -> dict[str, Any]:
    """For programs."""
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
        found = await outbox.delivery(args.id)
        attempts = await outbox.attempts(args.id)
    if found is None:
        warn(f"no delivery has the id {args.id}: see relay deliveries")
        return 1
    tell(config, found, attempts, as_json=args.json)
    return 0


def tell(config: Config, delivery: Delivery, attempts: Sequence[Attempt], *, as_json: bool) -> None:
    """All there is to say of a delivery: its event, its attempts, its message."""
    if as_json:
        tried = [
            {"at": stamp(one.at), "took_ms": one.took, "outcome": one.outcome, "reason": one.reason}
            for one in attempts
        ]
        echo_json(row(delivery) | {"attempted": tried, "event": json.loads(delivery.raw)})
        return
    for key, value in row(delivery).items():
        if value is not None:
            echo(f"{key:<12} {one_line(str(value))}")
    for line in table([_tried(one) for one in attempts], room=room_of(sys.stdout)):
        echo(line)
    _draw(config, delivery)


def _tried(attempt: Attempt) -> Sequence[str]:
    took = f"{attempt.took} ms"
    return moment(attempt.at), took, attempt.outcome, one_line(attempt.reason)


def _draw(config: Config, delivery: Delivery) -> None:
    """The message as it is now, if its sink is still in the configuration."""
    if delivery.sink not in config.sinks:
        return
    sink = config.sinks[delivery.sink]
    made = renderer(config).message(delivery, policy(config, sink))
    if isinstance(made, Rejected):
        echo(f"{delivery.sink} cannot show it: {made.reason}")
    else:
        echo(drawing(sink, made, name=delivery.sink, colour=colour_for(sys.stdout)))


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "deliveries",
        listed,
        about="list what became of each event for each sink, the newest first",
        example="relay deliveries --sink team --state pending --since 2h",
    )
    parser.add_argument("--sink", metavar="NAME", help="only those for one sink")
    parser.add_argument("--state", choices=[*State], help="only those in one state")
    parser.add_argument("--kind", metavar="KIND", help="only those of one kind, like mention")
    parser.add_argument("--event", metavar="ID", help="only those of one event, by Misskey's id")
    parser.add_argument("--since", type=_age, metavar="AGE", help="accepted since then, like 2h")
    parser.add_argument("--until", type=_age, metavar="AGE", help="accepted until then, like 1h")
    parser.add_argument("--limit", type=positive, default=50, metavar="N", help="default: 50")
    parser.add_argument("--follow", action="store_true", help="go on telling, until Ctrl-C")
    add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    one = add(
        actions,
        "show",
        show,
        about="show a delivery: its event, its attempts, and its message",
        example="relay deliveries show 17",
    )
    one.add_argument("id", type=positive, metavar="ID")
    add_json(one)


def _age(written: str) -> int:
    """Milliseconds."""
    try:
        return round(seconds(written) * 1000)
    except ValueError as error:
        raise ArgumentTypeError(f"{written} {error}") from None
