"""Rate limits as values of a clock, so that tests never wait for one."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]
"""Seconds since 1970; `time.time` or a `ManualClock`."""


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when a test says so."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(slots=True)
class Window:
    """Discord's kind of limit: `size` requests, counted from the first one for `period` seconds."""

    size: int
    period: float
    used: int = 0
    ends: float = 0.0

    def remaining(self, now: float) -> int:
        return self.size if now >= self.ends else max(0, self.size - self.used)

    def resets_after(self, now: float) -> float:
        return self.ends - now if now < self.ends else self.period

    def take(self, now: float) -> bool:
        """Count one request, if there is room for it."""
        if now >= self.ends:
            self.used, self.ends = 0, now + self.period
        if self.used >= self.size:
            return False
        self.used += 1
        return True


@dataclass(slots=True)
class TokenBucket:
    """Slack's kind of limit: a steady rate, of which a few may come at once."""

    tokens: float | None = None
    at: float = 0.0

    def take(self, now: float, *, rate: float, burst: int) -> float:
        """Count one request; 0 if it may pass, else the seconds until one may."""
        tokens = float(burst) if self.tokens is None else self.tokens + (now - self.at) * rate
        self.tokens, self.at = min(float(burst), tokens), now
        if self.tokens < 1 - 1e-9:
            return (1 - self.tokens) / rate
        self.tokens -= 1
        return 0.0
