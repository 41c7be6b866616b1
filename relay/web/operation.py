"""What runs, as far as its operator sees and touches it: given by who built it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.language import Language
from relay.outbox import Outbox
from relay.outcome import Outcome
from relay.press import Manner, Press
from relay.sinks import AnySink
from relay.web.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """How a lane is doing: whether its sink is only probed, and for how long its pace rests."""

    is_sick: bool = False
    rest: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``clock`` gives Unix milliseconds."""

    outbox: Outbox
    press: Press
    sinks: Mapping[str, AnySink]
    manners: Mapping[str, Manner]
    language: Language
    """That of messages; pages take of it the time zone."""
    clock: Callable[[], int]
    tally: Tally
    laps: Callable[[], Mapping[str, Lap]]
    """By the names of sinks."""
    wake: Callable[[str], None]
    """Something may wait for a sink."""
    attempt: Callable[[str], Awaitable[Outcome]]
    """Send a test message to a sink."""


OPERATION: web.AppKey[Callable[[], Operation]] = web.AppKey("OPERATION")
"""Asked anew for each page: a configuration can be loaded while relay runs."""


def operation(request: web.Request) -> Operation:
    return request.app[OPERATION]()
