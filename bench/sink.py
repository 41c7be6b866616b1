"""
A chat that takes everything at once, and remembers when: Discord, Slack and Matrix in one.

``python -m bench.sink PORT``. The first step of a path says which chat is meant; several events
may come in one request. Times are monotonic seconds: the same clock in all processes of a machine.
"""

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.request import Request, urlopen

from aiohttp import web

from bench.process import Server, free_port, python, serving

NUMBER = re.compile(rb"b(\d{12})\.example")
GLANCE = 0.1  # seconds between two looks at how many have come
Arrivals = dict[str, dict[str, float]]
"""By chat and number, the first time that it came."""


class Chat:
    """The chat's side."""

    def __init__(self) -> None:
        self.requests = 0
        self.arrivals: Arrivals = defaultdict(dict)

    async def take(self, request: web.Request) -> web.Response:
        now, body = time.monotonic(), await request.read()
        self.requests += 1
        arrived = self.arrivals[request.path.split("/")[1]]
        for number in NUMBER.findall(body):
            arrived.setdefault(number.decode(), now)
        if request.path.startswith("/slack"):
            return web.Response(text="ok")
        return web.json_response({"id": "1", "event_id": "$1"})

    async def ask(self, request: web.Request) -> web.Response:
        """What relay asks of a Matrix room before it trusts it: that it is not encrypted."""
        return web.json_response({"errcode": "M_NOT_FOUND"}, status=HTTPStatus.NOT_FOUND)

    async def tell(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self.requests, "arrivals": self.arrivals})

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response({name: len(found) for name, found in self.arrivals.items()})

    async def forget(self, request: web.Request) -> web.Response:
        self.requests = 0
        self.arrivals.clear()
        return web.Response(status=HTTPStatus.NO_CONTENT)


class Sink:
    """Our side: what has arrived there."""

    def __init__(self, server: Server) -> None:
        self.address = server.address
        self.server = server

    def forget(self) -> None:
        self._ask("/told", "DELETE")

    def arrivals(self) -> Arrivals:
        found: Arrivals = json.loads(self._ask("/told"))["arrivals"]
        return found

    def requests(self) -> int:
        return int(json.loads(self._ask("/told"))["requests"])

    def fewest(self) -> int:
        """The events that every chat has got which has got any."""
        counts = json.loads(self._ask("/count"))
        return min(counts.values(), default=0)

    def wait_for(self, events: int, *, patience: float) -> bool:
        """Until so many have come, or so many seconds have gone; whether they have come."""
        until = time.monotonic() + patience
        while self.fewest() < events:
            if time.monotonic() > until:
                return False
            time.sleep(GLANCE)
        return True

    def _ask(self, path: str, method: str = "GET") -> bytes:
        with urlopen(Request(f"{self.address}{path}", method=method), timeout=30) as answer:
            return bytes(answer.read())


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:

    port = free_port()
    with serving(python("bench.sink", port), folder=folder, port=port) as server:
        yield Sink(server)


def main() -> None:
    chat = Chat()
    app = web.Application(client_max_size=2**24)
    app.router.add_get("/told", chat.tell)
    app.router.add_delete("/told", chat.forget)
    app.router.add_get("/count", chat.count)
    app.router.add_get("/{path:.*}", chat.ask)
    app.router.add_route("*", "/{path:.*}", chat.take)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
