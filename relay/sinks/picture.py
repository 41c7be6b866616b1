"""A message drawn with letters, for terminals."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from relay.colour import BARE, Colour
from relay.dialects import plain
from relay.message import Message
from relay.sinks.layout import dated
from relay.tree import clean

WIDTH = 76

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # what could steer a terminal


def picture(message: Message, *, name: str, colour: Colour = BARE) -> str:
    """A message in a frame, headed by ``name``."""
    return framed(_lines(message), name=name, tint=message.color, colour=colour)


def framed(lines: Iterable[str], *, name: str, tint: int | None, colour: Colour) -> str:
    """Lines in a frame of a colour (0xRRGGBB), headed by ``name``."""

    def frame(text: str) -> str:
        return colour.tinted(text, tint)

    head = f"{frame('╭─')} {colour.bold(name)} {frame('─' * max(WIDTH - 4 - width(name), 0))}"
    first, *others = [*lines] or [""]
    drawn = [colour.bold(line) for line in wrapped(first)]
    drawn += [line for other in others for line in wrapped(other)]
    bar = frame("│")
    return "\n".join([head, *(f"{bar} {line}".rstrip() for line in drawn), frame(_bottom())])


def _bottom() -> str:
    return "╰" + "─" * (WIDTH - 1)


def _lines(message: Message) -> Iterator[str]:
    yield message.summary
    if message.url:
        yield message.url
    for part in (plain.render(message.body), "\n".join(_fields(message))):
        if part:
            yield ""
            yield from part.split("\n")
    for image in message.images:
        yield " ".join(filter(None, ("🖼 ", clean(image.alt), image.url)))
    if last := plain.line(dated(message)):
        yield ""
        yield last


def _fields(message: Message) -> Iterator[str]:
    for field in message.fields:
        yield f"{plain.line(field.name)}: {plain.render(field.value)}"


def width(text: str) -> int:
    """The columns that a text takes: letters of East Asia take two, marks none."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def wrapped(line: str) -> Iterator[str]:
    """A line in pieces that fit into the frame; long words stay whole, so that links work."""
    room, piece = WIDTH - 2, ""
    for word in re.split(r"(?<= )(?=[^ ])", _CONTROL.sub(" ", line)):
        if piece and width(piece) + width(word.rstrip()) > room:
            yield piece.rstrip()
            piece = ""
        piece += word
    yield piece.rstrip()
