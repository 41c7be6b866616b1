"""The lock on the operator's door: it opens to the password, and not to who tries many."""

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
"""So many wrong passwords cost an address no wait; each further one doubles it."""
LONGEST = 900.0  # seconds
FORGOTTEN = 3600.0  # seconds after the last wrong one
ADDRESSES = 10_000  # that are remembered


class TooSoonError(Exception):
    """Too many wrong passwords came from an address."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"{wait:.0f} s to wait")
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


class Lock:
    """``monotonic`` gives seconds that never jump."""

    def __init__(self, kept: Secret, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._monotonic = monotonic
        self._tries: dict[str, _Tries] = {}
        self._one_at_a_time = asyncio.Lock()  # a hash takes memory, and a processor
        self._salt = secrets.token_bytes(32)
        self._proven: bytes | None = None
        """The right password, in a form that only this process can compare: scrapers come often."""

    async def opens(self, given: str, *, by: str) -> bool:
        """Whether it is the password; ``by`` is the address that brings it. Raises TooSoonError."""
        key = network(by)
        self._count(key)  # before it is looked at: many at once are many, too
        if self._proven is not None and hmac.compare_digest(self._proven, self._form(given)):
            is_right = True
        else:
            async with self._one_at_a_time:
                kept = self._kept.reveal()
                is_right = await asyncio.to_thread(password.matches, given, kept)
        if is_right:
            self._proven = self._form(given)
            self._tries.pop(key, None)
        return is_right

    def _count(self, key: str) -> None:
        now = self._monotonic()
        tries = self._tries.pop(key, None)
        if tries is None or now - tries.last_at > FORGOTTEN:
            tries = _Tries(0, now)
        wait = tries.wait(now)
        if not wait:
            tries = _Tries(tries.number + 1, now)
        self._tries[key] = tries  # the newest stands last
        if len(self._tries) > ADDRESSES:
            del self._tries[next(iter(self._tries))]
        if wait:
            raise TooSoonError(wait)

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
