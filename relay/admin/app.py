"""The operator's door: pages for people, ``/metrics`` for Prometheus, signs of life for systemd."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import hdrs, web

from relay.admin import auth as entry
from relay.admin import dead_letters as dead
from relay.admin import deliveries, playground, settings
from relay.admin import sinks as standings
from relay.admin.auth import SESSIONS, check_entry
from relay.admin.context import OPERATION, Operation
from relay.admin.live import LISTS, VIEWS, Views, live
from relay.admin.security import HOSTS, Handler, add_headers, check_host, check_origin
from relay.admin.session import Lock, Sessions
from relay.admin.templating import LOCK, page, static
from relay.errors import OutboxError
from relay.monitoring.changes import Changes
from relay.monitoring.health import Condition
from relay.secret import Secret

logger = logging.getLogger(__name__)

PROGRAMS = frozenset({"/healthz", "/readyz", "/metrics"})
"""What asks for these reads no pages."""
KEPT = frozenset({hdrs.ALLOW, hdrs.RETRY_AFTER})

Look = Callable[[], Awaitable[Condition]]
Scrape = Callable[[], Awaitable[tuple[bytes, str]]]
"""The metrics in writing, and their content type."""

LOOK: web.AppKey[Look] = web.AppKey("LOOK")
SCRAPE: web.AppKey[Scrape] = web.AppKey("SCRAPE")


def create_app(
    *,
    password: Secret | None,
    hosts: Collection[str] | None,
    look: Look,
    scrape: Scrape,
    operation: Callable[[], Operation],
    changes: Changes,
) -> web.Application:
    """The application; ``hosts`` are the names by which it may be asked for, None: any."""
    app = web.Application(middlewares=[answer_errors, check_host, check_origin, check_entry])
    app.on_response_prepare.append(add_headers)
    app[HOSTS], app[LOOK], app[SCRAPE], app[OPERATION] = hosts, look, scrape, operation
    app[LOCK] = None if password is None else Lock(password)
    app[SESSIONS] = Sessions()
    app[VIEWS] = Views(changes)
    app.on_shutdown.append(_close)
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/static/{name}", static)
    app.router.add_get("/login", entry.login)
    app.router.add_post("/login", entry.enter)
    app.router.add_post("/logout", entry.leave)
    app.router.add_get("/", deliveries.listed)
    app.router.add_get(r"/deliveries/{id:\d{1,18}}", deliveries.one)
    app.router.add_post(r"/deliveries/{id:\d{1,18}}", deliveries.act)
    app.router.add_get("/sinks", standings.listed)
    app.router.add_post("/sinks/{name}", standings.act)
    app.router.add_get("/dead", dead.listed)
    app.router.add_get("/dead/confirm", dead.confirm)
    app.router.add_post("/dead", dead.act)
    app.router.add_get("/playground", playground.shown)
    app.router.add_post("/playground", playground.tried)
    app.router.add_post("/playground/download", playground.download)
    app.router.add_get("/config", settings.listed)
    for address in LISTS:
        app.router.add_get(address, live, allow_head=False)
    return app


async def _close(app: web.Application) -> None:
    """Pages that lie open would keep the door from closing."""
    app[VIEWS].changes.close()


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong, on a page; a bug is logged without what was being worked on."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST or request.path in PROGRAMS:
            raise
        shown = _trouble(request, error.status, error.text or "")
        shown.headers.update({name: error.headers[name] for name in KEPT & error.headers.keys()})
        return shown
    except OutboxError as error:
        logger.error("outbox fails", extra={"action": "page", "reason": str(error)})
        return _trouble(request, error.status, str(error))
    except Exception as error:
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("bug", extra={"action": "bug", "trace": frames})
        return _trouble(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _trouble(request: web.Request, status: int, told: str = "") -> web.Response:
    return page(request, "trouble.html", status=status, code=status, told=told)


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
