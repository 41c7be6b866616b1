"""Delivers to one sink, in the order of the events."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.aio import Heartbeat, first
from relay.delivery import breaker
from relay.delivery.bounds import UnroutedError
from relay.delivery.claimer import LEASE, Claimer, as_before, batch_of
from relay.delivery.closure import Closure
from relay.delivery.lane_config import LaneConfig
from relay.delivery.sender import Sender
from relay.delivery.settle import AttemptContext, settle
from relay.errors import BrokenError, OutboxError
from relay.outbox.base import Outbox
from relay.outbox.records import Claim
from relay.outcome import Attempt, Closed, Delivery, Failed, LimitScope, Outcome, RateLimited, Sent

logger = logging.getLogger(__name__)

RETRY_PAUSE = 1.0  # seconds until an outbox that failed, or another node's sink, is tried again
UNROUTED_PAUSE = 0.1  # seconds until an accepted event is looked for that is to be routed first

OnSettled = Callable[[Sequence[Delivery], Outcome], None]
"""Called with deliveries in their new states, and the outcome of their attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """The state of a lane, which only its process knows; ``rest`` is in seconds."""

    is_failing: bool = False
    """Whether the circuit breaker of the sink is open."""
    rest: float = 0.0
    """How long its pace lets nothing be sent."""


