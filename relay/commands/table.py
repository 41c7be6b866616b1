"""Rows in columns, as wide as the terminal, and the words for times in them."""

import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TextIO

from relay.sinks.picture import width
from relay.tree import clean

_PAINT = re.compile(r"\x1b\[[\d;]*m")

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def room_of(stream: TextIO) -> int | None:
    """The columns of a terminal; None where nobody looks at the width."""
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
    """Somebody else's words, in one line that steers no terminal."""
    return " ".join(clean(text or "").split())


def moment(at: int) -> str:
    """In the time of this machine, for people."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: int) -> str:
    """In UTC, for programs."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


def span(seconds: float) -> str:
    """Roughly how long: ``45s``, ``12m``, ``3h``, ``2d``."""
    whole = max(0, round(seconds))
    size, name = next(((size, name) for size, name in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size}{name}"


def _width(text: str) -> int:
    return width(_PAINT.sub("", text))


def _cut(text: str, room: int | None) -> str:
    if room is None or width(text) <= room:
        return text
    while width(text) > room - 1:
        text = text[:-1]
    return f"{text}…"
