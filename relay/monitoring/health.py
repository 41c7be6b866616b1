"""
Reports whether relay can store events, and whether its router and its lanes are running.

Each of these announces its next heartbeat. The intake is asked to store something, and remembers
the last event that it refused.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from relay.aio import Heartbeat
from relay.errors import OutboxError
from relay.intake.acceptance import Acceptance
from relay.monitoring.systemd import Notifier

MARGIN = 30.0  # seconds of grace for a late heartbeat or write
WRITE_TIMEOUT = 2.0  # seconds within which the outbox should have written
FRESH = 1.0  # seconds for which an answer holds, so that frequent checks cost no more writes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The problems, a line each: ``stuck`` are those that a restart helps against."""

    stuck: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()
    """The reasons why no event can be stored."""

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.stuck + self.unable

    @property
    def is_ready(self) -> bool:
        return not self.reasons


class HealthCheck:
    """Checks the intake, and lanes and router by their ``heartbeats``, which are by name."""

    def __init__(
        self,
        intake: Acceptance,
        heartbeats: Callable[[], Mapping[str, Heartbeat]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = intake
        self._heartbeats = heartbeats
        self._monotonic = monotonic
        self._write_began_at = monotonic() - FRESH
        self._write: asyncio.Task[None] | None = None

    async def check(self) -> HealthReport:
        problem = await self._intake_problem()
        waited = self._monotonic() - self._write_began_at
        hangs = self._write is not None and not self._write.done() and waited >= MARGIN
        return HealthReport(
            stuck=(*self._late(), *((problem,) if problem and hangs else ())),
            unable=(problem,) if problem and not hangs else (),
        )

    async def feed_watchdog(self, notifier: Notifier, *, stop: asyncio.Event) -> None:
        """Report to systemd twice per period until ``stop``; it restarts a relay that is stuck."""
        if notifier.watchdog is None:
            return
        while not stop.is_set():
            report = await self.check()
            notifier.status("; ".join(report.reasons) or "all is well")
            if report.stuck:
                reason = "; ".join(report.stuck)
                logger.critical("stuck", extra={"action": "watchdog", "reason": reason})
            else:
                notifier.alive()
            try:
                await asyncio.wait_for(stop.wait(), notifier.watchdog / 2)
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Cancel the trial write that is running."""
        if self._write is not None:
            self._write.cancel()
            await asyncio.gather(self._write, return_exceptions=True)

    def _late(self) -> tuple[str, ...]:
        return tuple(
            f"{name} should have come round {heartbeat.overdue:.0f} s ago"
            for name, heartbeat in self._heartbeats().items()
            if heartbeat.overdue > MARGIN
        )

    async def _intake_problem(self) -> str | None:
        now = self._monotonic()
        if self._write is None or (self._write.done() and now - self._write_began_at >= FRESH):
            self._write_began_at = now
            self._write = asyncio.create_task(self._intake.try_write())
        await asyncio.wait([self._write], timeout=WRITE_TIMEOUT)
        if not self._write.done():
            return (
                f"the outbox has not written for {self._monotonic() - self._write_began_at:.0f} s"
            )
        try:
            self._write.result()
        except OutboxError as error:
            return f"no event can be stored: {error}"
        if (refusal := self._intake.refusal) is not None:
            return f"the last event could not be stored: {refusal}"
        return None
