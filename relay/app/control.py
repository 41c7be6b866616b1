"""
The control socket, by which commands reload a running relay, wake lanes and read their state.

It is a file next to the outbox that only its owner may use, so that a command that finds the one
finds the other. The outbox itself is read and changed by commands whether relay runs or not.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web

from relay.delivery.lane import LaneStatus
from relay.errors import ConfigError, ControlError, RelayError
from relay.listener import OWNER, UNIX, listen

ANSWER_TIMEOUT = 5.0  # seconds
RELOAD_TIMEOUT = 60.0  # a large configuration takes long to read
NOT_RUNNING = (FileNotFoundError, ConnectionRefusedError)

Answer: TypeAlias = Mapping[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The sinks that are new or have other settings, and the keys that need a restart."""

    sinks: Sequence[str]
    restart_only: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The requests that a running relay answers."""

    reload: Callable[[], Awaitable[Reloaded]]
    """Raises ConfigError with all problems, and changes nothing then."""
    wake: Callable[[Collection[str]], None]
    """Let the lanes of these sinks look for deliveries now, and ask for these hooks."""
    lanes: Callable[[], Mapping[str, LaneStatus]]


def socket_of(outbox: Path | None, home: Path) -> Path:
    """The path next to the file of the outbox, or in ``home`` if that is a database on a server."""
    if outbox is None:
        return home / "relay.control.sock"
    return outbox.with_name(f"{outbox.name}.sock")


@asynccontextmanager
async def controlled(control: Control, socket: Path) -> AsyncIterator[None]:
    """Answer commands; where no socket can be opened, that is logged and relay still runs."""
    runner = web.AppRunner(_create_app(control), access_log=None)
    async with AsyncExitStack() as stack:
        try:
            opened = listen(runner, f"{UNIX}{socket}", mode=OWNER)
            await stack.enter_async_context(opened)
        except ConfigError as error:
            logger.warning("no control socket", extra={"action": "control", "reason": str(error)})
        yield


def _create_app(control: Control) -> web.Application:
    async def reload(request: web.Request) -> web.Response:
        try:
            done = await control.reload()
        except RelayError as error:
            return web.json_response({"mistakes": str(error)})
        return web.json_response(
            {"sinks": list(done.sinks), "restart_only": list(done.restart_only)}
        )

    async def wake(request: web.Request) -> web.Response:
        control.wake(await request.json())
        return web.json_response({})

    async def lanes(request: web.Request) -> web.Response:
        return web.json_response({name: asdict(lane) for name, lane in control.lanes().items()})

    app = web.Application()
    app.router.add_post("/reload", reload)
    app.router.add_post("/wake", wake)
    app.router.add_get("/lanes", lanes)
    return app


async def ask(
    socket: Path, method: str, path: str, body: object = None, *, seconds: float = ANSWER_TIMEOUT
) -> Answer | None:
    """Ask the relay with this socket; None if it does not run. Raises ControlError."""
    connector = aiohttp.UnixConnector(str(socket))
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        try:
            async with session.request(method, f"http://relay{path}", json=body) as answer:
                answer.raise_for_status()
                content: Answer = await answer.json()
                return content
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NOT_RUNNING):
                return None
            reason = error.os_error.strerror or error.os_error
            raise ControlError(f"{socket}: cannot be used: {reason}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            raise ControlError(f"{socket}: the relay that runs fails: {reason}") from None
