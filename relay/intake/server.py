"""
Serves the public address: ``POST /hooks/<name>`` and ``GET /healthz``, nothing else.

Misskey gives up after five seconds, repeats after a 5xx or 429, and never after another 4xx.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from relay import misskey
from relay.errors import FormatError, RelayError
from relay.listener import BoundedServerRunner, Known
from relay.misskey import probe
from relay.outbox.records import JournalEntry, journal_entry
from relay.secret import Secret

logger = logging.getLogger(__name__)

READ_TIMEOUT = 30.0  # seconds for a body to arrive; Misskey itself waits for five

Accept = Callable[[JournalEntry], Awaitable[bool]]
"""Commits an event; False if it had been accepted before. Raises OutboxError."""


class HookResponse(NamedTuple):
    """The end of a request to a hook; both names are empty unless they are known."""

    hook: str
    kind: str
    status: int
    seconds: float


OnResponse = Callable[[HookResponse], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A configured hook; ``server`` is the only origin whose events it takes, or empty."""

    name: str
    secrets: tuple[Secret, ...]
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """All hooks by name, and the largest body in bytes."""

    by_name: Mapping[str, Hook]
    max_body: int


# Misskey never closes idle connections, and loses a request on a closing one for 60 s.
KEEP_ALIVE = 2 * 3600.0
PATH = "/hooks/"
NO_ANSWER = 500  # counted where the client left before its answer
KIND = web.RequestKey("KIND", str)


def runner(door: "Door", *, grace: float) -> web.BaseRunner:
    """The runner of a door; requests get ``grace`` seconds to end when it closes."""
    # A server without an application: its routing costs as much as all that the door does.
    server = web.Server(
        door,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE,
        auto_decompress=False,  # Misskey never compresses; an attacker would
    )
    return BoundedServerRunner(server, door.known, shutdown_timeout=grace)


class Door:
    """
    Answers the requests to the public address.

    ``hooks`` is called once per request, because a reload replaces them; ``clock`` gives Unix
    milliseconds; ``on_response`` is called after each request to a hook.
    """

    def __init__(
        self,
        hooks: Callable[[], Hooks],
        accept: Accept,
        *,
        clock: Callable[[], int],
        on_response: OnResponse = lambda response: None,
    ) -> None:
        self.known = Known()
        self._hooks = hooks
        self._accept = accept
        self._clock = clock
        self._on_response = on_response

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; an error becomes its status, and a line with the reason."""
        began, name, hooks = time.monotonic(), _hook_name(request.path), self._hooks()
        known = name if name in hooks.by_name else None
        status = NO_ANSWER
        try:
            if name:
                response = await self._receive(request, hooks, name)
            else:
                response = _elsewhere(request)
            status = response.status
            return response
        except RelayError as error:
            status = error.status
            _log_refusal(request, known, status, str(error))
            return web.Response(status=status, text=f"{error}\n")
        except web.HTTPException as error:
            status = error.status
            _log_refusal(request, known, status, (error.text or error.reason).strip())
            raise
        except Exception as error:
            # Frames without the error's text: that can hold what a request held.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("bug", extra={"action": "bug", "trace": frames})
            status = HTTPStatus.SERVICE_UNAVAILABLE.value
            return web.Response(status=status, text="a bug in relay\n")
        finally:
            if name and request.method == "POST":
                kind, seconds = request.get(KIND, ""), time.monotonic() - began
                self._on_response(HookResponse(known or "", kind, status, seconds))

    async def _receive(self, request: web.BaseRequest, hooks: Hooks, name: str) -> web.Response:
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        hook = hooks.by_name.get(name)
        if hook is None:
            raise web.HTTPNotFound(text="no such hook\n")
        headers = request.headers
        misskey.authenticate(headers, hook.secrets)
        self.known.add(request.protocol)
        raw = await _body(request, most=hooks.max_body)
        if probe.is_probe(raw):
            logger.info("probed", extra={"action": "probe", "hook": name})
            return web.json_response(probe.answer(probe.seen(headers, raw)))
        sender = misskey.sender(headers, expected=hook.server)
        entry = journal_entry(raw, hook=name, server=sender, now=self._clock())
        request[KIND] = entry.kind
        if hook.server and entry.server != hook.server:
            raise FormatError(_wrong_server(entry.server, hook.server))
        if not await self._accept(entry):
            logger.info(
                "repeated",
                extra={
                    "action": "accept",
                    "hook": name,
                    "event_id": entry.event_id,
                    "kind": entry.kind,
                },
            )
        return web.Response(status=204)


def _hook_name(path: str) -> str:
    """
    The name in the path of a hook; empty if it is another path.

    It may end with a slash, because Misskey follows a redirect as a GET without a body.
    """
    name = path.removeprefix(PATH).removesuffix("/") if path.startswith(PATH) else ""
    return "" if "/" in name else name


def _elsewhere(request: web.BaseRequest) -> web.Response:
    if request.path != "/healthz":
        raise web.HTTPNotFound
    if request.method not in {"GET", "HEAD"}:
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD"])
    return web.Response(text="ok\n")


def _wrong_server(came: str, expected: str) -> str:
    """The error with both origins, because mostly one server is known by two addresses."""
    origin = f"of {came[:200]}" if came else "that names no server"
    return f"wrong server: this is an event {origin}, and the hook takes those of {expected} only"


async def _body(request: web.BaseRequest, *, most: int) -> bytes:
    """Read a body up to a limit that a reload can change, which aiohttp's own cannot."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="compressed bodies are not taken\n")
    content = request.content
    if content.is_eof():  # it arrived with the headers, as Misskey's nearly always do
        raw = content.read_nowait()
        _check_size(len(raw), most)
        return raw
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            read = bytearray()
            while part := await content.readany():
                read += part
                _check_size(len(read), most)
            return bytes(read)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not arrive in time\n") from None
    except ConnectionError:  # not a bug, so without a trace, although nobody reads the answer
        raise FormatError("the connection ended before the body did") from None


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)


def _log_refusal(request: web.BaseRequest, hook: str | None, status: int, reason: str) -> None:
    logger.warning(
        "refused",
        extra={
            "action": "refuse",
            "hook": hook,
            "path": request.path[:100],
            "status": int(status),
            "reason": reason,
        },
    )
