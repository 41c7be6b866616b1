"""What operators and systemd learn of a relay that runs: metrics, readiness, signs of life."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from relay.admin.context import AdminContext
from relay.config import WebSettings
from relay.delivery.heartbeat import Heartbeat
from relay.delivery.lane import Lane
from relay.errors import OutboxError
from relay.listener import OWNER, UNIX, BoundedRunner, Listener, listen
from relay.monitoring.changes import Changes
from relay.monitoring.health import HealthCheck, Intake
from relay.monitoring.metrics import Metrics
from relay.monitoring.sink_status import LaneStatus, SinkStatus, sink_statuses
from relay.monitoring.systemd import Notifier
from relay.outbox import Outbox

logger = logging.getLogger(__name__)


class Monitoring:
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
        self._health_check = HealthCheck(intake, self._heartbeats)

    def _heartbeats(self) -> Mapping[str, Heartbeat]:
        return {name: lane.heartbeat for name, lane in self._lanes.items()}

    @asynccontextmanager
    async def serve_admin(
        self,
        settings: WebSettings,
        context: Callable[[], AdminContext],
        changes: Changes,
        metrics: Metrics,
    ) -> AsyncIterator[Listener]:
        """The admin listener, open; ``changes`` announces changes of the context to open pages."""
        from relay.admin.app import create_app  # late: see tests/unit/test_late_imports.py

        app = create_app(
            password=settings.password,
            hosts=_hosts(settings),
            check_health=self._health_check.look,
            scrape=lambda: self.scraped(metrics),
            context=context,
            changes=changes,
        )
        runner = BoundedRunner(app, access_log=None, auto_decompress=False)
        async with listen(runner, settings.listen, mode=OWNER) as opened:
            logger.info("web is open", extra={"action": "listen", "address": opened.address})
            yield opened

    async def scraped(self, metrics: Metrics) -> tuple[bytes, str]:
        """The metrics in writing, and their content type."""
        condition = await self._health_check.look()
        statuses: Sequence[SinkStatus] = ()
        if condition.is_ready:
            lanes = {
                name: LaneStatus(is_failing=lane.is_failing, rest=lane.rest)
                for name, lane in self._lanes.items()
            }
            try:
                statuses = await sink_statuses(self._outbox, lanes, lanes)
            except OutboxError as error:
                logger.error("outbox fails", extra={"action": "scrape", "reason": str(error)})
        return metrics.written(is_ready=condition.is_ready, statuses=statuses, now=self._clock())

    async def keep(self, notifier: Notifier, *, stop: asyncio.Event) -> None:
        """Tell systemd twice per period that nothing hangs; if something does, it restarts us."""
        if notifier.watchdog is None:
            return
        while not stop.is_set():
            condition = await self._health_check.look()
            notifier.status("; ".join(condition.reasons) or "all is well")
            if condition.stuck:
                reason = "; ".join(condition.stuck)
                logger.critical("stuck", extra={"action": "watchdog", "reason": reason})
            else:
                notifier.alive()
            try:
                await asyncio.wait_for(stop.wait(), notifier.watchdog / 2)
            except TimeoutError:
                continue

    async def close(self) -> None:
        await self._health_check.close()


def _hosts(settings: WebSettings) -> set[str] | None:
    """The names of the web listener; a socket is reached by no browser."""
    if settings.listen.startswith(UNIX):
        return None
    own = urlsplit(f"//{settings.listen}").hostname or ""
    return {own, *(host.lower() for host in settings.hosts)}
