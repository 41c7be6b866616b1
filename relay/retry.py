"""What an outcome makes of a delivery, and of the trust in its sink. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from relay.outcome import (
    MAY_HAVE_ARRIVED,
    Closed,
    Delivery,
    Failed,
    Outcome,
    RateLimited,
    Rejected,
    Sent,
    State,
)

FIRST_LOOK = 60.0  # seconds
LAST_LOOK = 6 * 3600.0

OPENS_AFTER = 3
DOUBTS_AFTER = 2
CRASHES = 100
"""
So often relay may end while it carries a message, before it is the message's fault.

High, because a machine may restart relay many times in a few minutes for other reasons.
"""

FIRST_PAUSES = (5.0, 10.0, 20.0, 40.0)  # seconds
STEADY_PAUSE = 45.0  # with the jitter under a minute: so soon a chat that is back gets its messages
STEADY = 22  # pauses, a quarter of an hour; then they grow
LAST_PAUSE = 300.0
FIRST_DOUBT = 40.0
STEADY_DOUBTS = 7  # pauses, five minutes
LAST_DOUBT = 1800.0
JITTER = 1.2  # the most by which a wait is stretched


def harmless_pause(number: int) -> float:
    """The seconds before another request that shows nothing twice."""
    if number < len(FIRST_PAUSES):
        return FIRST_PAUSES[number]
    return min(LAST_PAUSE, STEADY_PAUSE * 1.2 ** max(0, number - STEADY + 1))


def doubtful_pause(number: int) -> float:
    """The same before one that may show once more what it has shown: it has to become rare."""
    if number == 0:
        return FIRST_DOUBT
    return min(LAST_DOUBT, STEADY_PAUSE * 2.0 ** min(max(0, number - STEADY_DOUBTS + 1), 10))


@dataclass(frozen=True, slots=True)
class Health:
    """
    Whether a sink seems to be sick, or only one of its messages, judged by how attempts end.

    ``failures`` counts those in a row. After three of them the sink is sick: before each further
    attempt it is probed, and only a sink that answers gets a message. If it answers, and the first
    in line was ``refused`` twice, the next that was not ``tried`` goes before it (``is_open``).
    If that one arrives, those before it are ``doubted``: each gets one more attempt. One that
    fails then is ``struck``, and if it fails again after yet another one has arrived, it is set
    aside. If none arrives, the sink ``refuses_all``, though it answers: then no attempt counts.
    ``doubts`` counts the failures that may have shown something; the last was one: ``in_doubt``.
    """

    failures: int = 0
    doubts: int = 0
    in_doubt: bool = False
    refused: int = 0
    refuses_all: bool = False
    is_open: bool = False
    tried: frozenset[int] = frozenset()
    doubted: frozenset[int] = frozenset()
    struck: frozenset[int] = frozenset()

    @property
    def is_sick(self) -> bool:
        return self.failures >= OPENS_AFTER

    @property
    def pause(self) -> float:
        """The seconds until a sick sink is tried again."""
        if self.in_doubt:
            return doubtful_pause(max(0, self.doubts - OPENS_AFTER))
        return harmless_pause(max(0, self.failures - OPENS_AFTER))

    @property
    def passed_over(self) -> frozenset[int]:
        """The batches behind which the next one is claimed."""
        if self.is_open:
            return self.tried
        return self.struck - self.doubted if self.doubted else frozenset()

    def without_others(self) -> "Health":
        """Nobody waits behind the first: who comes later has to, but behind one that was struck."""
        return replace(self, is_open=bool(self.struck))

    def missed(self) -> "Health":
        """What a probe has taught that failed: it is the sink, and no message."""
        return Health(self.failures + 1, doubts=self.doubts)

    def after(self, batch: int, outcome: Outcome) -> "Health":
        """What an attempt at a batch (the id of its first delivery) has taught."""
        is_other = self.is_open and batch not in self.tried
        if isinstance(outcome, Sent):
            struck = self.struck - {batch}
            doubted = (self.tried if is_other else self.doubted) - {batch}
            return Health(doubted=doubted or struck, struck=struck)
        if not isinstance(outcome, Failed):
            return WELL
        if outcome.unsent:
            return self.missed()
        if batch in self.doubted:
            return self._struck(batch)
        failed = replace(
            self, failures=self.failures + 1, in_doubt=outcome.ambiguous, doubted=frozenset()
        )
        if is_other:
            tried = self.tried | {batch}
            return replace(failed, is_open=False, tried=tried, refuses_all=True)
        failed = replace(failed, doubts=self.doubts + outcome.ambiguous)
        if not self.is_sick:
            return failed
        refused, tried = self.refused + 1, self.tried | {batch}
        if refused >= DOUBTS_AFTER or batch in self.struck:
            return replace(failed, refused=0, is_open=True, tried=tried)
        return replace(failed, refused=refused, is_open=False, tried=tried)

    def _struck(self, batch: int) -> "Health":
        """What is left when one that was doubted has failed."""
        struck, doubted = self.struck ^ {batch}, self.doubted - {batch}
        if doubted:
            return Health(1, doubted=doubted, struck=struck)
        return Health(OPENS_AFTER, is_open=True, tried=struck, struck=struck) if struck else WELL

    def verdict(self, batch: int, outcome: Outcome) -> Outcome:
        """The outcome of an attempt: what fails while others arrive will never be accepted."""
        if batch not in self.doubted & self.struck:
            return outcome
        if isinstance(outcome, Failed) and not outcome.unsent:
            return Rejected(f"it failed again, while another one arrived: {outcome.reason}")
        return outcome


WELL = Health()
SUSPECT = Health(OPENS_AFTER, refused=-OPENS_AFTER)
"""Relay ended again and again while it sent: the sink is probed, of messages nothing is known."""


def look_again(*, closed_for: float, jitter: float = 1.0) -> float:
    """The seconds until a closed sink is probed: as long as it has been closed, within bounds."""
    return min(max(closed_for, FIRST_LOOK), LAST_LOOK) * jitter


def settle(
    delivery: Delivery,
    outcome: Outcome,
    *,
    schedule: Sequence[float],
    now: int,
    jitter: float = 1.0,
    resend: bool = True,
    pause: float | None = None,
    counts: bool = True,
    shared: bool = False,
) -> Delivery:
    """
    Decide what becomes of a claimed delivery.

    ``schedule`` holds the waits in seconds before the second, third, ... attempt, ``jitter``
    stretches them; ``resend``: whether to repeat a send that may have arrived. ``pause``: in how
    many seconds a sick sink is tried again, also in between; ``counts``: whether a failure can be
    the message's. Whoever ``shared`` its request and was rejected with the others goes again,
    alone: it need not be the bad one.

    No attempt is counted of which the chat saw nothing, nor more of them than the schedule has
    waits: however often relay is started again meanwhile, or tries a sick sink.
    """
    if not (isinstance(outcome, Failed) and outcome.unsent):
        delivery = replace(delivery, crashes=0)
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    match outcome:
        case Sent(message=message):
            sent = replace(delivery, state=State.DELIVERED, due_at=now, reason=None)
            return replace(sent, message=message or None, in_doubt=False)
        case RateLimited(pause=rest, reason=words):
            return replace(uncounted, due_at=_in(rest, now), reason=words or delivery.reason)
        case Closed(reason, is_taken=True):
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told, in_doubt=True)
        case Closed(reason):
            return replace(uncounted, due_at=now, reason=reason)
        case Failed(reason, ambiguous=True) if not resend:
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told, in_doubt=True)
        case Failed(reason, ambiguous):
            waiting = _waiting(
                delivery, outcome, schedule=schedule, now=now, jitter=jitter, pause=pause,
                counts=counts,
            )  # fmt: skip
            return replace(waiting, reason=reason, in_doubt=delivery.in_doubt or ambiguous)
        case Rejected(reason) if shared:
            return replace(uncounted, batch=delivery.id, due_at=now, reason=reason)
        case Rejected(reason):
            return replace(delivery, state=State.DEAD, due_at=now, reason=reason)
        case _:
            assert_never(outcome)


def _waiting(
    delivery: Delivery,
    failed: Failed,
    *,
    schedule: Sequence[float],
    now: int,
    jitter: float,
    pause: float | None,
    counts: bool,
) -> Delivery:
    """What failed, until its next attempt; dead if the schedule has no more."""
    uncounted = replace(delivery, attempt=delivery.attempt - 1)
    again_at = None if pause is None else _in(pause * jitter, now)
    if failed.unsent or not counts:
        wait = schedule[min(delivery.attempt, len(schedule)) - 1] if schedule else FIRST_PAUSES[0]
        return replace(uncounted, due_at=_in(wait * jitter, now) if again_at is None else again_at)
    longest = _in(max(schedule, default=0.0) * JITTER, now)
    if delivery.counts_at is not None and now < delivery.counts_at <= longest:
        counts_at = delivery.counts_at
        due_at = counts_at if again_at is None else min(counts_at, again_at)
        return replace(uncounted, due_at=due_at)
    if delivery.attempt > len(schedule):
        return replace(delivery, state=State.DEAD, due_at=now)
    counts_at = _in(schedule[delivery.attempt - 1] * jitter, now)
    due_at = counts_at if again_at is None else min(counts_at, again_at)
    return replace(delivery, due_at=due_at, counts_at=counts_at)


def _in(seconds: float, now: int) -> int:
    return now + round(seconds * 1000)
