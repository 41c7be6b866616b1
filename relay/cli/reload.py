"""``reload``: let the relay that runs take its configuration anew, and tell what came of it."""

from argparse import Namespace

from relay.app.control import RELOAD, ask, socket_of
from relay.cli.context import found_outbox, home_of, place_of
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.config import outbox_of
from relay.outbox import file_of


async def reload(args: Namespace) -> int:
    # Not the whole of it: relay has variables and credentials that this shell may lack.
    place = place_of(args.config)
    address = found_outbox(outbox_of(place), place)
    socket = socket_of(file_of(address), home_of(place))
    answer = await ask(socket, "POST", "/reload", patience=RELOAD)
    if answer is None:
        warn(f"no relay runs here with the outbox {address}: see relay serve")
        return 1
    if (mistakes := answer.get("mistakes")) is not None:
        warn(f"{mistakes}\nnot reloaded: relay goes on as it was")
        return 2
    echo(f"reloaded; new or changed sinks: {', '.join(answer['sinks']) or 'none'}")
    for key in answer["restart_only"]:
        warn(f"{key} has changed, and holds from the next start on")
    return 0


def add_command(commands: Commands) -> None:
    add(
        commands,
        "reload",
        reload,
        about="let the relay that runs read its configuration and templates anew, all or nothing",
        example="relay reload --config /etc/relay/config.yaml",
    )
