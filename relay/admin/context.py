"""The parts of a running relay that the operator's page shows and changes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from relay.config.effective import Setting
from relay.delivery.lane import LaneStatus
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.doctor.findings import Finding
from relay.i18n import Language
from relay.monitoring.rolling import RollingStats
from relay.outbox import Outbox
from relay.outcome import Outcome
from relay.rendering.templates import Templates
from relay.routing.match import Route
from relay.sinks import AnySink


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminContext:
    """
    The parts of a running relay that pages use.

    ``clock`` gives Unix milliseconds; ``sinks``, ``policies`` and ``lanes`` are by the names of
    sinks.
    """

    outbox: Outbox
    renderer: Renderer
    sinks: Mapping[str, AnySink]
    policies: Mapping[str, DeliveryPolicy]
    language: Language
    """The language of messages; pages use only its time zone."""
    clock: Callable[[], int]
    stats: RollingStats
    lanes: Callable[[], Mapping[str, LaneStatus]]
    wake: Callable[[str], None]
    """Let the lane of a sink look for deliveries now."""
    attempt: Callable[[str], Awaitable[Outcome]]
    """Send a test message to a sink."""
    hooks: Mapping[str, str]
    """The server of each hook."""
    routes: Sequence[Route]
    draft: Callable[[Mapping[str, str]], Templates]
    """The templates as they are on the disk, with some replaced by the given texts."""
    settings: Sequence[Setting]
    warnings: Sequence[str]
    examine: Callable[[], Awaitable[Sequence[Finding]]]
    """The findings of ``relay doctor`` on this machine."""


CONTEXT: web.AppKey[Callable[[], AdminContext]] = web.AppKey("CONTEXT")
"""Called for each page, because a reload replaces the context."""


def context_of(request: web.Request) -> AdminContext:
    return request.app[CONTEXT]()
