"""
Writes relay.1, the manual page, from what ``--help`` says: ``python docs/man.py``.

Not argparse-manpage: what it writes differs with the Python that runs it.
https://man7.org/linux/man-pages/man7/man-pages.7.html
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from relay.cli import main as cli

PAGE = Path(__file__).parent / "relay.1"
HEAD = """.TH RELAY 1 "" relay "User Commands"
.SH NAME
relay \\- from Misskey to Discord, Slack and Matrix
.SH SYNOPSIS
.B relay
.I COMMAND
[\\fIOPTION\\fR]..."""
FILES = {
    "./config.yaml, /etc/relay/config.yaml": "The configuration, unless --config names another.",
    "relay.db": "The outbox, beside the configuration unless that names another place.",
    "/var/lib/relay/relay.db": "The outbox of /etc/relay/config.yaml.",
    "/etc/systemd/system/relay.service": "The service: see relay install-service.",
}


def page() -> str:
    parser = cli.parser()
    codes = (parser.epilog or "").partition(":\n")[2]
    return "\n".join(
        [
            HEAD,
            ".SH DESCRIPTION",
            _text(parser.description or ""),
            ".SH COMMANDS",
            *(line for one in _commands(parser) for line in _command(one)),
            ".SH EXIT STATUS",
            *(line for row in codes.strip().splitlines() for line in _code(row)),
            ".SH FILES",
            *(line for file, what in FILES.items() for line in (".TP", _bold(file), _text(what))),
            "",
        ]
    )


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Those that do something, in the order of the help."""
    if parser.get_default("run") is not None:
        yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _commands(command)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    names = [f"\\fI{_text(_name(one))}\\fR" for one in _arguments(parser)]
    yield ".SS " + " ".join([_text(parser.prog), *names])
    yield _text(parser.description or "")
    for action in parser._actions:
        if action.help and not isinstance(action, argparse._HelpAction):
            yield ".TP"
            yield _heading(action)
            yield _text(action.help % {"default": action.default})
    yield ".PP"
    yield f"Example: {_bold((parser.epilog or '').removeprefix('example:').strip(), inline=True)}"


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What stands behind a command; its actions have entries of their own."""
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield action


def _heading(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"\\fI{_text(_name(action))}\\fR"
    words = _bold(", ".join(action.option_strings), inline=True)
    return words if action.nargs == 0 else f"{words} \\fI{_text(_name(action))}\\fR"


def _name(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper().replace("_", "-"))


def _code(row: str) -> Iterator[str]:
    number, meaning = row.split(maxsplit=1)
    yield from (".TP", _bold(number), _text(meaning))


def _bold(text: str, *, inline: bool = False) -> str:
    return f"\\fB{_text(text)}\\fR" if inline else f".B {_text(text)}"


def _text(text: str) -> str:
    """A text in which nothing is a command of roff."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{plain}" if plain.startswith(".") else plain


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
