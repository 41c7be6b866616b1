"""``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for whoever starts and stops us."""

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import web

from relay.secret import Secret
from relay.vigil import Condition
from relay.web.guard import HOSTS, PASSWORD, check_host, check_password

Look = Callable[[], Awaitable[Condition]]
Scrape = Callable[[], Awaitable[tuple[bytes, str]]]
"""The metrics in writing, and their content type."""

LOOK: web.AppKey[Look] = web.AppKey("LOOK")
SCRAPE: web.AppKey[Scrape] = web.AppKey("SCRAPE")


def door(
    *, password: Secret | None, hosts: Collection[str] | None, look: Look, scrape: Scrape
) -> web.Application:
    """The application; ``hosts`` are the names by which it may be asked for, None: any."""
    app = web.Application(middlewares=[check_host, check_password])
    app[PASSWORD], app[HOSTS], app[LOOK], app[SCRAPE] = password, hosts, look, scrape
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    return app


async def healthy(request: web.Request) -> web.Response:
    """Whoever gets this answer knows that we live."""
    return web.json_response({"alive": True})


async def ready(request: web.Request) -> web.Response:
    condition = await request.app[LOOK]()
    return web.json_response(
        {"ready": condition.is_ready, "reasons": condition.reasons},
        status=HTTPStatus.OK if condition.is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


async def metrics(request: web.Request) -> web.Response:
    body, kind = await request.app[SCRAPE]()
    return web.Response(body=body, headers={"Content-Type": kind})
