"""The lane: carries one sink's deliveries, one after the other, in the order of their events."""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

import aiohttp

from relay.errors import OutboxError, RelayError
from relay.message import Message, plain_form
from relay.outbox.base import Outbox
from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State
from relay.press import Manner, Press
from relay.pulse import Pulse
from relay.retry import WELL, settle
from relay.sinks.base import Sink

logger = logging.getLogger(__name__)

LEASE = 120_000  # milliseconds; longer than all requests of a send, or two could send the same
PATIENCE = 60.0  # seconds within a lease for the second request of a send
POLL = 30.0  # seconds; wake() comes before, except for what another process has changed


class Lane:
    """
    Claim, render, send, settle. Tests call ``step``; only ``run`` waits.

    ``clock`` gives Unix milliseconds, ``monotonic`` seconds that never jump, for the pace; ``told``
    learns of every delivery that was settled, with the outcome of its attempt.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        manner: Manner,
        press: Press,
        outbox: Outbox,
        session: aiohttp.ClientSession,
        fingerprint: str,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        told: Callable[[Delivery, Outcome], None] = lambda settled, outcome: None,
    ) -> None:
        self.name = name
        self._sink = sink
        self._manner = manner
        self._press = press
        self._outbox = outbox
        self._session = session
        self.fingerprint = fingerprint
        self._clock = clock
        self._monotonic = monotonic
        self._news = asyncio.Event()
        self._health = WELL
        self._told = told
        self.pulse = Pulse(monotonic=monotonic)

    @property
    def is_sick(self) -> bool:
        """Whether its sink keeps failing, and is only probed."""
        return self._health.is_sick

    def wake(self) -> None:
        """There may be something to carry."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        self.pulse.beat(within=LEASE / 1000)
        while not stop.is_set():
            self._news.clear()
            pause, wakes = await self._step_safely()
            self.pulse.beat(within=pause + LEASE / 1000)
            if pause > 0:
                await _first(pause, stop, *([self._news] if wakes else []))

    async def _step_safely(self) -> tuple[float, bool]:
        try:
            return await self.step()
        except OutboxError as error:
            logger.error(
                "outbox fails", extra={"action": "rest", "sink": self.name, "reason": str(error)}
            )
            return 1.0, False

    async def step(self) -> tuple[float, bool]:
        """
        Carry one delivery, if one is due.

        Returns the seconds to rest before the next, and whether news end that rest.
        """
        if (rest := self._manner.pace.pause(now=self._monotonic())) > 0:
            return rest, False
        claimed = await self._claim()
        if claimed is None:
            return await self._until_due(), True
        ended = await self._attempt(claimed)
        outcome = self._health.verdict(claimed.id, ended)
        self._health = self._health.after(claimed.id, ended)
        settled = settle(
            claimed,
            outcome,
            schedule=self._manner.schedule,
            jitter=random.uniform(0.8, 1.2),  # noqa: S311
            resend=self._manner.resend,
            health=self._health,
            now=self._clock(),
        )
        await self._save(settled, claimed, outcome)
        if (doubted := self._health.doubted) is not None:
            await self._outbox.expedite(doubted, now=self._clock())
        if isinstance(outcome, Sent | RateLimited):
            self._manner.pace.rest(outcome.pause, now=self._monotonic())
        return 0.0, False

    async def _claim(self) -> Delivery | None:
        """The head of the line; or who stands behind it, to learn which of both is sick."""
        behind = self._health.behind
        if behind is not None:
            if (found := await self._claim_behind(behind)) is not None:
                return found
            self._health = replace(self._health, behind=None)
        return await self._claim_behind(None)

    async def _claim_behind(self, delivery: int | None) -> Delivery | None:
        return await self._outbox.claim(
            self.name, now=self._clock(), lease=LEASE, hold=self._manner.hold, behind=delivery
        )

    async def _until_due(self) -> float:
        due_at = await self._outbox.due_at(self.name, hold=self._manner.hold)
        return POLL if due_at is None else min(POLL, max(0.001, (due_at - self._clock()) / 1000))

    async def _attempt(self, claimed: Delivery) -> Outcome:
        if claimed.interrupted and not self._manner.resend:
            return Failed("relay ended while it was sent", ambiguous=True)
        try:
            message = self._press.message(claimed, self._manner)
            if isinstance(message, Rejected):
                return message
            return await self._send(message, key=f"{self._outbox.id}-{claimed.id}")
        except RelayError as error:
            return Rejected(str(error))
        except Exception as error:
            # Frames without the error's text: that can hold an address, which is a key.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("bug", extra={"action": "bug", "sink": self.name, "trace": frames})
            return Failed(f"a bug in relay: {type(error).__name__}")

    async def _send(self, message: Message, *, key: str) -> Outcome:
        self._manner.pace.note(now=self._monotonic())
        outcome = await self._sink.send([message], key=key, session=self._session)
        if not isinstance(outcome, Rejected):
            return outcome
        logger.warning(
            "rejected, trying its plain form",
            extra={"action": "plain", "sink": self.name, "reason": outcome.reason},
        )
        # The refused one counts against the limit too; a RateLimited here would come for ever.
        await asyncio.sleep(min(self._manner.pace.pause(now=self._monotonic()), PATIENCE))
        self._manner.pace.note(now=self._monotonic())
        second = await self._sink.send([plain_form(message)], key=f"{key}p", session=self._session)
        return outcome if isinstance(second, Rejected | RateLimited) else second

    async def _save(self, settled: Delivery, claimed: Delivery, outcome: Outcome) -> None:
        if not await self._saved(settled, claimed):
            logger.warning("lease lost", extra={"action": "lease_lost", "delivery": claimed.id})
        if isinstance(outcome, Closed):
            await self._outbox.close_sink(
                self.name,
                reason=outcome.reason,
                fingerprint=self.fingerprint,
                now=self._clock(),
            )
        self._tell(settled, outcome)

    async def _saved(self, settled: Delivery, claimed: Delivery) -> bool:
        """Write what became of a delivery: what was sent must not be forgotten, and sent again."""
        while True:
            try:
                return await self._outbox.save(settled, claimed=claimed)
            except OutboxError as error:
                if self._clock() >= claimed.due_at:
                    raise
                logger.error(
                    "outbox fails",
                    extra={"action": "save_again", "sink": self.name, "reason": str(error)},
                )
                await asyncio.sleep(1.0)

    def _tell(self, settled: Delivery, outcome: Outcome) -> None:
        self._told(settled, outcome)
        level = logging.INFO if isinstance(outcome, Sent | RateLimited) else logging.WARNING
        if settled.state is State.DEAD or isinstance(outcome, Closed):
            level = logging.ERROR
        logger.log(
            level,
            OUTCOMES[type(outcome)] if settled.state is not State.DEAD else "dead letter",
            extra={
                "action": "settle",
                "hook": settled.hook,
                "sink": self.name,
                "delivery": settled.id,
                "attempt": settled.attempt,
                "outcome": type(outcome).__name__,
                "reason": getattr(outcome, "reason", None),
                "again_in": self._again_in(settled),
            },
        )

    def _again_in(self, settled: Delivery) -> str | None:
        """The wait until the next attempt, for people."""
        wait = (settled.due_at - self._clock()) / 1000
        return f"{wait:.0f}s" if settled.state is State.PENDING and wait > 0 else None


OUTCOMES = {
    Sent: "delivered",
    RateLimited: "rate limited",
    Failed: "failed, will be tried again",
    Rejected: "rejected",
    Closed: "sink closed: it refuses us; its backlog waits",
}


async def _first(pause: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or ``pause`` seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