class Lane:
    """
    Claims, sends, settles and saves. Tests call ``step``; only ``run`` waits.

    ``clock`` gives Unix milliseconds, ``monotonic`` seconds that never jump, for the pace;
    ``on_settled`` is called with the end of every attempt.
    """

    def __init__(
        self,
        name: str,
        config: LaneConfig,
        *,
        outbox: Outbox,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        on_settled: OnSettled = lambda settled, outcome: None,
    ) -> None:
        self.name = name
        self._config = self._next = config
        self._outbox = outbox
        self._clock = clock
        self._monotonic = monotonic
        self._wake_up = asyncio.Event()
        self._changed = asyncio.Event()
        self._looks_at = math.inf  # by ``monotonic``
        self._due_at = math.inf  # by ``clock``, as the outbox said last
        self._claimer = Claimer(name, outbox=outbox, clock=clock)
        self._closure = Closure(name, outbox=outbox, clock=clock)
        self._on_settled = on_settled
        self.heartbeat = Heartbeat(monotonic=monotonic)
        self._sender = self._new_sender()

    def change(self, config: LaneConfig) -> None:
        """Use other settings from the next attempt on."""
        self._next = config
        self._changed.set()

    def _apply_change(self) -> None:
        """Start to use changed settings; those of the sink reset its breaker."""
        if self._next is self._config:
            return
        if self._next.fingerprint != self._config.fingerprint:
            self._claimer.reset()
            self._closure.reset()
        self._config = self._next
        self._sender = self._new_sender()

    def _new_sender(self) -> Sender:
        return Sender(
            self.name,
            self._config,
            outbox=self._outbox,
            monotonic=self._monotonic,
        )

    @property
    def is_failing(self) -> bool:
        """Whether the circuit breaker of its sink is open."""
        return breaker.is_open(self._claimer.breaker)

    @property
    def status(self) -> LaneStatus:
        rest = self._config.policy.pace.pause(now=self._monotonic())
        return LaneStatus(is_failing=self.is_failing, rest=rest)

    def wake(self) -> None:
        """
        Look for deliveries, one hold from now at the latest.

        What has just come is held that long, so that an event costs a waiting lane nothing.
        """
        looks_at = self._monotonic() + self._config.policy.hold / 1000
        if looks_at < self._looks_at:
            self._looks_at = looks_at
            self._wake_up.set()

    def begin(self, seconds: float) -> None:
        """Own the sink from now on; another process may have sent to it ``seconds`` ago."""
        rest = (
            max((length for _, length in self._config.policy.pace.windows), default=0.0) - seconds
        )
        self._config.policy.pace.rest(rest, now=self._monotonic())

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``, or until nothing is pending."""
        self.heartbeat.beat(within=LEASE / 1000)
        while not stop.is_set():
            self._looks_at = math.inf
            self._wake_up.clear()
            self._changed.clear()
            pause, wakes = await self._step_safely()
            if pause == math.inf and not self._wake_up.is_set():
                break
            self.heartbeat.beat(within=pause + LEASE / 1000)
            if wakes:
                await self._wait(pause, stop)
            elif pause > 0:
                await first(pause, stop, self._changed)
        self.heartbeat.beat(within=math.inf)

    async def _wait(self, pause: float, stop: asyncio.Event) -> None:
        """Wait for so many seconds, or until what comes meanwhile can be due."""
        self._looks_at = min(self._looks_at, self._monotonic() + pause)
        while (pause := self._looks_at - self._monotonic()) > 0:
            self._wake_up.clear()
            await first(pause, stop, self._changed, self._wake_up)
            if not self._wake_up.is_set():
                break

    async def _step_safely(self) -> tuple[float, bool]:
        try:
            return await self.step()
        except BrokenError:
            raise
        except OutboxError as error:
            logger.error(
                "outbox fails",
                extra={"action": "outbox_retry", "sink": self.name, "reason": str(error)},
            )
            return RETRY_PAUSE, False

    async def step(self) -> tuple[float, bool]:
        """
        Make one attempt at the batch that is due, if any is.

        Returns the seconds to wait before the next step (infinite if nothing is pending), and
        whether ``wake`` ends that wait.
        """
        self._apply_change()
        if (rest := self._config.policy.pace.pause(now=self._monotonic())) > 0:
            return rest, False
        if not self._outbox.owns(self.name):
            return RETRY_PAUSE, False  # a claim could not be sent now
        began, answer = self._clock(), None
        is_due = bool(self._sender.fitting) or began >= self._due_at
        if (self.is_failing or not is_due) and (pause := await self._due_in()) > 0:
            return pause, True
        if self.is_failing:  # with nothing claimed, because relay may crash meanwhile
            answer = await self._sender.probe()
        claim = await self._claimer.claim(self._config, fitting=self._sender.fitting)
        if claim is None:
            return max(0.001, await self._due_in()), True
        self._due_at = math.inf
        if self._claimer.is_suspect(claim):
            await self._saved(as_before(claim), claim.deliveries)
            return 0.0, False
        try:
            sent, claimed, outcome = await self._attempt(claim, answer)
        except UnroutedError:
            await self._saved(as_before(claim), claim.deliveries)
            return RETRY_PAUSE if self.is_failing else UNROUTED_PAUSE, False
        counts = not (isinstance(answer, Failed) or breaker.sink_refuses(self._claimer.breaker))
        settled = self._settled(sent, outcome, counts=counts)
        await self._save(settled, claimed, outcome, self._record(began, outcome))
        await self._claimer.expedite_suspects()
        self._rest(sent, outcome)
        return 0.0, False

    async def _due_in(self) -> float:
        """The seconds until a batch can be claimed; infinite if nothing is pending."""
        self._due_at = math.inf
        if (due_at := await self._claimer.due_at(self._config)) is None:
            return await self._closure.until_open(self._config.fingerprint, self._sender.probe)
        self._due_at = due_at
        return max(0.0, (due_at - self._clock()) / 1000)

    def _rest(self, sent: Sequence[Delivery], outcome: Outcome) -> None:
        """Pause as long as the vendor asks for; edits have a limit of their own."""
        pace, now = self._config.policy.pace, self._monotonic()
        match outcome:
            case Sent(pause) if sent[0].edits is not None:
                pace.rest_edits(pause, now=now)
            case Sent(pause) | RateLimited(pause, LimitScope.SINK | LimitScope.VENDOR):
                pace.rest(pause, now=now)

    async def _attempt(
        self, claim: Claim, answer: Outcome | None
    ) -> tuple[Sequence[Delivery], Sequence[Delivery], Outcome]:
        """
        Make an attempt, unless the ``answer`` to a probe forbids it.

        Returns the deliveries as they were sent, the same as they were claimed, and the outcome.
        """
        if isinstance(answer, Failed | RateLimited):
            return claim.deliveries, claim.deliveries, self._claimer.not_sent(answer)
        batch = await self._sender.prepare(claim)
        sent, outcome = await self._sender.send(batch)
        if batch.is_sendable and not (isinstance(outcome, Failed) and outcome.alone):
            is_idempotent = self._config.policy.is_idempotent
            outcome = self._claimer.judged(sent, outcome, is_idempotent=is_idempotent)
        return sent, batch.deliveries, outcome

    def _settled(
        self, sent: Sequence[Delivery], outcome: Outcome, *, counts: bool
    ) -> Sequence[Delivery]:
        context = AttemptContext(
            now=self._clock(),
            schedule=self._config.policy.schedule,
            jitter=random.uniform(2 - breaker.JITTER, breaker.JITTER),  # noqa: S311
            resend=self._config.policy.resend,
            pause=breaker.pause(self._claimer.breaker),
            counts=counts,
            shared=len(sent) > 1,
        )
        return [settle(delivery, outcome, context) for delivery in sent]

    def _record(self, began: int, outcome: Outcome) -> Attempt:
        return Attempt(
            at=began,
            took=self._clock() - began,
            outcome=type(outcome).__name__,
            reason=getattr(outcome, "reason", None),
        )

    async def _save(
        self,
        settled: Sequence[Delivery],
        claimed: Sequence[Delivery],
        outcome: Outcome,
        attempt: Attempt,
    ) -> None:
        if not await self._saved(settled, claimed, attempt):
            logger.warning(
                "lease lost", extra={"action": "lease_lost", "delivery": batch_of(claimed)}
            )
            return
        if isinstance(outcome, Closed) and self._next.fingerprint == self._config.fingerprint:
            await self._closure.close(outcome, self._config.fingerprint)
        elif isinstance(outcome, Sent):
            self._closure.reset()
        self._on_settled(settled, outcome)

    async def _saved(
        self,
        settled: Sequence[Delivery],
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        """
        Save settled deliveries, and retry as long as the outbox fails.

        Otherwise the outcome would be lost, and the messages sent again.
        """
        while True:
            try:
                return await self._outbox.save(settled, claimed=claimed, attempt=attempt)
            except BrokenError:
                raise
            except OutboxError as error:
                logger.error(
                    "outbox fails",
                    extra={"action": "save_again", "sink": self.name, "reason": str(error)},
                )
                # Or systemd would restart relay, and what was sent would be forgotten.
                self.heartbeat.beat(within=LEASE / 1000)
                await asyncio.sleep(RETRY_PAUSE)
