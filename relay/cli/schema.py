"""``schema``, ``completion``: what relay tells other programs of itself."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

import shtab

from relay.cli.context import say, say_json
from relay.cli.parser import Commands, add
from relay.config.schema import schema

SHELLS = ("bash", "zsh", "fish")


def show_schema(given: Namespace) -> int:
    say_json(schema())
    return 0


def completion(given: Namespace) -> int:
    _tell_files(given.whole)
    say(shtab.complete(given.whole, shell=given.shell))
    return 0


def _tell_files(parser: ArgumentParser) -> None:
    """Tell shtab which arguments are files, in its way; who serves carries no shtab."""
    for action in parser._actions:
        if getattr(action, "is_file", False):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if isinstance(action, _SubParsersAction):
            for one in action.choices.values():
                _tell_files(one)


def add_schema(commands: Commands) -> None:
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
