"""``backup``: copy the outbox consistently, also while relay runs."""

from argparse import Namespace
from pathlib import Path

from relay.cli.context import configuration_without_secrets, outbox_file
from relay.cli.output import echo
from relay.cli.parser import Commands, add, complete_files
from relay.outbox import backup


def back_up(args: Namespace) -> int:
    backup(outbox_file(configuration_without_secrets(args.config)), args.file)
    echo(f"{args.file}: {args.file.stat().st_size} bytes, verified")
    return 0


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "backup",
        back_up,
        about="copy the outbox into a new file, also while relay runs",
        example="relay backup /var/backups/relay.db",
    )
    file = parser.add_argument(
        "file", type=Path, metavar="FILE", help="a file that does not exist yet"
    )
    complete_files(file)
