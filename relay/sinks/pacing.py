"""
The pace of requests to a sink: at most so many within so many seconds.

Pure: the clock is a parameter, in seconds.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BeforeValidator

from relay.units import seconds

FIRST_PAUSE = 5.0  # seconds
LAST_PAUSE = 3600.0  # bans of Cloudflare's last for thousands of seconds

Window = tuple[int, float]
"""At most this many requests within so many seconds."""


@dataclass
class Past:
    """The past requests, and the pauses that the vendor asked for."""

    sent: deque[float] = field(default_factory=deque)
    rests_until: float = 0.0
    edits_rest_until: float = 0.0
    unstated_pauses: int = 0
    """How many limits in a row did not state a pause."""
    kept: int = 0
    """How many requests the largest window has to know of, of all that ask."""


@dataclass
class Pace:
    """
    Keeps to several windows at once; no window: any pace.

    Sinks that count against one limit of their vendor's share its past, each under its own windows.
    """

    windows: tuple[Window, ...] = ()
    vendor: "Pace | None" = None
    """That of all sinks of a vendor: it counts refusals, of which too many make a ban."""
    _past: Past = field(default_factory=Past)

    def __post_init__(self) -> None:
        largest = max((count for count, _ in self.windows), default=0)
        self._past.kept = max(self._past.kept, largest)

    def under(self, windows: tuple[Window, ...], *, vendor: "Pace | None" = None) -> "Pace":
        """The same past under other windows; both record into it."""
        return Pace(windows, vendor, self._past)

    def note(self, *, now: float) -> None:
        """A request is leaving."""
        self._past.sent.append(now)
        while len(self._past.sent) > self._past.kept:
            self._past.sent.popleft()

    def rest(self, pause: float, *, now: float) -> None:
        """The vendor asks for so many seconds without a request."""
        self._past.rests_until = max(self._past.rests_until, now + pause)

    def rest_edits(self, pause: float, *, now: float) -> None:
        """The vendor asks for so many seconds without a change of a message."""
        self._past.edits_rest_until = max(self._past.edits_rest_until, now + pause)

    def pause_of_edits(self, *, now: float) -> float:
        """The seconds until another message may be changed, as far as only changes are limited."""
        return max(0.0, self._past.edits_rest_until - now)

    def next_pause(self) -> float:
        """How long to wait where the vendor does not say: twice as long each time."""
        self._past.unstated_pauses += 1
        doubled: float = FIRST_PAUSE * 2 ** min(self._past.unstated_pauses - 1, 16)
        return min(doubled, LAST_PAUSE)

    def taken(self) -> None:
        """The vendor has taken a request."""
        self._past.unstated_pauses = 0
        if self.vendor is not None:
            self.vendor.taken()

    def refused(self, *, now: float) -> None:
        """The vendor has refused a request."""
        if self.vendor is not None:
            self.vendor.note(now=now)

    def rest_everywhere(self, pause: float, *, now: float) -> None:
        """The vendor asks for so many seconds without a request from any of its sinks."""
        (self.vendor or self).rest(pause, now=now)

    def pause(self, *, now: float) -> float:
        """The seconds until another request may leave."""
        elsewhere = 0.0 if self.vendor is None else self.vendor.pause(now=now)
        waits = (
            self._past.sent[-count] + length - now
            for count, length in self.windows
            if len(self._past.sent) >= count
        )
        return max((0.0, elsewhere, self._past.rests_until - now, *waits))


def windows(written: object) -> tuple[Window, ...]:
    """``5/2s``, several of them with commas, or ``unlimited``."""
    if isinstance(written, tuple):
        return written
    if written == "unlimited":
        return ()
    parts: Iterable[str] = str(written).split(",")
    return tuple(_window(part.strip()) for part in parts)


def written(windows: Iterable[Window]) -> str:
    """As a configuration has it: ``5/2s``; empty for any pace."""
    return ", ".join(f"{number}/{length:g}s" for number, length in windows)


def _window(written: str) -> Window:
    match = re.fullmatch(r"([1-9]\d{0,5})\s*/\s*(.+)", written)
    length = match and seconds(match[2] if match[2][0].isdigit() else f"1{match[2]}")
    if not match or not length:
        raise ValueError("should be a pace like 5/2s, or unlimited")
    return int(match[1]), length


Rate = Annotated[tuple[Window, ...], BeforeValidator(windows, json_schema_input_type=str)]
