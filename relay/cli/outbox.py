"""``outbox``: copy an outbox to another database."""

from argparse import Namespace

from pydantic import TypeAdapter, ValidationError

from relay.cli.output import echo
from relay.cli.parser import Commands, Parser, add
from relay.config import OutboxUrl
from relay.errors import ConfigError
from relay.outbox import copy_outbox


async def copy(args: Namespace) -> int:
    source, target = _address(args.source), _address(args.target)
    numbers = await copy_outbox(source, target)
    if numbers is None:
        echo("already copied, and served since: nothing to do")
        return 0
    echo(f"copied {numbers['event']} events and {numbers['delivery']} deliveries")
    echo(f"Now write `outbox: {target}` into the configuration, and start relay.")
    echo(f"Never serve {source} again: its pending messages would be sent twice.")
    return 0


def _address(text: str) -> str:
    try:
        return TypeAdapter[str](OutboxUrl).validate_python(text)
    except ValidationError as error:
        raise ConfigError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def add_command(commands: Commands) -> None:
    about = "move an outbox to another database"
    parser = commands.add_parser(
        "outbox", help=about, description=about, example="relay outbox copy --help"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    copying: Parser = add(
        actions,
        "copy",
        copy,
        about="copy an outbox into a new database, while relay is stopped",
        example="relay outbox copy sqlite:relay.db postgresql://relay@db.example/relay",
        config=False,
    )
    copying.add_argument("source", metavar="SOURCE", help="sqlite:FILE")
    copying.add_argument("target", metavar="TARGET", help="postgresql://user@host/database")
