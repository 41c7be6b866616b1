"""``schema``, ``completion``: what relay tells other programs of itself."""

from argparse import Namespace

import shtab

from relay.commands.parser import Commands, add
from relay.commands.setting import say, say_json
from relay.config.schema import schema

SHELLS = ("bash", "zsh", "fish")


def show_schema(given: Namespace) -> int:
    say_json(schema())
    return 0


def completion(given: Namespace) -> int:
    say(shtab.complete(given.whole, shell=given.shell))
    return 0


def add_describing(commands: Commands) -> None:
    add(
        commands,
        "schema",
        show_schema,
        about="print the JSON Schema of the configuration, for editors",
        example="relay schema > config.schema.json",
        config=False,
    )
    completing = add(
        commands,
        "completion",
        completion,
        about="print what makes a shell complete relay's commands",
        example="relay completion bash > /etc/bash_completion.d/relay",
        config=False,
    )
    completing.add_argument("shell", choices=SHELLS, help=" or ".join(SHELLS), metavar="SHELL")
