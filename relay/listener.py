"""Listens on an address, ``host:port`` or ``unix:/path``, and cleans up afterwards."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from socket import socket
from typing import Any

from aiohttp import web, web_response

from relay.errors import ConfigError

UNIX = "unix:"

# Otherwise each response names the versions of Python and of aiohttp.
web_response.SERVER_SOFTWARE = "relay"  # type: ignore[attr-defined]

# Modes of a socket's file: a web server in front of relay runs as another user.
EVERYBODY = 0o666
OWNER = 0o600


# Few connections are accepted at a time, and each is read from before the next: otherwise a crowd
# of strangers would end connections before their secrets are read. The rest wait in the kernel.
ACCEPTED = 16
WAITING = 1024


class Listener:
    """A server that accepts connections until it is closed."""

    def __init__(self, runner: web.BaseRunner, listen: str, *, mode: int) -> None:
        self._runner = runner
        self._listen = listen
        self._mode = mode
        self._socket: _Socket | None = None

    async def open(self) -> None:
        """Start to accept connections. Raises ConfigError."""
        await self._runner.setup()
        try:
            await self._site().start()
            self._let_wait()
            if self._listen.startswith(UNIX):
                path = Path(self._listen.removeprefix(UNIX))
                self._socket = _Socket(path, mode=self._mode)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {self._listen}: {error.strerror or error}"
            ) from None

    async def close(self) -> None:
        """Accept no more connections, and finish the requests in flight."""
        await self._runner.cleanup()
        if self._socket is not None:
            self._socket.remove()

    @property
    def address(self) -> str:
        """The address as text, with the port that was assigned."""
        if self._listen.startswith(UNIX):
            return self._listen
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _site(self) -> web.BaseSite:
        if self._listen.startswith(UNIX):
            path = self._listen.removeprefix(UNIX)
            return web.UnixSite(self._runner, path, backlog=ACCEPTED)
        host, _, port = self._listen.rpartition(":")
        return web.TCPSite(self._runner, host.strip("[]"), int(port), backlog=ACCEPTED)

    def _let_wait(self) -> None:
        """Let more connections wait in the kernel than asyncio accepts at a time."""
        for site in self._runner.sites:
            for listening in getattr(site._server, "sockets", ()):
                with socket(fileno=os.dup(listening.fileno())) as duplicate:
                    duplicate.listen(WAITING)


class _Socket:
    """The file of a socket, removed at the end unless the next process has replaced it."""

    def __init__(self, path: Path, *, mode: int) -> None:
        path.chmod(mode)
        self._path = path
        self._inode = path.stat().st_ino

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


@asynccontextmanager
async def listen(runner: web.BaseRunner, address: str, *, mode: int) -> AsyncIterator[Listener]:
    """Open a listener; ``mode`` is that of a socket's file. Raises ConfigError."""
    listener = Listener(runner, address, mode=mode)
    try:
        await listener.open()
        yield listener
    finally:
        await listener.close()


STRANGERS = 500  # at once
KNOWN = 200  # at once; Misskey's worker has 16, and a proxy opens few


class Known:
    """The connections that sent a valid secret, the last used last: they are kept longest."""

    def __init__(self) -> None:
        self._connections: dict[web.RequestHandler, None] = {}

    def __contains__(self, connection: web.RequestHandler) -> bool:
        return connection in self._connections

    def add(self, connection: web.RequestHandler) -> None:
        self._connections.pop(connection, None)
        self._connections[connection] = None
        if len(self._connections) > KNOWN:
            self._connections = {
                connection: None for connection in self._connections if connection.transport
            }
        if len(self._connections) > KNOWN:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.force_close()


KNOWN_ONES: web.AppKey[Known] = web.AppKey("KNOWN_ONES", Known)


def trust(request: web.Request) -> None:
    """Protect the connection of a request that had a valid secret from being closed."""
    known = request.app.get(KNOWN_ONES)
    if known is not None:
        known.add(request.protocol)


class _Bounds(web.BaseRunner):
    """Serves a bounded number of connections: an unknown one too many closes the oldest."""

    _known: Known

    @property
    def server(self) -> web.Server | None:
        """The factory of protocols for new connections."""
        server = super().server
        return None if server is None else _Bounded(server, self._known)


class BoundedRunner(_Bounds, web.AppRunner):
    """Serves an application in these bounds."""

    def __init__(self, app: web.Application, **named: Any) -> None:
        super().__init__(app, **named)
        self._known = app[KNOWN_ONES] = Known()


class BoundedServerRunner(_Bounds, web.ServerRunner):
    """Serves a server in these bounds."""

    def __init__(self, server: web.Server, known: Known, **named: Any) -> None:
        super().__init__(server, **named)
        self._known = known


class _Bounded(web.Server):
    """A server, which sites call for each connection."""

    def __init__(self, server: web.Server, known: Known) -> None:
        self._server = server
        self._known = known

    def __call__(self) -> web.RequestHandler:
        connections = self._server.connections  # the oldest first
        if len(connections) >= STRANGERS:
            strangers = [
                connection
                for connection in connections
                if connection.transport and connection not in self._known
            ]
            for oldest in strangers[: max(0, len(strangers) + 1 - STRANGERS)]:
                oldest.force_close()
        return self._server()
