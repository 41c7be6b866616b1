"""
Live updates of open pages: server-sent events, each with the whole list.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from relay.admin.deliveries import rows
from relay.admin.sinks import sink_rows
from relay.admin.templating import SESSION, locale_of, render
from relay.errors import OutboxError
from relay.monitoring.changes import Changes

LISTS: Mapping[str, tuple[str, Callable[[web.Request], Awaitable[dict[str, Any]]]]] = {
    "/live": ("rows.html", rows),
    "/live/sinks": ("sink_rows.html", sink_rows),
}
"""The template and the values of each list, by its path."""

PAUSE = 1.0  # seconds between two updates, however much happens
QUIET = 5.0  # seconds between updates without a change here: another process may change rows
SHARE = 100  # reading takes at most this fraction of the time, so that watching costs little


@dataclass(frozen=True, slots=True)
class _View:
    """A rendered list, shared by all pages that show the same."""

    html: str
    version: int
    """The version of the changes when it was read."""
    read_at: float
    until: float

    def is_over(self, now: float, *, version: int) -> bool:
        has_changed = version != self.version or now >= self.read_at + QUIET
        return has_changed and now >= self.until


class Views:
    """The lists of open pages, each rendered once for all; ``monotonic`` gives seconds."""

    def __init__(
        self, changes: Changes, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.changes = changes
        self._monotonic = monotonic
        self._views: dict[tuple[str, ...], _View] = {}
        self._one_at_a_time = asyncio.Lock()

    async def view(self, request: web.Request) -> tuple[str, int]:
        """The HTML of a list, and the version of the changes when it was read."""
        key = (request.path_qs, locale_of(request), request[SESSION].csrf)
        async with self._one_at_a_time:
            view = self._views.get(key)
            began = self._monotonic()
            if view is None or view.is_over(began, version=self.changes.version):
                version = self.changes.version
                name, values = LISTS[request.path]
                html = render(request, name, **await values(request))
                now = self._monotonic()
                rest = min(max(PAUSE, SHARE * (now - began)), QUIET)
                view = _View(html, version, began, now + rest)
                self._views = {k: old for k, old in self._views.items() if old.until > began}
                self._views[key] = view
        return view.html, view.version


VIEWS: web.AppKey[Views] = web.AppKey("VIEWS")


async def live(request: web.Request) -> web.StreamResponse:
    """Stream updates until the browser disconnects, the session ends, or relay stops."""
    response = web.StreamResponse(
        headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # The browser has disconnected; or it reconnects in a moment, and then gets the error.
    with suppress(ConnectionError, OutboxError):
        await _stream(request, response)
    return response


async def _stream(request: web.Request, response: web.StreamResponse) -> None:
    views, sent = request.app[VIEWS], ""
    while not views.changes.is_closed and not request[SESSION].is_over(time.monotonic()):
        html, version = await views.view(request)
        await response.write(b":\n\n" if html == sent else _event(html))
        sent = html
        await views.changes.wait(version, within=QUIET)
        await asyncio.sleep(PAUSE)


def _event(html: str) -> bytes:
    return "".join(f"data: {line}\n" for line in html.splitlines()).encode() + b"\n"
