"""Who has come in: known by a cookie, for a while."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

IDLE = 3600.0  # seconds without a request
LONGEST = 12 * 3600.0  # seconds from its begin
MOST = 1000


@dataclass(slots=True)
class Session:
    """``csrf`` stands in each form of its pages: no other site's page knows it."""

    began_at: float
    seen_at: float
    was_left: bool = False
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def is_over(self, now: float) -> bool:
        return self.was_left or now - self.seen_at > IDLE or now - self.began_at > LONGEST

    def wrote(self, given: str) -> bool:
        """Whether a form is one of its own pages."""
        return hmac.compare_digest(given.encode(errors="surrogatepass"), self.csrf.encode())


class Sessions:
    """In memory: a restart ends them all. ``monotonic`` gives seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sessions: dict[str, Session] = {}

    def begin(self) -> tuple[str, Session]:
        """A new session, and the word for its cookie, which is kept nowhere."""
        now = self._monotonic()
        for key in [key for key, one in self._sessions.items() if one.is_over(now)]:
            del self._sessions[key]
        if len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen_at)]
        word = secrets.token_urlsafe(32)
        self._sessions[_key(word)] = session = Session(now, now)
        return word, session

    def find(self, word: str, *, seen: bool = True) -> Session | None:
        """``seen``: this is somebody's doing, and lets the session live on."""
        key, now = _key(word), self._monotonic()
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.is_over(now):
            del self._sessions[key]
            return None
        if seen:
            session.seen_at = now
        return session

    def end(self, word: str) -> None:
        """It is over at once, also for pages that lie open."""
        if (session := self._sessions.pop(_key(word), None)) is not None:
            session.was_left = True


def _key(word: str) -> str:
    return hashlib.sha256(word.encode(errors="surrogatepass")).hexdigest()
