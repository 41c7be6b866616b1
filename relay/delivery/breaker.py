"""
Circuit breaker of one sink: whether it is sent to, judged by how its attempts end. Pure.

It opens after three consecutive failures. While it is open, the sink is probed with growing pauses,
and only a sink that answers gets a message. If probes succeed but the same batch fails twice, the
next batch is tried: if that one is delivered, the first may be poison and gets one more attempt; if
it fails, the sink itself is refusing. A batch that fails twice while others are delivered is
rejected. A batch is named by the id of its first delivery.
"""

from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from relay.outcome import Failed, Outcome, Rejected, Sent

OPENS_AFTER = 3  # failures in a row
ATTEMPTS_PER_BATCH = 2  # failed attempts while the sink answers, before the next batch is tried
CRASHES = 100
"""
How many crashes during its attempts make a message undeliverable.

Many, because a machine may restart relay many times in a few minutes for other reasons.
"""

FIRST_PAUSES = (5.0, 10.0, 20.0, 40.0)  # seconds
STEADY_PAUSE = 45.0  # with the jitter under a minute: a chat that is back gets its messages soon
STEADY = 22  # pauses, a quarter of an hour; then they grow
LAST_PAUSE = 300.0
FIRST_AMBIGUOUS = 40.0
STEADY_AMBIGUOUS = 7  # pauses, five minutes
LAST_AMBIGUOUS = 1800.0
JITTER = 1.2  # the largest factor by which a wait is stretched

NONE: frozenset[int] = frozenset()


def backoff(number: int) -> float:
    """Seconds before another request that cannot show a message twice."""
    if number < len(FIRST_PAUSES):
        return FIRST_PAUSES[number]
    return min(LAST_PAUSE, STEADY_PAUSE * 1.2 ** max(0, number - STEADY + 1))


def ambiguous_backoff(number: int) -> float:
    """Seconds before another request that may show a message again: these must become rare."""
    if number == 0:
        return FIRST_AMBIGUOUS
    return min(LAST_AMBIGUOUS, STEADY_PAUSE * 2.0 ** min(max(0, number - STEADY_AMBIGUOUS + 1), 10))


@dataclass(frozen=True, slots=True)
class Failures:
    """Consecutive failures, and how many of them may have shown their message."""

    number: int = 0
    ambiguous: int = 0
    ended_ambiguous: bool = False
    """Whether the last one may have shown its message."""

    @property
    def pause(self) -> float:
        """Seconds until the next attempt."""
        if self.ended_ambiguous:
            return ambiguous_backoff(max(0, self.ambiguous - OPENS_AFTER))
        return backoff(max(0, self.number - OPENS_AFTER))

    def plus(self, failed: Failed) -> "Failures":
        return Failures(self.number + 1, self.ambiguous + failed.ambiguous, failed.ambiguous)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The knowledge of single batches that failed attempts have brought."""

    failed: frozenset[int] = NONE
    """The batches that failed since one was delivered, while the sink answered its probes."""
    struck: frozenset[int] = NONE
    """The batches that failed again after another one had been delivered."""
    sink_refuses: bool = False
    """Whether different batches failed although the sink answers: no attempt counts then."""


@dataclass(frozen=True, slots=True)
class Passing:
    """Deliveries are sent. The usual state, called "closed" in the literature."""

    failures: Failures = field(default_factory=Failures)
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class Open:
    """The sink is probed before each attempt."""

    failures: Failures
    evidence: Evidence = field(default_factory=Evidence)
    attempts_left: int = ATTEMPTS_PER_BATCH
    """Failed attempts that remain before the next batch is tried."""


@dataclass(frozen=True, slots=True)
class Isolating:
    """The sink is probed, and a batch is tried that has not failed yet."""

    failures: Failures
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Retrying:
    """Another batch was delivered: each of those that failed before gets one more attempt."""

    suspects: frozenset[int]
    struck: frozenset[int] = NONE
    failures: int = 0
    is_alone: bool = False
    """Whether no batch waits behind those that were struck."""


Breaker: TypeAlias = Passing | Open | Isolating | Retrying

PASSING = Passing()
SUSPECT = Open(Failures(OPENS_AFTER), attempts_left=ATTEMPTS_PER_BATCH + OPENS_AFTER)
"""relay crashed again and again while it sent: nothing is known about single messages."""


def after_failures(number: int) -> Breaker:
    """The breaker of a process that starts when the head of the queue has failed so often."""
    return _counted(Failures(min(number, OPENS_AFTER)))


def is_open(breaker: Breaker) -> bool:
    """Whether the sink keeps failing, so that it is probed before an attempt."""
    return isinstance(breaker, Open | Isolating)


def pause(breaker: Breaker) -> float | None:
    """Seconds until a sink whose breaker is open is tried again; None where it is not open."""
    return breaker.failures.pause if isinstance(breaker, Open | Isolating) else None


def sink_refuses(breaker: Breaker) -> bool:
    """Whether the sink refuses all messages, so that none of them is at fault."""
    return not isinstance(breaker, Retrying) and breaker.evidence.sink_refuses


def passed_over(breaker: Breaker) -> frozenset[int]:
    """The batches behind which the next one is claimed."""
    match breaker:
        case Isolating():
            return breaker.evidence.failed
        case Retrying(is_alone=False):
            return breaker.struck - breaker.suspects
        case _:
            return NONE


def suspects(breaker: Breaker) -> frozenset[int]:
    """The batches that get one more attempt before others."""
    return breaker.suspects if isinstance(breaker, Retrying) else NONE


def on_no_others(breaker: Breaker) -> Breaker:
    """Nothing waits behind the batches that are passed over: their turn comes."""
    match breaker:
        case Isolating(failures, evidence) if not evidence.struck:
            return Open(failures, evidence)
        case Retrying(struck=struck) if struck:
            return replace(breaker, is_alone=True)
        case _:
            return breaker


def on_probe_failure(breaker: Breaker) -> Breaker:
    """Nothing reached the sink: that is not a message's fault."""
    if isinstance(breaker, Retrying):
        return _counted(Failures(breaker.failures + 1))
    return _counted(Failures(breaker.failures.number + 1, breaker.failures.ambiguous))


