"""Checks the password with limits against guessing, and keeps the sessions of browsers."""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from relay import password
from relay.secret import Secret

FREE = 5
"""Wrong passwords per address without a wait; each further one doubles the wait."""
MAX_WAIT = 900.0  # seconds
FORGOTTEN = 3600.0  # seconds after the last wrong one of an address
ADDRESSES = 10_000  # remembered at most

TOGETHER = 30
"""Wrong passwords at once from all addresses of a kind together."""
AGAIN = 30.0
"""Seconds until one more is allowed: this bounds guessing from any number of real or forged
addresses, and the wait of a person with the password once the guessing is over."""
WAITING = 10  # passwords in the queue for hashing
HASH = 1.0  # seconds until there is room in it


class TooManyAttemptsError(Exception):
    """The password was not checked, because too many wrong ones precede it."""

    def __init__(self, wait: float, reason: str = "too many wrong passwords") -> None:
        super().__init__(reason)
        self.wait = wait
        """Seconds until the next one is checked."""


@dataclass(slots=True)
class _Failures:
    number: int
    last_at: float

    def wait(self, now: float) -> float:
        """The seconds until another password is checked."""
        if self.number < FREE:
            return 0.0
        pause = min(MAX_WAIT, 2.0 ** min(self.number - FREE, 20))
        return max(0.0, self.last_at + pause - now)


class _Budget:
    """The wrong passwords that all addresses of a kind may still send: a token bucket."""

    def __init__(self, now: float) -> None:
        self._left = float(TOGETHER)
        self._at = now

    def wait(self, now: float) -> float:
        """The seconds until another password is checked."""
        self._left = min(float(TOGETHER), self._left + (now - self._at) / AGAIN)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) * AGAIN

    def take(self) -> None:
        self._left -= 1

    def give_back(self) -> None:
        self._left += 1


class LoginGuard:
    """Compares passwords, at most at the allowed rate; ``monotonic`` gives seconds."""

    def __init__(
        self, password: Secret, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._password = password
        self._monotonic = monotonic
        self._failures: dict[str, _Failures] = {}
        self._budgets: dict[tuple[bool, bool], _Budget] = {}
        """By whether the peer is local, and whether its address has sent the password before."""
        self._right: dict[str, None] = {}
        """The addresses that have sent the right password, the latest last."""
        self._one_at_a_time = asyncio.Lock()  # a hash takes memory and a processor
        self._waiting = 0
        self._salt = secrets.token_bytes(32)
        self._proven: bytes | None = None
        """The right password, as a digest that only this process can make: scrapes are frequent."""

    async def accepts(self, guess: str, *, by: str, is_local_peer: bool = False) -> bool:
        """
        Whether a guess is the password. Raises TooManyAttemptsError.

        ``by`` is the address of the client; ``is_local_peer``: a peer on this machine names it, and
        could name any.
        """
        key = network(by)
        budget = self._count(
            key, is_local_peer=is_local_peer
        )  # before the check: parallel guesses count
        is_right = await self._matches(guess)
        if is_right:
            budget.give_back()
            self._proven = self._digest(guess)
            self._failures.pop(key, None)
            self._right.pop(key, None)
            self._right[key] = None
            if len(self._right) > ADDRESSES:
                del self._right[next(iter(self._right))]
        return is_right

    async def _matches(self, guess: str) -> bool:
        if self._proven is not None and hmac.compare_digest(self._proven, self._digest(guess)):
            return True
        if self._waiting > WAITING:  # counted nevertheless: else this would reveal the right one
            raise TooManyAttemptsError(HASH, "too many passwords are waiting to be checked")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(password.matches, guess, self._password.reveal())
        finally:
            self._waiting -= 1

    def _count(self, key: str, *, is_local_peer: bool) -> _Budget:
        now = self._monotonic()
        failures = self._failures.get(key)
        if failures is None or now - failures.last_at > FORGOTTEN:
            failures = _Failures(0, now)
        budget = self._budgets.setdefault((is_local_peer, key in self._right), _Budget(now))
        if wait := max(failures.wait(now), budget.wait(now)):
            raise TooManyAttemptsError(wait)
        budget.take()
        self._failures.pop(key, None)
        self._failures[key] = _Failures(failures.number + 1, now)  # the newest is last
        if len(self._failures) > ADDRESSES:
            del self._failures[next(iter(self._failures))]
        return budget

    def _digest(self, guess: str) -> bytes:
        return hmac.digest(self._salt, guess.encode(errors="surrogatepass"), hashlib.sha256)


def network(address: str) -> str:
    """The unit that is counted as one address: of IPv6 a /64, which a household gets."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))


IDLE = 3600.0  # seconds without a request
MAX_AGE = 12 * 3600.0  # seconds since its start
MOST = 1000


@dataclass(slots=True)
class Session:
    """A browser's session."""

    began_at: float
    seen_at: float
    is_ended: bool = False

    def is_over(self, now: float) -> bool:
        return self.is_ended or now - self.seen_at > IDLE or now - self.began_at > MAX_AGE


class Sessions:
    """The sessions, in memory: a restart ends them all. ``monotonic`` gives seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sessions: dict[str, Session] = {}

    def begin(self) -> str:
        """Start a session; returns the token for its cookie, of which only a hash is kept."""
        now = self._monotonic()
        expired = [key for key, session in self._sessions.items() if session.is_over(now)]
        for key in expired:
            del self._sessions[key]
        if len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen_at)]
        token = secrets.token_urlsafe(32)
        self._sessions[_key(token)] = Session(now, now)
        return token

    def find(self, token: str, *, is_activity: bool = True) -> Session | None:
        """The session of a token; ``is_activity``: the request extends its life."""
        key, now = _key(token), self._monotonic()
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.is_over(now):
            del self._sessions[key]
            return None
        if is_activity:
            session.seen_at = now
        return session

    def end(self, token: str) -> None:
        """End a session at once, for open pages, too."""
        if (session := self._sessions.pop(_key(token), None)) is not None:
            session.is_ended = True


def _key(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
