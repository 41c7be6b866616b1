"""
Whether events can be stored and deliveries carried, judged by what the parts do.

Each lane says when it will be back; the intake is asked to store something, and remembers what it
had to refuse.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from relay.delivery.heartbeat import Heartbeat
from relay.errors import OutboxError

MARGIN = 30.0  # seconds of grace for whoever is late
PATIENCE = 2.0  # seconds within which the outbox should have written
FRESH = 1.0  # seconds for which an answer holds: who asks often costs no more writes


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong, a line each: what hangs (a restart helps), and what keeps us from storing."""

    stuck: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.stuck + self.unable

    @property
    def is_ready(self) -> bool:
        return not self.reasons


class Intake(Protocol):
    """What takes events."""

    @property
    def refusal(self) -> str | None:
        """Why the last event was refused; None once one as large could be stored again."""
        ...

    async def probe(self) -> None:
        """Store something as large as an event. Raises OutboxError."""
        ...


class HealthCheck:
    """Looks after lanes (``heartbeats`` gives theirs, by name) and what takes events."""

    def __init__(
        self,
        intake: Intake,
        heartbeats: Callable[[], Mapping[str, Heartbeat]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = intake
        self._heartbeats = heartbeats
        self._monotonic = monotonic
        self._asked_at = monotonic() - FRESH
        self._writing: asyncio.Task[None] | None = None

    async def look(self) -> Condition:
        unable = await self._trouble_of_intake()
        waited = self._monotonic() - self._asked_at
        hangs = self._writing is not None and not self._writing.done() and waited >= MARGIN
        return Condition(
            stuck=(*self._late_lanes(), *((unable,) if unable and hangs else ())),
            unable=(unable,) if unable and not hangs else (),
        )

    def _late_lanes(self) -> tuple[str, ...]:
        return tuple(
            f"the lane of {name} should have come round {heartbeat.overdue:.0f} s ago"
            for name, heartbeat in self._heartbeats().items()
            if heartbeat.overdue > MARGIN
        )

    async def _trouble_of_intake(self) -> str | None:
        now = self._monotonic()
        if self._writing is None or (self._writing.done() and now - self._asked_at >= FRESH):
            self._asked_at = now
            self._writing = asyncio.create_task(self._intake.probe())
        await asyncio.wait([self._writing], timeout=PATIENCE)
        if not self._writing.done():
            return f"the outbox has not written for {self._monotonic() - self._asked_at:.0f} s"
        try:
            self._writing.result()
        except OutboxError as error:
            return f"no event can be stored: {error}"
        if (refusal := self._intake.refusal) is not None:
            return f"the last event could not be stored: {refusal}"
        return None

    async def close(self) -> None:
        """Ask no more."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
