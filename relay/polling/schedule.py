"""When a list is asked for next, and what operators see of that. Pure."""

from dataclasses import dataclass, replace
from typing import assert_never

from relay.outcome import Cause, Closed, Failed, RateLimited
from relay.polling.client import Refusal

PAUSE = 60.0  # seconds after the first failure of a list that is otherwise asked for rarely or once
MAX_PAUSE = 900.0  # seconds between two tries of a list that fails
RECHECK = 3600.0  # seconds after which a server that refused relay is asked again
DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """The state of a list. Times are Unix milliseconds."""

    due_at: int | None = 0
    """When the list is asked for; None: not any more."""
    succeeded_at: int | None = None
    failures: int = 0
    """The number of consecutive failures."""
    error: str | None = None
    """Why the last attempt failed."""
    cause: Cause | None = None
    is_closed: bool = False
    """Whether the server refuses relay, until a person changes something."""

    @property
    def outcome(self) -> str:
        """The end of the last attempt in a word: ``ok``, ``limited``, ``failed`` or ``closed``."""
        if self.error is None:
            return "ok"
        if self.is_closed:
            return "closed"
        return "limited" if self.cause is Cause.LIMIT else "failed"


def succeeded(*, now: int, interval: float) -> PollStatus:
    """``interval`` is in seconds; 0: the list is asked for at a start only."""
    return PollStatus(due_at=now + _ms(interval) if interval else None, succeeded_at=now)


def refused(before: PollStatus, refusal: Refusal, *, now: int, interval: float) -> PollStatus:
    failures = before.failures + 1
    growing = min((interval or PAUSE) * 2 ** min(failures - 1, DOUBLINGS), MAX_PAUSE)
    pause = max(growing, interval)
    cause: Cause | None = Cause.LIMIT
    match refusal:
        case RateLimited(asked):
            # The limit is the user's: their own browser is refused as well.
            pause = max(pause, asked)
        case Failed(cause=cause):
            pass
        case Closed(cause=cause):
            pause = RECHECK
        case _:
            assert_never(refusal)
    return replace(
        before,
        due_at=now + _ms(pause),
        failures=failures,
        error=refusal.reason or "the server limits requests",
        cause=cause,
        is_closed=isinstance(refusal, Closed),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
