"""Reloads the configuration, as a whole or not at all."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping

import aiohttp

from relay.aio import first
from relay.app.control import Reloaded
from relay.app.plan import Plan, Running, changed, restart_only
from relay.config import Config
from relay.delivery.lane_config import LaneConfig
from relay.delivery.lanes import LaneSupervisor
from relay.errors import ConfigError, RelayError
from relay.monitoring.systemd import Notifier
from relay.outbox import Outbox

logger = logging.getLogger(__name__)


class Reload:
    """
    ``load`` reads the file; it runs in a thread, so that events need not wait for it.

    ``on_change`` is called with each new configuration.
    """

    def __init__(
        self,
        running: Running,
        supervisor: LaneSupervisor,
        outbox: Outbox,
        *,
        session: aiohttp.ClientSession,
        on_change: Callable[[Config], None],
        load: Callable[[], Config],
        notifier: Notifier,
        clock: Callable[[], int],
    ) -> None:
        self._running = running
        self._supervisor = supervisor
        self._outbox = outbox
        self._session = session
        self._on_change = on_change
        self._load = load
        self._notifier = notifier
        self._clock = clock
        self._started = running.plan.config
        self._alone = asyncio.Lock()

    async def __call__(self) -> Reloaded:
        """Reload; raises ConfigError with all problems, and then nothing has changed."""
        async with self._alone:
            self._notifier.reloading()
            try:
                return await self._reloaded()
            except RelayError as error:
                for line in str(error).splitlines():
                    logger.error("not reloaded", extra={"action": "reload", "reason": line})
                raise
            finally:
                self._notifier.ready("all is well")

    async def _reloaded(self) -> Reloaded:
        before = self._running.plan
        plan = await asyncio.to_thread(
            lambda: Plan.build(
                self._loaded(), salt=self._outbox.id, session=self._session, before=before
            )
        )
        self._running.plan = plan
        self._supervisor.change(plan.lane_configs, plan.groups)
        self._on_change(plan.config)
        done = Reloaded(
            sinks=changed(before, plan), restart_only=restart_only(self._started, plan.config)
        )
        logger.info("reloaded", extra={"action": "reload", "sinks": ",".join(done.sinks) or None})
        for key in done.restart_only:
            logger.warning(
                "needs a restart", extra={"action": "reload", "reason": f"{key}: has changed"}
            )
        await reopen(self._outbox, plan.lane_configs, now=self._clock())
        for name in done.sinks:
            await self._outbox.open_sink(name, now=self._clock())
        self._supervisor.wake(done.sinks)
        return done

    def _loaded(self) -> Config:
        try:
            return self._load()
        except RelayError:
            raise
        except Exception as error:
            # Frames without the error's text: that can hold what the file holds.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("bug", extra={"action": "bug", "trace": frames})
            raise ConfigError(f"a bug in relay: {type(error).__name__}") from None

    async def watch(self, asked: asyncio.Event, *, stop: asyncio.Event) -> None:
        """Reload whenever ``asked`` is set, until ``stop``."""
        while True:
            await first(None, stop, asked)
            if stop.is_set():
                return
            asked.clear()
            try:
                await self()
            except RelayError:
                continue  # it has been logged


async def reopen(outbox: Outbox, lane_configs: Mapping[str, LaneConfig], *, now: int) -> None:
    """Open closed sinks whose settings have changed since; log the others, and orphaned sinks."""
    for closed in await outbox.closed_sinks():
        lane_config = lane_configs.get(closed.name)
        if lane_config is not None and lane_config.fingerprint == closed.fingerprint:
            logger.error(
                "sink still closed",
                extra={"action": "closed", "sink": closed.name, "reason": closed.reason},
            )
        else:
            await outbox.open_sink(closed.name, now=now)
    for (sink, state), number in (await outbox.counts()).items():
        if state == "pending" and sink not in lane_configs:
            logger.warning(
                "deliveries wait for a sink that is not in the configuration",
                extra={"action": "orphaned_deliveries", "sink": sink, "number": number},
            )
