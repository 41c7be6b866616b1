"""
Pages that change while they are looked at: server-sent events, each the whole list anew.

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
from relay.admin.sinks import standings
from relay.admin.templating import SESSION, locale_of, written
from relay.errors import OutboxError
from relay.monitoring.changes import Changes

LISTS: Mapping[str, tuple[str, Callable[[web.Request], Awaitable[dict[str, Any]]]]] = {
    "/live": ("rows.html", rows),
    "/live/sinks": ("standings.html", standings),
}
"""By their addresses: the template that shows them, and what it shows."""

PAUSE = 1.0  # seconds between two looks, however much happens
QUIET = 5.0  # seconds after which is looked anyway: another process may have changed something
SHARE = 100  # a look takes this part of the time, up to QUIET: who watches slows nothing down


@dataclass(frozen=True, slots=True)
class _View:
    """A list as it was at a moment, for all who look at the same."""

    html: str
    heard: int
    """The version of the changes when it was read."""
    read_at: float
    until: float

    def is_over(self, now: float, *, version: int) -> bool:
        has_changed = version != self.heard or now >= self.read_at + QUIET
        return has_changed and now >= self.until


class Views:
    """What is looked at now, written once for all who do; ``monotonic`` gives seconds."""

    def __init__(
        self, changes: Changes, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.changes = changes
        self._monotonic = monotonic
        self._views: dict[tuple[str, ...], _View] = {}
        self._one_at_a_time = asyncio.Lock()

    async def view(self, request: web.Request) -> tuple[str, int]:
        """The rows, and the version of the changes when they were read."""
        key = (request.path_qs, locale_of(request), request[SESSION].csrf)
        async with self._one_at_a_time:
            found = self._views.get(key)
            began = self._monotonic()
            if found is None or found.is_over(began, version=self.changes.version):
                heard = self.changes.version
                name, shown = LISTS[request.path]
                html = written(request, name, **await shown(request))
                now = self._monotonic()
                rest = min(max(PAUSE, SHARE * (now - began)), QUIET)
                found = _View(html, heard, began, now + rest)
                self._views = {k: one for k, one in self._views.items() if one.until > began}
                self._views[key] = found
        return found.html, found.heard


VIEWS: web.AppKey[Views] = web.AppKey("VIEWS")


async def live(request: web.Request) -> web.StreamResponse:
    """Until the browser goes, the session is over, or relay ends."""
    response = web.StreamResponse(
        headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # The browser has gone; or it asks again in a moment, and is told then what is wrong.
    with suppress(ConnectionError, OutboxError):
        await _tell(request, response)
    return response


async def _tell(request: web.Request, response: web.StreamResponse) -> None:
    views, shown = request.app[VIEWS], ""
    while not views.changes.is_closed and not request[SESSION].is_over(time.monotonic()):
        html, heard = await views.view(request)
        await response.write(b":\n\n" if html == shown else _event(html))
        shown = html
        await views.changes.wait(heard, within=QUIET)
        await asyncio.sleep(PAUSE)


def _event(html: str) -> bytes:
    return "".join(f"data: {line}\n" for line in html.splitlines()).encode() + b"\n"
