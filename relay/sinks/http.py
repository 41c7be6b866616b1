"""
The one HTTP session of all sinks, and what an exchange over it can come to.

Whether a request may be repeated without harm depends on whether any of it had left: only a trace
can tell (https://docs.aiohttp.org/en/stable/tracing_reference.html).
"""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp

from relay.outcome import Failed, Outcome

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10, sock_read=20)
MAX_ANSWER = 64 * 1024
MAX_PAUSE = 6 * 3600.0  # seconds; a vendor that asks for more is asked again then
DEFAULT_PAUSE = 5.0


@dataclass
class _Exchange:
    """One request, as the trace sees it."""

    written: bool = False


_exchange: ContextVar[_Exchange] = ContextVar("exchange")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answered; ``text`` is cut after 64 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the answer; empty if it is anything else."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def reason(self) -> str:
        """The answer in one line for people: no pages of HTML."""
        shown = re.sub(r"<[^>]*>", " ", self.text) if "<" in self.text[:200] else self.text
        return f"{self.status} {' '.join(shown.split())[:200]}".strip()


class RedirectError(aiohttp.ClientError):
    """A vendor's API sends nobody elsewhere, and an address that is a key is not passed on."""


async def _mark(session: object, context: SimpleNamespace, params: object) -> None:
    _exchange.get(_Exchange()).written = True


async def _refuse(session: object, context: SimpleNamespace, params: object) -> None:
    raise RedirectError


def open_session(*, trust_env: bool = False) -> aiohttp.ClientSession:
    """The session that all sinks share."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_mark)
    trace.on_request_redirect.append(_refuse)
    return aiohttp.ClientSession(
        timeout=TIMEOUT,
        connector=aiohttp.TCPConnector(keepalive_timeout=15, ttl_dns_cache=300, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
        trust_env=trust_env,
    )


class watched:  # noqa: N801
    """A scope in which ``failed`` can tell whether the request had left."""

    def __enter__(self) -> "watched":
        self._exchange = _Exchange()
        self._token = _exchange.set(self._exchange)
        return self

    def __exit__(self, *error: object) -> None:
        _exchange.reset(self._token)

    def failed(self, error: BaseException) -> Failed:
        """Only the error's class is told: its text can hold the address, which is a key."""
        return Failed(type(error).__name__, ambiguous=self._exchange.written)


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer | Failed:
    """Send one request with a JSON body, once, and read the answer."""
    with watched() as scope:
        try:
            async with session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as response:
                text = (await response.content.read(MAX_ANSWER)).decode(errors="replace")
                return Answer(response.status, response.headers, text)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            return scope.failed(error)
        except ValueError as error:  # aiohttp's InvalidURL, a header it cannot send
            return Failed(type(error).__name__)


def pause_from(*hints: object) -> float:
    """
    The longest of the pauses that an answer asks for, in seconds: a number, or a date.

    Never NaN, negative, or days: whatever the vendor says, we can wait that long.
    """
    found = [pause for pause in map(_seconds, hints) if pause is not None]
    return min(max(found, default=DEFAULT_PAUSE), MAX_PAUSE)


def _seconds(hint: object) -> float | None:
    if hint is None or isinstance(hint, bool):
        return None
    try:
        pause = float(hint)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return _until(str(hint))
    if math.isnan(pause) or pause < 0:
        return None
    return pause


def _until(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


Classified = Outcome
