"""How many connections a door has: strangers, however many come and go, keep nobody out."""

from typing import Any

from aiohttp import web

STRANGERS = 500  # at once
KNOWN = 200  # at once; Misskey's worker has 16, and whoever waits behind a proxy has few


class Known:
    """The connections that brought a right secret, the last used last: they are kept longest."""

    def __init__(self) -> None:
        self._connections: dict[web.RequestHandler, None] = {}

    def __contains__(self, connection: web.RequestHandler) -> bool:
        return connection in self._connections

    def add(self, connection: web.RequestHandler) -> None:
        self._connections.pop(connection, None)
        self._connections[connection] = None
        if len(self._connections) > KNOWN:
            self._connections = {one: None for one in self._connections if one.transport}
        if len(self._connections) > KNOWN:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.force_close()


KNOWN_ONES: web.AppKey[Known] = web.AppKey("KNOWN_ONES", Known)


def trust(request: web.Request) -> None:
    """Keep the connection of a request that brought a right secret, whoever else comes."""
    known = request.app.get(KNOWN_ONES)
    if known is not None:
        known.add(request.protocol)


class BoundedRunner(web.AppRunner):
    """Serves an application over so many connections: a stranger too many ends the oldest one."""

    def __init__(self, app: web.Application, **named: Any) -> None:
        super().__init__(app, **named)
        self._known = app[KNOWN_ONES] = Known()

    @property
    def server(self) -> web.Server | None:
        """What makes the protocol of each new connection."""
        found = super().server
        return None if found is None else _Bounded(found, self._known)


class _Bounded(web.Server):
    """A server as sites know it: they call it for each connection."""

    def __init__(self, server: web.Server, known: Known) -> None:
        self._server = server
        self._known = known

    def __call__(self) -> web.RequestHandler:
        connections = self._server.connections  # the oldest first
        if len(connections) >= STRANGERS:
            strangers = [one for one in connections if one.transport and one not in self._known]
            for oldest in strangers[: max(0, len(strangers) + 1 - STRANGERS)]:
                oldest.force_close()
        return self._server()
