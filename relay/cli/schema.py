"""``schema``: print the JSON Schema of the configuration."""

from argparse import Namespace

from relay.cli.output import echo_json
from relay.cli.parser import Commands, add
from relay.config.schema import schema


def print_schema(args: Namespace) -> int:
    echo_json(schema())
    return 0


def add_command(commands: Commands) -> None:
    add(
        commands,
        "schema",
        print_schema,
        about="print the JSON Schema of the configuration, for editors",
        example="relay schema > config.schema.json",
        config=False,
    )
