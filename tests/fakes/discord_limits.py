"""
Discord's rate limits: per webhook, hidden per channel, per IP, and Cloudflare's ban.

https://discord.com/developers/docs/topics/rate-limits; the hidden one is told of in
https://github.com/discord/discord-api-docs/issues/1454
"""

import hashlib
import math
from dataclasses import dataclass, field

from tests.fakes.limits import Clock, Window

Limit = tuple[int, float]
"""So many requests in so many seconds."""

BAN = 3600.0


class TooManyError(Exception):
    """A request came too early; nothing was stored."""

    def __init__(self, scope: str, retry_after: float) -> None:
        super().__init__(scope)
        self.scope = scope
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Retry-After": str(math.ceil(self.retry_after)), "Via": "1.1 google"}
        if self.scope == "global":
            headers["X-RateLimit-Global"] = "true"
        return headers | {"X-RateLimit-Scope": self.scope}

    @property
    def body(self) -> dict[str, object]:
        return {
            "message": "You are being rate limited.",
            "retry_after": round(self.retry_after, 3),
            "global": self.scope == "global",
        }


@dataclass
class Limits:
    """The counters; each limit can be changed or set to None (off) at any time."""

    clock: Clock
    webhook: Limit | None
    channel: Limit | None
    overall: Limit | None
    invalid: Limit | None
    _windows: dict[tuple[str, ...], Window] = field(default_factory=dict)
    _banned_until: float = 0.0

    def banned_for(self) -> float:
        return max(0.0, self._banned_until - self.clock())

    def admit_ip(self) -> None:
        window = self._window(self.overall, "global")
        if window and not window.take(self.clock()):
            raise TooManyError("global", window.resets_after(self.clock()))

    def admit(self, webhook: str, method: str, channel: str | None) -> None:
        """Count a request to a webhook; `channel` only where a message would be made."""
        now = self.clock()
        seen = self._window(self.webhook, "webhook", webhook, method)
        hidden = self._window(self.channel, "channel", channel) if channel else None
        if seen and not seen.remaining(now):
            raise TooManyError("user", seen.resets_after(now))
        # The hidden limit leaves what the headers tell untouched: Remaining stays above 0.
        if hidden and not hidden.remaining(now):
            raise TooManyError("shared", hidden.resets_after(now))
        if seen:
            seen.take(now)

    def count_message(self, channel: str) -> None:
        hidden = self._window(self.channel, "channel", channel)
        if hidden:
            hidden.take(self.clock())

    # 401, 403 and 429 count, but for 429 with the scope "shared".
    def count_invalid(self) -> None:
        window = self._window(self.invalid, "invalid")
        if window:
            window.take(self.clock())
            if not window.remaining(self.clock()):
                self._banned_until = self.clock() + BAN

    def headers(self, webhook: str, method: str) -> dict[str, str]:
        """What every answer of a webhook tells about its own bucket."""
        window = self._window(self.webhook, "webhook", webhook, method)
        if window is None:
            return {}
        now = self.clock()
        left = window.resets_after(now)
        return {
            "X-RateLimit-Limit": str(window.size),
            "X-RateLimit-Remaining": str(window.remaining(now)),
            "X-RateLimit-Reset": f"{now + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            # One bucket for all webhooks of a route: the key is the bucket and the webhook.
            "X-RateLimit-Bucket": hashlib.md5(method.encode()).hexdigest(),
        }

    def _window(self, limit: Limit | None, *key: str) -> Window | None:
        if limit is None:
            return None
        window = self._windows.setdefault(key, Window(*limit))
        window.size, window.period = limit
        return window
