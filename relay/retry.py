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
FIRST_PROBE = 5.0  # seconds
LAST_PROBE = 300.0
LAST_TRIAL = 1800.0
DOUBTS_AFTER = 2


@dataclass(frozen=True, slots=True)
class Health:
    """
    Whether a sink seems to be sick, or only one of its messages, judged by how attempts end.

    ``failures`` counts those in a row. After three of them the sink is sick: before each further
    attempt it is probed, at growing pauses, and only a sink that answers gets a message. If it
    answers, and the same batch was ``refused`` all the same, twice, who stands ``behind`` it is
    tried in between. If that one arrives, the batch is ``doubted``: it gets one more attempt, and
    a failure sets it aside. If not, the sink ``refuses_all``, though it answers: then no attempt
    counts, but they become rare, since each may have arrived.
    """

    failures: int = 0
    refused: int = 0
    refuses_all: bool = False
    behind: int | None = None
    doubted: int | None = None

    @property
    def is_sick(self) -> bool:
        return self.failures >= OPENS_AFTER

    @property
    def pause(self) -> float:
        """The seconds until the next probe: twice as long each time."""
        doubled: float = FIRST_PROBE * 2 ** min(self.failures - OPENS_AFTER, 10)
        return min(doubled, LAST_TRIAL if self.refuses_all else LAST_PROBE)

    def missed(self) -> "Health":
        """What a probe has taught that failed: it is the sink, and no message."""
        return Health(self.failures + 1)

    def after(self, batch: int, outcome: Outcome) -> "Health":
        """What an attempt at a batch (the id of its first delivery) has taught."""
        if isinstance(outcome, Sent) and self.behind is not None:
            return Health(doubted=self.behind)
        if not isinstance(outcome, Failed):
            return Health()
        refused = self.refused + 1 if self.is_sick and self.behind is None else 0
        behind = batch if refused >= DOUBTS_AFTER else None
        refuses_all = self.refuses_all or self.behind is not None
        return Health(self.failures + 1, 0 if behind else refused, refuses_all, behind)

    def verdict(self, batch: int, outcome: Outcome) -> Outcome:
        """The outcome of an attempt: what was doubted and fails again will never be accepted."""
        if isinstance(outcome, Failed) and batch == self.doubted:
            return Rejected(f"it failed again, while another one arrived: {outcome.reason}")
        return outcome


WELL = Health()


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
    probe: float | None = None,
    shared: bool = False,
) -> Delivery:
    """
    Decide what becomes of a claimed delivery.

    ``schedule`` holds the waits in seconds before the second, third, ... attempt, ``jitter``
    stretches them; ``resend``: whether to repeat a send that may have arrived. To wait for a rate
    limit, for a closed sink, or until the next ``probe`` (in seconds) of a sick one, costs no
    attempt. Whoever ``shared``
    its request and was rejected with the others goes again, alone: it need not be the bad one.
    """
    match outcome:
        case Sent(message=message):
            sent = replace(delivery, state=State.DELIVERED, due_at=now, reason=None)
            return replace(sent, message=message or None)
        case RateLimited(pause, reason=reason):
            due_at = now + round(pause * 1000)
            waiting = replace(delivery, attempt=delivery.attempt - 1, due_at=due_at)
            return replace(waiting, reason=reason or delivery.reason)
        case Closed(reason, is_taken=True):
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told)
        case Closed(reason):
            return replace(delivery, attempt=delivery.attempt - 1, due_at=now, reason=reason)
        case Failed(reason, ambiguous=True) if not resend:
            told = f"{MAY_HAVE_ARRIVED}: {reason}"
            return replace(delivery, state=State.DEAD, due_at=now, reason=told)
        case Failed(reason) if probe is not None:
            due_at = now + round(probe * jitter * 1000)
            return replace(delivery, attempt=delivery.attempt - 1, due_at=due_at, reason=reason)
        case Failed(reason) if delivery.attempt <= len(schedule):
            due_at = now + round(schedule[delivery.attempt - 1] * jitter * 1000)
            return replace(delivery, due_at=due_at, reason=reason)
        case Rejected(reason) if shared:
            alone = replace(delivery, attempt=delivery.attempt - 1, batch=delivery.id)
            return replace(alone, due_at=now, reason=reason)
        case Failed(reason) | Rejected(reason):
            return replace(delivery, state=State.DEAD, due_at=now, reason=reason)
        case _:
            assert_never(outcome)
