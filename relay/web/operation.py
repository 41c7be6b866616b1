"""What runs, as far as its operator sees and touches it: given by who built it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.language import Language
from relay.outbox import Outbox
from relay.press import Manner, Press
from relay.sinks import AnySink


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


OPERATION: web.AppKey[Callable[[], Operation]] = web.AppKey("OPERATION")
"""Asked anew for each page: a configuration can be loaded while relay runs."""


def operation(request: web.Request) -> Operation:
    return request.app[OPERATION]()
