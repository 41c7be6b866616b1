"""Whose turn it is in the line of one sink, in the light of how attempts ended before."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from relay.delivery.breaker import OPENS_AFTER, SUSPECT, WELL, Health
from relay.delivery.sender import LaneConfig
from relay.outbox.base import Outbox
from relay.outbox.records import Claim, ClaimRequest
from relay.outcome import Delivery, Failed, Outcome, RateLimited

LEASE = 300_000  # milliseconds; longer than all requests of an attempt, or two send the same
SUSPECT_AFTER = 5
"""Crashes in a row: a few may happen to anybody."""


class Claimer:
    """Those of one sink; ``clock`` gives Unix milliseconds."""

    def __init__(self, name: str, *, outbox: Outbox, clock: Callable[[], int]) -> None:
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._is_fresh = True
        self.health = WELL

    def forget(self) -> None:
        """It is another sink now."""
        self.health = WELL

    def is_suspect(self, claim: Claim) -> bool:
        """
        Whether the sink should be probed first: another process has met trouble with this claim.

        It may have met it for hours, and this one begins with none of what it knew.
        """
        is_fresh, self._is_fresh = self._is_fresh, False
        if self.health.is_sick:
            return False
        head = claim.deliveries[0]
        if max(one.crashes for one in claim.deliveries) >= SUSPECT_AFTER:
            self.health = SUSPECT
        elif is_fresh and head.attempt > 1:
            self.health = Health(min(head.attempt - 1, OPENS_AFTER))
        return self.health.is_sick

    async def claim(self, lane_config: LaneConfig) -> Claim | None:
        """The head of the line; or who stands behind it, to learn which of both is sick."""
        passed_over = self.health.passed_over
        if not passed_over:
            return await self._claimed(lane_config, most=lane_config.sink.max_batch)
        if (found := await self._claimed(lane_config, skip_batches=passed_over)) is not None:
            return found
        self.health = self.health.without_others()
        return await self._claimed(lane_config)

    async def _claimed(
        self, lane_config: LaneConfig, *, most: int = 1, skip_batches: Collection[int] = ()
    ) -> Claim | None:
        return await self._outbox.claim(
            ClaimRequest(
                self._name,
                now=self._clock(),
                lease=LEASE,
                hold=lane_config.policy.hold,
                limit=most,
                skip_batches=skip_batches,
            )
        )

    async def due_at(self, lane_config: LaneConfig) -> int | None:
        """When ``claim`` gives something; None if nothing waits, or may go."""
        due_at = await self._due_at(lane_config)
        if passed_over := self.health.passed_over:
            others_at = await self._due_at(lane_config, skip_batches=passed_over)
            if others_at is None:
                self.health = self.health.without_others()
            due_at = min((one for one in (due_at, others_at) if one is not None), default=None)
        return due_at

    async def _due_at(
        self, lane_config: LaneConfig, *, skip_batches: Collection[int] = ()
    ) -> int | None:
        hold, now = lane_config.policy.hold, self._clock()
        return await self._outbox.due_at(self._name, now=now, hold=hold, skip_batches=skip_batches)

    async def hasten(self) -> None:
        """Let those go next that are doubted."""
        for doubted in self.health.doubted:
            await self._outbox.expedite(doubted, now=self._clock())

    def missed(self, answer: Failed | RateLimited) -> Outcome:
        """The outcome of an attempt of which nothing was sent, since the sink did not answer."""
        if isinstance(answer, RateLimited):
            self.health = WELL
            return answer
        self.health = self.health.missed()
        return Failed(answer.reason, unsent=True)

    def judged(self, carried: Sequence[Delivery], ended: Outcome, *, is_harmless: bool) -> Outcome:
        """The outcome of an attempt, in the light of those before it; and what it has taught."""
        batch = batch_of(carried)
        outcome = self.health.verdict(batch, ended)
        if isinstance(ended, Failed) and is_harmless:
            ended = replace(ended, ambiguous=False)  # to repeat it shows nothing twice
        self.health = self.health.after(batch, ended)
        return outcome


def as_before(claim: Claim, *, now: int) -> Sequence[Delivery]:
    """What was claimed as if it had not been, but for its crashes."""
    return [replace(one, attempt=one.attempt - 1, due_at=now) for one in claim.deliveries]


def batch_of(deliveries: Sequence[Delivery]) -> int:
    first = deliveries[0]
    return first.id if first.batch is None else first.batch
