"""Closes a sink that refused relay, and probes it, ever more rarely, until it accepts again."""

import logging
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from relay.outbox.base import Outbox
from relay.outbox.records import ClosedSink
from relay.outcome import Closed, Outcome, RateLimited, Sent

logger = logging.getLogger(__name__)

FIRST_PROBE = 60.0  # seconds
LAST_PROBE = 6 * 3600.0


class Closure:
    """Closes and opens one sink; ``clock`` gives Unix milliseconds."""

    def __init__(self, name: str, *, outbox: Outbox, clock: Callable[[], int]) -> None:
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._since: int | None = None
        """When it closed; kept after a probe has opened it until a delivery arrives."""

    def reset(self) -> None:
        """Forget when it closed: a delivery has arrived, or its settings have changed."""
        self._since = None

    async def close(self, outcome: Closed, fingerprint: str) -> None:
        """Close the sink; ``fingerprint`` is that of its settings."""
        now = self._clock()
        closed_at = now if self._since is None else min(self._since, now)
        closed = ClosedSink(
            name=self._name,
            reason=outcome.reason,
            fingerprint=fingerprint,
            closed_at=closed_at,
            probe_at=_probe_at(outcome, closed_at=closed_at, now=now),
        )
        await self._outbox.close_sink(closed)

    async def until_open(self, fingerprint: str, probe: Callable[[], Awaitable[Outcome]]) -> float:
        """
        Probe the sink if that is due; return the seconds until it is open, or until the next probe.

        Infinite if it is not closed, or if only an operator or other settings can open it.
        """
        closed = await self._outbox.sink_to_probe(self._name)
        if closed is None or closed.fingerprint != fingerprint:
            return math.inf
        if (pause := _until(closed, now=self._clock())) > 0:
            return pause
        answer, now = await probe(), self._clock()
        if isinstance(answer, Sent):
            self._since = closed.closed_at
            await self._outbox.open_sink(self._name, now=now)
            logger.info("sink is open again", extra={"action": "opened", "sink": self._name})
            return 0.0
        reason = answer.reason if isinstance(answer, Closed) else closed.reason
        probe_at = _probe_at(answer, closed_at=closed.closed_at, now=now)
        await self._outbox.postpone_probe(replace(closed, reason=reason, probe_at=probe_at))
        return math.inf if probe_at is None else (probe_at - now) / 1000


def probe_pause(*, closed_for: float, jitter: float = 1.0) -> float:
    """Seconds until a closed sink is probed: as long as it has been closed, within bounds."""
    return min(max(closed_for, FIRST_PROBE), LAST_PROBE) * jitter


def _probe_at(outcome: Outcome, *, closed_at: int, now: int) -> int | None:
    """When a sink that closed at ``closed_at`` is probed next; None: never."""
    if isinstance(outcome, Closed) and outcome.is_lasting:
        return None
    jitter = random.uniform(0.8, 1.2)  # noqa: S311
    pause = probe_pause(closed_for=(now - closed_at) / 1000, jitter=jitter)
    if isinstance(outcome, RateLimited):
        pause = max(pause, outcome.pause)
    return now + round(pause * 1000)


def _until(closed: ClosedSink, *, now: int) -> float:
    """The seconds until its next probe; 0 if the clock was set back."""
    if closed.probe_at is None or closed.probe_at - now > 2 * LAST_PROBE * 1000:
        return 0.0
    return (closed.probe_at - now) / 1000
