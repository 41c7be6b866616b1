"""The lock on the operator's door: it opens to the password, and not to who tries many."""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from relay import password
from relay.secret import Secret

FREE = 5
"""So many wrong passwords cost an address no wait; each further one doubles it."""
LONGEST = 900.0  # seconds
FORGOTTEN = 3600.0  # seconds after the last wrong one
ADDRESSES = 10_000  # that are remembered

TOGETHER = 30
"""So many wrong passwords may come at once from all addresses of a kind together."""
AGAIN = 30.0
"""Seconds until one more may: whoever guesses gets no further, whatever addresses it has or names,
and who has the password waits no longer than that once the guessing is over."""
WAITING = 10  # passwords that may wait to be looked at
HASH = 1.0  # seconds, in which some are


class TooSoonError(Exception):
    """A password is not looked at now."""

    def __init__(self, wait: float, reason: str = "too many wrong passwords") -> None:
        super().__init__(reason)
        self.wait = wait
        """Seconds until the next one is looked at."""


@dataclass(slots=True)
class _Tries:
    number: int
    last_at: float

    def wait(self, now: float) -> float:
        """The seconds until another try is looked at."""
        if self.number < FREE:
            return 0.0
        pause = min(LONGEST, 2.0 ** min(self.number - FREE, 20))
        return max(0.0, self.last_at + pause - now)


class _Budget:
    """The wrong passwords that may come from all addresses of a kind together."""

    def __init__(self, now: float) -> None:
        self._left = float(TOGETHER)
        self._at = now

    def wait(self, now: float) -> float:
        """The seconds until another one is looked at."""
        self._left = min(float(TOGETHER), self._left + (now - self._at) / AGAIN)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) * AGAIN

    def take(self) -> None:
        self._left -= 1

    def give_back(self) -> None:
        self._left += 1


class Lock:
    """``monotonic`` gives seconds that never jump."""

    def __init__(self, kept: Secret, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._monotonic = monotonic
        self._tries: dict[str, _Tries] = {}
        self._budgets: dict[tuple[bool, bool], _Budget] = {}
        """Of those that are here or elsewhere, and that have brought the password before or not."""
        self._right: dict[str, None] = {}
        """The addresses that brought the password, the last one last."""
        self._one_at_a_time = asyncio.Lock()  # a hash takes memory, and a processor
        self._waiting = 0
        self._salt = secrets.token_bytes(32)
        self._proven: bytes | None = None
        """The right password, in a form that only this process can compare: scrapers come often."""

    async def opens(self, given: str, *, by: str, is_here: bool = False) -> bool:
        """
        Whether it is the password. Raises TooSoonError.

        ``by`` is the address that brings it; ``is_here``: somebody on this machine says so, who
        could name any.
        """
        key = network(by)
        budget = self._count(key, is_here=is_here)  # before it is looked at: many at once are many
        is_right = await self._matches(given)
        if is_right:
            budget.give_back()
            self._proven = self._form(given)
            self._tries.pop(key, None)
            self._right.pop(key, None)
            self._right[key] = None
            if len(self._right) > ADDRESSES:
                del self._right[next(iter(self._right))]
        return is_right

    async def _matches(self, given: str) -> bool:
        if self._proven is not None and hmac.compare_digest(self._proven, self._form(given)):
            return True
        if self._waiting > WAITING:  # it counts nevertheless: else this would tell the right one
            raise TooSoonError(HASH, "too many passwords wait to be looked at")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(password.matches, given, self._kept.reveal())
        finally:
            self._waiting -= 1

    def _count(self, key: str, *, is_here: bool) -> _Budget:
        now = self._monotonic()
        tries = self._tries.get(key)
        if tries is None or now - tries.last_at > FORGOTTEN:
            tries = _Tries(0, now)
        budget = self._budgets.setdefault((is_here, key in self._right), _Budget(now))
        if wait := max(tries.wait(now), budget.wait(now)):
            raise TooSoonError(wait)
        budget.take()
        self._tries.pop(key, None)
        self._tries[key] = _Tries(tries.number + 1, now)  # the newest stands last
        if len(self._tries) > ADDRESSES:
            del self._tries[next(iter(self._tries))]
        return budget

    def _form(self, given: str) -> bytes:
        return hmac.digest(self._salt, given.encode(errors="surrogatepass"), hashlib.sha256)


def network(address: str) -> str:
    """What counts as one address: of IPv6 a whole /64, which is what a household gets."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


IDLE = 3600.0  # seconds without a request
MAX_AGE = 12 * 3600.0  # seconds from its begin
MOST = 1000


@dataclass(slots=True)
class Session:
    """``csrf`` stands in each form of its pages: no other site's page knows it."""

    began_at: float
    seen_at: float
    was_left: bool = False
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def is_over(self, now: float) -> bool:
        return self.was_left or now - self.seen_at > IDLE or now - self.began_at > MAX_AGE

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
