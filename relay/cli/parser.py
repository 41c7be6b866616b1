"""Extends argparse by shared options and by usage errors with an example."""

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from relay.suggestion import did_you_mean
from relay.units import seconds

Run: TypeAlias = Callable[[argparse.Namespace], "int | Coroutine[Any, Any, int]"]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """Answers wrong usage with an example of correct usage."""

    def __init__(self, *, example: str = "", **options: Any) -> None:
        if example:
            options["epilog"] = f"example:\n  {example}"
        options |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**options)
        self._example = example or f"{self.prog} --help"

    def error(self, message: str) -> NoReturn:
        problem = message.replace("the following arguments are required:", "missing:")
        self.exit(2, f"{self.prog}: {problem}\nlike this: {self._example}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            advice = did_you_mean(str(value), known) or f"; there is {', '.join(known)}"
            raise argparse.ArgumentError(action, f"there is no {value}{advice}")


def add(
    commands: Commands, name: str, run: Run, *, about: str, example: str, config: bool = True
) -> Parser:
    """Add a command, or an action of one, and return its parser."""
    parser = commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.", example=example
    )
    parser.set_defaults(run=run)
    if config:
        add_config(parser)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, which the command line takes before the command, too; the last one wins."""
    file = parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="default: ./config.yaml, then /etc/relay/config.yaml",
    )
    complete_files(file)


def complete_files(argument: argparse.Action) -> None:
    """Let shells complete file names for an argument: see ``relay completion``."""
    argument.is_file = True  # type: ignore[attr-defined]


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def age(text: str) -> int:
    """An age in milliseconds."""
    try:
        return round(seconds(text) * 1000)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} {error}") from None


def positive(text: str) -> int:
    """A number from 1 to 2⁶³ - 1, the largest id of the databases."""
    if not text.isdecimal() or not 0 < int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text} should be a number from 1")
    return int(text)
