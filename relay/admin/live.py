"""
Live updates of open pages: server-sent events with the parts of a page that have changed.

To find them, the page is rendered again.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import hdrs, web

from relay.admin import dead_letters, deliveries, sinks
from relay.admin.parts import Parts, digest, parts_of, timeless
from relay.admin.templating import LIVE, SESSION, locale_of, page
from relay.errors import OutboxError
from relay.monitoring.changes import Changes

PAUSE = 1.0  # seconds between two updates, however much happens
QUIET = 5.0  # seconds between updates without a change here: another process may change rows
SHARE = 100  # reading takes at most this fraction of the time, so that watching costs little


async def pulse(request: web.Request) -> web.Response:
    """The parts that every page has."""
    return await page(request, "base.html")


PAGES: Mapping[str, Callable[[web.Request], Awaitable[web.Response]]] = {
    "/": deliveries.list_page,
    r"/deliveries/{id:\d{1,18}}": deliveries.show,
    "/sinks": sinks.list_page,
    "/dead": dead_letters.list_page,
    "/pulse": pulse,
}
"""The pages that have live updates, by their paths."""


@dataclass(frozen=True, slots=True)
class _View:
    """The parts of a page, shared by all that have it open."""

    parts: Parts
    version: int
    """The version of the changes when it was read."""
    read_at: float
    until: float

    def is_over(self, now: float, *, version: int) -> bool:
        has_changed = version != self.version or now >= self.read_at + QUIET
        return has_changed and now >= self.until


class Views:
    """The pages that are open, each rendered once for all; ``monotonic`` gives seconds."""

    def __init__(
        self, changes: Changes, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.changes = changes
        self._monotonic = monotonic
        self._views: dict[tuple[str, ...], _View] = {}
        self._one_at_a_time = asyncio.Lock()

    async def view(self, request: web.Request) -> tuple[Parts, int]:
        """The parts of a page, and the version of the changes when it was read."""
        # Browsers name what they were loaded with, which is not what they ask for.
        key = (str(request.rel_url.without_query_params("is")), locale_of(request))
        async with self._one_at_a_time:
            view = self._views.get(key)
            began = self._monotonic()
            if view is None or view.is_over(began, version=self.changes.version):
                version = self.changes.version
                path = request.path.removeprefix(LIVE)
                handler = PAGES.get(path, deliveries.show)
                parts = parts_of((await handler(request)).text or "")
                now = self._monotonic()
                rest = min(max(PAUSE, SHARE * (now - began)), QUIET)
                view = _View(parts, version, began, now + rest)
                self._views = {k: old for k, old in self._views.items() if old.until > began}
                self._views[key] = view
        return view.parts, view.version


VIEWS: web.AppKey[Views] = web.AppKey("VIEWS")


async def live(request: web.Request) -> web.StreamResponse:
    """Stream updates until the browser disconnects, the session ends, or relay stops."""
    response = web.StreamResponse(
        headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # The browser has disconnected; or it reconnects in a moment, and then gets the error.
    with suppress(ConnectionError, OutboxError, web.HTTPException):
        await _stream(request, response)
    return response


async def _stream(request: web.Request, response: web.StreamResponse) -> None:
    views, session = request.app[VIEWS], request.get(SESSION)
    known: Parts = {}
    while not views.changes.is_closed and not (session and session.is_over(time.monotonic())):
        parts, version = await views.view(request)
        now = timeless(parts)
        if not known and request.query.get("is") == digest(parts):
            known = now  # the browser has just loaded this
        news = {key: parts[key] for key, html in now.items() if known.get(key) != html}
        gone = dict.fromkeys(known.keys() - now.keys())
        known = now
        await response.write(_event(news | gone) if news or gone else b":\n\n")
        await views.changes.wait(version, within=QUIET)
        await asyncio.sleep(PAUSE)


def _event(parts: Mapping[str, str | None]) -> bytes:
    return f"data: {json.dumps(parts, ensure_ascii=False)}\n\n".encode()
