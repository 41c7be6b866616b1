"""What runs, as far as its operator sees and touches it: given by who built it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from relay.delivery.renderer import DeliveryPolicy, Renderer
from relay.i18n import Language
from relay.monitoring.rolling import RollingStats
from relay.monitoring.sink_status import LaneStatus
from relay.outbox import Outbox
from relay.outcome import Outcome
from relay.rendering.templates import Templates
from relay.routing.match import Route
from relay.sinks import AnySink


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``clock`` gives Unix milliseconds."""

    outbox: Outbox
    renderer: Renderer
    sinks: Mapping[str, AnySink]
    policies: Mapping[str, DeliveryPolicy]
    language: Language
    """That of messages; pages take of it the time zone."""
    clock: Callable[[], int]
    stats: RollingStats
    lanes: Callable[[], Mapping[str, LaneStatus]]
    """By the names of sinks."""
    wake: Callable[[str], None]
    """Something may wait for a sink."""
    attempt: Callable[[str], Awaitable[Outcome]]
    """Send a test message to a sink."""
    hooks: Mapping[str, str]
    """The ways in, and the server of each."""
    routes: Sequence[Route]
    draft: Callable[[Mapping[str, str]], Templates]
    """The templates as they are on the disk now, some replaced by these texts."""
    settings: Sequence["Setting"]
    warnings: Sequence[str]
    examine: Callable[[], Awaitable[Sequence["Advice"]]]
    """What ``relay doctor`` would say."""


class Advice(Protocol):
    """What is doubtful in a set-up: where, what it is, and what to do about it."""

    @property
    def level(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def remedy(self) -> str: ...


class Setting(Protocol):
    """A setting in effect, as it may be shown, and where it came from; empty: a default."""

    @property
    def path(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def origin(self) -> str: ...


OPERATION: web.AppKey[Callable[[], Operation]] = web.AppKey("OPERATION")
"""Asked anew for each page: a configuration can be loaded while relay runs."""


def operation(request: web.Request) -> Operation:
    return request.app[OPERATION]()
