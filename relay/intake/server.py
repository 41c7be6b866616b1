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

from aiohttp import web

from relay import misskey
from relay.errors import FormatError, RelayError
from relay.listener import BoundedRunner, trust
from relay.misskey import probe
from relay.model import Event
from relay.secret import Secret

logger = logging.getLogger(__name__)

READ_TIMEOUT = 30.0  # seconds for a body to arrive; Misskey itself waits for five

Accept = Callable[[Event, bytes], Awaitable[bool]]
"""Commits an event; False if it had been accepted before. Raises OutboxError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResponse:
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


HOOKS: web.AppKey[Callable[[], Hooks]] = web.AppKey("HOOKS")
"""Called once per request, because a reload replaces them."""
# Misskey never closes idle connections, and loses a request on a closing one for 60 s.
KEEP_ALIVE = 2 * 3600.0

ACCEPT: web.AppKey[Accept] = web.AppKey("ACCEPT")
CLOCK: web.AppKey[Callable[[], int]] = web.AppKey("CLOCK")
ON_RESPONSE: web.AppKey[OnResponse] = web.AppKey("ON_RESPONSE")
KIND = web.RequestKey("KIND", str)


def create_app(
    hooks: Callable[[], Hooks],
    accept: Accept,
    *,
    clock: Callable[[], int],
    on_response: OnResponse = lambda response: None,
) -> web.Application:
    """
    The application behind the public address.

    ``clock`` gives Unix milliseconds; ``on_response`` is called after each request to a hook.
    """
    app = web.Application(middlewares=[answer])
    app[HOOKS], app[ACCEPT], app[CLOCK], app[ON_RESPONSE] = hooks, accept, clock, on_response
    # Both forms are routes, because Misskey follows a redirect as a GET without a body.
    app.router.add_post("/hooks/{hook}", receive)
    app.router.add_post("/hooks/{hook}/", receive)
    app.router.add_get("/healthz", healthy)
    return app


def runner(app: web.Application, *, grace: float) -> web.AppRunner:
    """The runner of ``app``; requests get ``grace`` seconds to end when it closes."""
    return BoundedRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=grace,
        auto_decompress=False,  # Misskey never compresses; an attacker would
    )


async def receive(request: web.Request) -> web.Response:
    hooks = request.app[HOOKS]()
    hook = hooks.by_name.get(request.match_info["hook"])
    if hook is None:
        raise web.HTTPNotFound(text="no such hook\n")
    misskey.authenticate(request.headers, hook.secrets)
    trust(request)
    raw = await _body(request, most=hooks.max_body)
    if probe.is_probe(raw):
        logger.info("probed", extra={"action": "probe", "hook": hook.name})
        return web.json_response(probe.answer(probe.seen(request.headers, raw)))
    sender = misskey.sender(request.headers, expected=hook.server)
    event = misskey.parse(raw, hook=hook.name, server=sender, now=request.app[CLOCK]())
    request[KIND] = event.kind
    if hook.server and event.server != hook.server:
        raise FormatError(_wrong_server(event.server, hook.server))
    if not await request.app[ACCEPT](event, raw):
        logger.info(
            "repeated",
            extra={"action": "accept", "hook": hook.name, "event_id": event.id, "kind": event.kind},
        )
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _wrong_server(came: str, expected: str) -> str:
    """The error with both origins, because mostly one server is known by two addresses."""
    origin = f"of {came[:200]}" if came else "that names no server"
    return f"wrong server: this is an event {origin}, and the hook takes those of {expected} only"


async def _body(request: web.Request, *, most: int) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="compressed bodies are not taken\n")
    if request.content.is_eof():  # it arrived with the headers, as Misskey's nearly always do
        return await _read(request, most)
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _read(request, most)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not arrive in time\n") from None
    except ConnectionError:  # not a bug, so without a trace, although nobody reads the answer
        raise FormatError("the connection ended before the body did") from None


async def _read(request: web.Request, most: int) -> bytes:
    """Read a body up to a limit that a reload can change, which aiohttp's own cannot."""
    read = bytearray()
    while part := await request.content.readany():
        read += part
        if len(read) > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(read))
    return bytes(read)


async def healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Report the end of each request to a hook to ``on_response``."""
    began, status = time.monotonic(), HTTPStatus.INTERNAL_SERVER_ERROR.value
    try:
        response = await _answered(request, handler)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        if "hook" in request.match_info:
            request.app[ON_RESPONSE](
                HookResponse(
                    hook=_hook_name(request) or "",
                    kind=request.get(KIND, ""),
                    status=status,
                    seconds=time.monotonic() - began,
                )
            )


def _hook_name(request: web.Request) -> str | None:
    """The name of the hook if it is configured: strangers ask for others without end."""
    name = request.match_info.get("hook")
    return name if name in request.app[HOOKS]().by_name else None


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an error into a response: its status, and a line with the reason."""
    try:
        return await handler(request)
    except RelayError as error:
        _log_refusal(request, error.status, str(error))
        return web.Response(status=error.status, text=f"{error}\n")
    except Exception as error:
        if not isinstance(error, web.HTTPException):
            # Frames without the error's text: that can hold what a request held.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("bug", extra={"action": "bug", "trace": frames})
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="a bug in relay\n")
        if error.status >= 400:
            _log_refusal(request, error.status, (error.text or error.reason).strip())
        raise


def _log_refusal(request: web.Request, status: int, reason: str) -> None:
    logger.warning(
        "refused",
        extra={
            "action": "refuse",
            "hook": _hook_name(request),
            "path": request.path[:100],
            "status": int(status),
            "reason": reason,
        },
    )
