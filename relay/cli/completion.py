"""``completion``: print the script that makes a shell complete relay's commands."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

import shtab

from relay.cli.output import echo
from relay.cli.parser import Commands, add

SHELLS = ("bash", "zsh", "fish")


def completion(args: Namespace) -> int:
    _mark_files(args.root)
    echo(shtab.complete(args.root, shell=args.shell))
    return 0


def _mark_files(parser: ArgumentParser) -> None:
    """Mark the arguments that are files for shtab, which no other command imports."""
    for action in parser._actions:
        if getattr(action, "is_file", False):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if isinstance(action, _SubParsersAction):
            for command in action.choices.values():
                _mark_files(command)


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "completion",
        completion,
        about="print what makes a shell complete relay's commands",
        example="relay completion bash > /etc/bash_completion.d/relay",
        config=False,
    )
    parser.add_argument("shell", choices=SHELLS, help=" or ".join(SHELLS), metavar="SHELL")
