"""``reload``: let the running relay reload its configuration, and report the result."""

from argparse import Namespace

from relay.app.control import RELOAD_TIMEOUT, ask, socket_of
from relay.cli.context import config_path, home_of, resolved_outbox
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.config import outbox_of
from relay.outbox import file_of


async def reload(args: Namespace) -> int:
    # Only the outbox is read: relay may have variables and credentials that this shell lacks.
    place = config_path(args.config)
    address = resolved_outbox(outbox_of(place), place)
    socket = socket_of(file_of(address), home_of(place))
    answer = await ask(socket, "POST", "/reload", seconds=RELOAD_TIMEOUT)
    if answer is None:
        warn(f"no running relay has the outbox {address}: see relay serve")
        return 1
    if (mistakes := answer.get("mistakes")) is not None:
        warn(f"{mistakes}\nnot reloaded: relay continues with its old configuration")
        return 2
    echo(f"reloaded; new or changed sinks: {', '.join(answer['sinks']) or 'none'}")
    for key in answer["restart_only"]:
        warn(f"{key} has changed, and takes effect at the next start")
    return 0


def add_command(commands: Commands) -> None:
    add(
        commands,
        "reload",
        reload,
        about="reload configuration and templates of the running relay, all or nothing",
        example="relay reload --config /etc/relay/config.yaml",
    )
