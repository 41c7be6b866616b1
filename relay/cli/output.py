"""Prints text, JSON, warnings and drawings of messages."""

import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from relay.sinks import VENDOR_OF, AnySink
from relay.sinks.console import ConsoleSettings, picture
from relay.sinks.preview import letters
from relay.terminal import Colour, framed
from relay.text.message import Message


def colour_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Colour:
    """Colour on a terminal, unless it is unwanted: https://no-color.org."""
    return Colour(
        on=stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    )


def echo(text: str = "") -> None:
    print(text, flush=True)


def echo_json(value: object) -> None:
    echo(json.dumps(value, ensure_ascii=False, indent=2))


def warn(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 sink``, ``2 sinks``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def drawing(sink: AnySink, message: Message, *, name: str, colour: Colour) -> str:
    """A message drawn with letters as the chat shows it, from the payload that is sent."""
    if isinstance(sink, ConsoleSettings):  # its own output
        return picture(message, name=name, colour=colour)
    lines = letters(VENDOR_OF[sink.type].preview(sink.layout([message]).payload))
    return framed(lines, name=name, tint=message.color, colour=colour)
