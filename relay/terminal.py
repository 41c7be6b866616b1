"""Colour, tables and frames for terminals; other outputs get plain text."""

import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from relay.text.tree import clean

_RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Colour:
    """Adds colour to text, if it is ``on``."""

    on: bool = False

    def bold(self, text: str) -> str:
        return self._painted(text, "1")

    def dim(self, text: str) -> str:
        return self._painted(text, "2")

    def good(self, text: str) -> str:
        return self._painted(text, "32")

    def bad(self, text: str) -> str:
        return self._painted(text, "31")

    def doubtful(self, text: str) -> str:
        return self._painted(text, "33")

    def tinted(self, text: str, rgb: int | None) -> str:
        """Text in the nearest of the 256 colours that every terminal has; dim without one."""
        if rgb is None:
            return self.dim(text)
        red, green, blue = (round((rgb >> shift & 0xFF) / 51) for shift in (16, 8, 0))
        return self._painted(text, f"38;5;{16 + 36 * red + 6 * green + blue}")

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.on and text else text


BARE = Colour()


_PAINT = re.compile(r"\x1b\[[\d;]*m")


def room_of(stream: TextIO) -> int | None:
    """The columns of a terminal; None for other outputs."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def table(rows: Sequence[Sequence[str]], *, room: int | None) -> Iterator[str]:
    """Lines with aligned columns. The last one is cut where the room ends."""
    if not rows:
        return
    widest = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *cells, last = row
        padded = [
            cell + " " * (most - _width(cell)) for cell, most in zip(cells, widest, strict=False)
        ]
        start = "  ".join(padded)
        left = None if room is None else max(room - _width(start) - 2, 1)
        yield f"{start}  {_cut(last, left)}".rstrip()


def one_line(text: str | None) -> str:
    """Foreign text in one line, without control characters."""
    return " ".join(clean(text or "").split())


def moment(at: int) -> str:
    """A time for people, in the zone of this machine."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: int) -> str:
    """A time for programs, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def _width(text: str) -> int:
    return width(_PAINT.sub("", text))


def _cut(text: str, room: int | None) -> str:
    if room is None or width(text) <= room:
        return text
    while width(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


WIDTH = 76


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # characters that could control a terminal


def width(text: str) -> int:
    """The columns of a text: East Asian characters take two, combining marks none."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


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


def wrapped(line: str) -> Iterator[str]:
    """A line in pieces that fit into the frame; long words stay whole, so that links work."""
    room, piece = WIDTH - 2, ""
    for word in re.split(r"(?<= )(?=[^ ])", _CONTROL.sub(" ", line)):
        if piece and width(piece) + width(word.rstrip()) > room:
            yield piece.rstrip()
            piece = ""
        piece += word
    yield piece.rstrip()
