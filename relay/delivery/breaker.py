"""Whether a sink is sent to, judged by how its attempts end. Pure."""

from dataclasses import dataclass, replace

from relay.outcome import (
    Failed,
    Outcome,
    Rejected,
    Sent,
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
