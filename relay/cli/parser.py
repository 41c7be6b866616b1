"""How commands are told to argparse, and how wrong usage is answered."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from relay.suggestion import did_you_mean

Run: TypeAlias = Callable[[argparse.Namespace], "int | Coroutine[Any, Any, int]"]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """Wrong usage is answered with what would be right."""

    def __init__(self, *, example: str = "", **named: Any) -> None:
        if example:
            named["epilog"] = f"example:\n  {example}"
        named |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**named)
        self._example = example or f"{self.prog} --help"

    def error(self, message: str) -> NoReturn:
        told = message.replace("the following arguments are required:", "missing:")
        self.exit(2, f"{self.prog}: {told}\nlike this: {self._example}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            told = did_you_mean(str(value), known) or f"; there is {', '.join(known)}"
            raise argparse.ArgumentError(action, f"there is no {value}{told}")


def add(
    commands: Commands, name: str, run: Run, *, about: str, example: str, config: bool = True
) -> Parser:
    parser = commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.", example=example
    )
    parser.set_defaults(run=run)
    if config:
        add_config(parser)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Also before the command: what is said behind it holds."""
    file = parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="default: ./config.yaml, then /etc/relay/config.yaml",
    )
    complete_files(file)


def complete_files(argument: argparse.Action) -> None:
    """Let shells complete the names of files for an argument: see ``relay completion``."""
    argument.is_file = True  # type: ignore[attr-defined]


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def positive(written: str) -> int:
    if not written.isdecimal() or not 0 < int(written) < 2**63:
        raise argparse.ArgumentTypeError(f"{written} should be a number from 1")
    return int(written)