def on_outcome(breaker: Breaker, batch: int, outcome: Outcome) -> Breaker:
    """The breaker after an attempt at a batch."""
    match outcome:
        case Sent():
            return _on_sent(breaker, batch)
        case Failed(unsent=True):
            return on_probe_failure(breaker)
        case Failed():
            return _on_failed(breaker, batch, outcome)
        case _:
            return PASSING


def judge(breaker: Breaker, batch: int, outcome: Outcome) -> Outcome:
    """The outcome of an attempt: Rejected for a batch that fails while others are delivered."""
    if not isinstance(breaker, Retrying) or batch not in breaker.suspects & breaker.struck:
        return outcome
    if isinstance(outcome, Failed) and not outcome.unsent:
        reason = f"it failed again, while another one arrived: {outcome.reason}"
        return Rejected(reason, cause=outcome.cause)
    return outcome


def _counted(failures: Failures, evidence: Evidence | None = None) -> Breaker:
    state = Open if failures.number >= OPENS_AFTER else Passing
    return state(failures, evidence or Evidence())


def _on_sent(breaker: Breaker, batch: int) -> Breaker:
    next_suspects = NONE
    if isinstance(breaker, Retrying):
        struck = breaker.struck - {batch}
        if not breaker.is_alone:
            next_suspects = breaker.suspects - {batch}
    else:
        struck = breaker.evidence.struck - {batch}
        if isinstance(breaker, Isolating) and batch not in breaker.evidence.failed:
            next_suspects = breaker.evidence.failed
    next_suspects = next_suspects or struck
    return Retrying(next_suspects, struck) if next_suspects else PASSING


def _on_failed(breaker: Breaker, batch: int, failed: Failed) -> Breaker:
    match breaker:
        case Passing(failures, evidence):
            return _counted(failures.plus(failed), evidence)
        case Isolating(failures, evidence) if batch not in evidence.failed:
            refusing = Evidence(evidence.failed | {batch}, evidence.struck, sink_refuses=True)
            return Open(replace(failures.plus(failed), ambiguous=failures.ambiguous), refusing)
        case Open(failures, evidence) | Isolating(failures, evidence):
            attempts_left = (
                breaker.attempts_left if isinstance(breaker, Open) else ATTEMPTS_PER_BATCH
            ) - 1
            failures = failures.plus(failed)
            evidence = replace(evidence, failed=evidence.failed | {batch})
            if attempts_left <= 0 or batch in evidence.struck:
                return Isolating(failures, evidence)
            return Open(failures, evidence, attempts_left)
        case Retrying(suspects=suspects) if batch in suspects:
            return _struck(breaker, batch)
        case Retrying(struck=struck, failures=number, is_alone=True):
            return Passing(Failures(number + 1), Evidence(frozenset({batch}), struck, True))
        case Retrying(struck=struck, failures=number):
            return Passing(Failures(number).plus(failed), Evidence(struck=struck))
        case _:
            assert_never(breaker)


def _struck(breaker: Retrying, batch: int) -> Breaker:
    """The breaker after a suspect has failed; one that had been struck is set aside."""
    remaining, struck = breaker.suspects - {batch}, breaker.struck ^ {batch}
    if remaining:
        return Retrying(remaining, struck, failures=1)
    if struck:
        return Isolating(Failures(OPENS_AFTER), Evidence(failed=struck, struck=struck))
    return PASSING
