"""What operators and systemd learn of a relay that runs: metrics, readiness, signs of life."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relay.admin.context import Operation
from relay.config import WebSettings
from relay.delivery.heartbeat import Pulse
from relay.delivery.lane import Lane
from relay.errors import OutboxError
from relay.listener import OWNER, UNIX, BoundedRunner, Door, listening
from relay.monitoring.changes import Bell
from relay.monitoring.health import Intake, Vigil
from relay.monitoring.sink_status import Breaker, Standing
from relay.monitoring.systemd import Notify
from relay.outbox import Outbox

if TYPE_CHECKING:
    from relay.monitoring.metrics import Metrics

logger = logging.getLogger(__name__)


class Watch:
    """``lanes`` is read anew each time; ``clock`` gives Unix milliseconds."""

    def __init__(
        self,
        outbox: Outbox,
        intake: Intake,
        lanes: Mapping[str, Lane],
        *,
        clock: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._lanes = lanes
        self._clock = clock
        self._vigil = Vigil(intake, self._pulses)

    def _pulses(self) -> Mapping[str, Pulse]:
        return {name: lane.pulse for name, lane in self._lanes.items()}

    @asynccontextmanager
    async def listening(
        self,
        settings: WebSettings,
        operation: Callable[[], Operation],
        bell: Bell,
        metrics: "Metrics",
    ) -> AsyncIterator[Door]:
        """The web listener, open; ``operation`` is what pages show, ``bell`` when it changes."""
        from relay.admin.app import door

        app = door(
            password=settings.password,
            hosts=_hosts(settings),
            look=self._vigil.look,
            scrape=lambda: self.scraped(metrics),
            operation=operation,
            bell=bell,
        )
        runner = BoundedRunner(app, access_log=None, auto_decompress=False)
        async with listening(runner, settings.listen, mode=OWNER) as opened:
            logger.info("web is open", extra={"action": "listen", "address": opened.address})
            yield opened

    async def scraped(self, metrics: "Metrics") -> tuple[bytes, str]:
        """The metrics in writing, and their content type."""
        condition = await self._vigil.look()
        standings: Mapping[str, Standing] = {}
        if condition.is_ready:
            try:
                standings = await self._standings()
            except OutboxError as error:
                logger.error("outbox fails", extra={"action": "scrape", "reason": str(error)})
        return metrics.written(is_ready=condition.is_ready, standings=standings)

    async def _standings(self) -> Mapping[str, Standing]:
        backlog, now = await self._outbox.backlog(), self._clock()
        halted = dict.fromkeys(await self._outbox.paused_sinks(), Breaker.PAUSED)
        halted |= {sink.name: Breaker.CLOSED for sink in await self._outbox.closed_sinks()}
        return {
            name: Standing(
                breaker=halted.get(name) or (Breaker.SICK if lane.is_sick else Breaker.WELL),
                backlog=backlog[name].number if name in backlog else 0,
                oldest=max(0, now - backlog[name].since) / 1000 if name in backlog else 0.0,
            )
            for name, lane in self._lanes.items()
        }

    async def keep(self, notify: Notify, *, stop: asyncio.Event) -> None:
        """Tell systemd twice per period that nothing hangs; if something does, it restarts us."""
        if notify.watchdog is None:
            return
        while not stop.is_set():
            condition = await self._vigil.look()
            notify.status("; ".join(condition.reasons) or "all is well")
            if condition.stuck:
                reason = "; ".join(condition.stuck)
                logger.critical("stuck", extra={"action": "watchdog", "reason": reason})
            else:
                notify.alive()
            try:
                await asyncio.wait_for(stop.wait(), notify.watchdog / 2)
            except TimeoutError:
                continue

    async def close(self) -> None:
        await self._vigil.close()


def _hosts(settings: WebSettings) -> set[str] | None:
    """The names of the web listener; a socket is reached by no browser."""
    if settings.listen.startswith(UNIX):
        return None
    own = urlsplit(f"//{settings.listen}").hostname or ""
    return {own, *(host.lower() for host in settings.hosts)}
