"""How many connections a door has: strangers who open some and say nothing keep nobody out."""

from aiohttp import web

MOST = 500  # at once; Misskey's worker has 16, and whoever waits behind a proxy has few


class BoundedRunner(web.AppRunner):
    """Serves an application over so many connections: who comes beyond them ends the oldest."""

    @property
    def server(self) -> web.Server | None:
        """What makes the protocol of each new connection."""
        found = super().server
        return None if found is None else _Bounded(found)


class _Bounded(web.Server):
    """A server as sites know it: they call it for each connection."""

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def __call__(self) -> web.RequestHandler:
        connections = self._server.connections  # the oldest first
        for oldest in connections[: max(0, len(connections) + 1 - MOST)]:
            oldest.force_close()
        return self._server()
