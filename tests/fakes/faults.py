"""
The ways in which a vendor's server fails, on demand or by a seeded chance.

A fault *before* the store leaves no trace: the client must send again. A fault *after* the store
hides that the message arrived: sending again is the duplicate. Only the second kind exposes a
client that repeats too readily.
"""

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STORED = web.RequestKey("STORED", bool)
"""The key that a handler sets in a request whose message it has recorded."""

HTML = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure; build it with the functions below."""

    kind: Literal["answer", "disconnect", "reset", "slow", "truncated"]
    stored: bool = False
    status: int = 500
    body: str = ""
    content_type: str = "application/json"
    retry_after: str | None = None
    seconds: float = 0.0


def status(code: int) -> Fault:
    """500, 502, 503, 504, with a JSON body."""
    return Fault("answer", status=code, body='{"message": "Internal Server Error", "code": 0}')


def html(code: int = 502) -> Fault:
    """A proxy's page instead of the vendor's JSON."""
    return Fault("answer", status=code, body=HTML, content_type="text/html")


def disconnect() -> Fault:
    """The request is read, the connection is closed, no byte is answered."""
    return Fault("disconnect")


def reset() -> Fault:
    """The same, with a TCP reset."""
    return Fault("reset")


def rate_limited(retry_after: str | None) -> Fault:
    """A 429 whose Retry-After is any text: servers and proxies have sent dates and nonsense."""
    body = '{"ok": false, "error": "ratelimited", "message": "You are being rate limited."}'
    return Fault("answer", status=429, body=body, retry_after=retry_after)


def stored(fault: Fault) -> Fault:
    """The same failure, but after the message was stored."""
    return replace(fault, stored=True)


def slow(seconds: float = 60.0) -> Fault:
    """Stored at once, answered only when the client has given up."""
    return Fault("slow", stored=True, seconds=seconds)


def truncated() -> Fault:
    """Stored, and the answer breaks off in the middle of its body."""
    return Fault("truncated", stored=True)


def nonsense(body: str = "<nonsense", code: int = 200) -> Fault:
    """Stored, and the answer is a success that means nothing."""
    return Fault("answer", stored=True, status=code, body=body, content_type="text/html")


ABSURD_RETRY_AFTER = ("nan", "-1", "1e9", "inf", "", "soon", "Wed, 21 Oct 2026 07:28:00 GMT")
BEFORE_STORE = (*map(status, (500, 502, 503, 504)), html(), disconnect(), reset())
AFTER_STORE = (stored(status(500)), stored(html()), stored(disconnect()), truncated(), nonsense())


class Faults:
    """What goes wrong next at one fake server; its `middleware` makes it happen."""

    def __init__(self) -> None:
        self.played: list[Fault] = []
        self.delay = 0.0
        """Seconds before every request is looked at."""
        self._queue: deque[Fault] = deque()
        self._chance = 0.0
        self._random = random.Random(0)
        self._pool: Sequence[Fault] = ()
        self._down = False
        self._closing = asyncio.Event()

    def fail_next(self, *faults: Fault, times: int = 1) -> None:
        """Let the next requests fail so, one fault each, in this order."""
        self._queue.extend(faults * times)

    def fail_randomly(
        self, chance: float, *, seed: int = 0, pool: Sequence[Fault] = BEFORE_STORE
    ) -> None:
        """Let each request fail with this chance; 0 switches it off."""
        self._chance, self._random, self._pool = chance, random.Random(seed), pool

    def go_down(self) -> None:
        """Answer everything with 503 until `come_back`."""
        self._down = True

    def come_back(self) -> None:
        self._down = False

    async def close(self, _: web.Application) -> None:
        """Release the slow answers, so that the server can stop."""
        self._closing.set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.delay:
            await asyncio.sleep(self.delay)
        if self._down:
            await request.read()
            return web.Response(status=503, text=HTML, content_type="text/html")
        fault = self._due()
        if fault is None:
            return await handler(request)
        if not fault.stored:
            await request.read()
            return await self._play(fault, request, web.Response())
        answer = await handler(request)
        if STORED not in request or not isinstance(answer, web.Response):
            self._queue.appendleft(fault)  # nothing was stored: it waits for a request that is
            return answer
        return await self._play(fault, request, answer)

    def _due(self) -> Fault | None:
        if self._queue:
            return self._queue.popleft()
        if self._pool and self._random.random() < self._chance:
            return self._random.choice(self._pool)
        return None

    async def _play(
        self, fault: Fault, request: web.Request, answer: web.Response
    ) -> web.StreamResponse:
        self.played.append(fault)
        if fault.kind == "slow":
            with_timeout = asyncio.wait_for(self._closing.wait(), fault.seconds)
            await asyncio.gather(with_timeout, return_exceptions=True)
            return answer
        if fault.kind == "truncated":
            return await _cut_off(request, answer)
        if fault.kind in {"disconnect", "reset"}:
            return _hang_up(request, hard=fault.kind == "reset")
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return web.Response(
            status=fault.status, text=fault.body, content_type=fault.content_type, headers=headers
        )


def _hang_up(request: web.Request, *, hard: bool) -> web.Response:
    transport = request.transport
    if transport is not None and hard:
        # Without lingering the kernel sends a reset instead of an orderly end.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response()  # goes nowhere


async def _cut_off(request: web.Request, answer: web.Response) -> web.StreamResponse:
    body = answer.body if isinstance(answer.body, bytes) else b""
    partial = web.StreamResponse(status=200, headers={"Content-Type": "application/json"})
    partial.content_length = len(body) + 10
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2] or b"{")
    if request.transport is not None:
        request.transport.close()
    return partial
