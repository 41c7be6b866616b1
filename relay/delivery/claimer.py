"""Claims the next batch of one sink, and judges each attempt by those before it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from relay.delivery import breaker
from relay.delivery.lane_config import LaneConfig
from relay.outbox.base import Outbox
from relay.outbox.records import Claim, ClaimRequest
from relay.outcome import Delivery, Failed, Outcome, RateLimited

LEASE = 300_000  # milliseconds; longer than all requests of an attempt, or two send the same
SUSPECT_AFTER = 5  # crashes in a row; a few may have other causes


class Claimer:
    """Has the circuit breaker of a sink; ``clock`` gives Unix milliseconds."""

    def __init__(self, name: str, *, outbox: Outbox, clock: Callable[[], int]) -> None:
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._is_fresh = True
        self.breaker: breaker.Breaker = breaker.PASSING

    def reset(self) -> None:
        """Forget what attempts have shown: the settings of the sink have changed."""
        self.breaker = breaker.PASSING

    def is_suspect(self, claim: Claim) -> bool:
        """
        Whether the sink must be probed first, because earlier attempts at this claim failed.

        They may have failed for hours in another process, whose breaker this one does not know.
        """
        is_fresh, self._is_fresh = self._is_fresh, False
        if breaker.is_open(self.breaker):
            return False
        head = claim.deliveries[0]
        if max(delivery.crashes for delivery in claim.deliveries) >= SUSPECT_AFTER:
            self.breaker = breaker.SUSPECT
        elif is_fresh and head.attempt > 1:
            self.breaker = breaker.after_failures(head.attempt - 1)
        return breaker.is_open(self.breaker)

    async def claim(
        self, lane_config: LaneConfig, *, fitting: Sequence[Delivery] = ()
    ) -> Claim | None:
        """
        Claim the head of the queue, or the batch behind the ones that are passed over.

        ``fitting`` are known to fit into one request. A claim names as many candidates as fill two
        requests, so that the second one can be prepared while the first is on its way.
        """
        passed_over = breaker.passed_over(self.breaker)
        if not passed_over:
            most = 2 * lane_config.sink.max_batch
            return await self._claimed(lane_config, most=most, fitting=fitting)
        if (claim := await self._claimed(lane_config, skip_batches=passed_over)) is not None:
            return claim
        self.breaker = breaker.on_no_others(self.breaker)
        return await self._claimed(lane_config)

    async def _claimed(
        self,
        lane_config: LaneConfig,
        *,
        most: int = 1,
        skip_batches: Collection[int] = (),
        fitting: Sequence[Delivery] = (),
    ) -> Claim | None:
        return await self._outbox.claim(
            ClaimRequest(
                self._name,
                now=self._clock(),
                lease=LEASE,
                hold=lane_config.policy.hold,
                limit=most,
                skip_batches=skip_batches,
                fitting=fitting,
            )
        )

    async def due_at(self, lane_config: LaneConfig) -> int | None:
        """When ``claim`` returns something, in Unix milliseconds; None if nothing is pending."""
        due_at = await self._due_at(lane_config)
        if passed_over := breaker.passed_over(self.breaker):
            others_at = await self._due_at(lane_config, skip_batches=passed_over)
            if others_at is None:
                self.breaker = breaker.on_no_others(self.breaker)
            due_at = min((at for at in (due_at, others_at) if at is not None), default=None)
        return due_at

    async def _due_at(
        self, lane_config: LaneConfig, *, skip_batches: Collection[int] = ()
    ) -> int | None:
        hold, now = lane_config.policy.hold, self._clock()
        return await self._outbox.due_at(self._name, now=now, hold=hold, skip_batches=skip_batches)

    async def expedite_suspects(self) -> None:
        """Make the suspects of the breaker due now."""
        for batch in breaker.suspects(self.breaker):
            await self._outbox.expedite(batch, now=self._clock())

    def not_sent(self, answer: Failed | RateLimited) -> Outcome:
        """The outcome of an attempt that was not made, because the probe got this answer."""
        if isinstance(answer, RateLimited):
            self.breaker = breaker.PASSING
            return answer
        self.breaker = breaker.on_probe_failure(self.breaker)
        return Failed(answer.reason, unsent=True)

    def judged(
        self, deliveries: Sequence[Delivery], ended: Outcome, *, is_idempotent: bool
    ) -> Outcome:
        """The outcome of an attempt by the breaker's judgement; the breaker learns from it."""
        batch = batch_of(deliveries)
        outcome = breaker.judge(self.breaker, batch, ended)
        if isinstance(ended, Failed) and is_idempotent:
            ended = replace(ended, ambiguous=False)  # to repeat it shows nothing twice
        self.breaker = breaker.on_outcome(self.breaker, batch, ended)
        return outcome


def as_before(claim: Claim) -> Sequence[Delivery]:
    """The claimed deliveries as they were before the claim, except for their crashes."""
    return [
        replace(delivery, attempt=delivery.attempt - 1, due_at=due_at, batch=batch)
        for delivery, (due_at, batch) in zip(claim.deliveries, claim.before, strict=True)
    ]


def batch_of(deliveries: Sequence[Delivery]) -> int:
    """The id of the batch that these deliveries share."""
    first = deliveries[0]
    return first.id if first.batch is None else first.batch
