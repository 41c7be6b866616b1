"""The admin listener: pages for operators, ``/metrics`` for Prometheus, health checks."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from aiohttp import hdrs, web

from relay.admin import auth, configuration, dead_letters, deliveries, playground, sinks
from relay.admin.auth import SESSIONS, require_login
from relay.admin.context import CONTEXT, AdminContext
from relay.admin.live import PAGES, VIEWS, Views, live
from relay.admin.security import HOSTS, Handler, add_headers, check_host, check_origin
from relay.admin.session import LoginGuard, Sessions
from relay.admin.templating import GUARD, LIVE, page, static
from relay.errors import OutboxError
from relay.monitoring.changes import Changes
from relay.monitoring.health import HealthReport
from relay.secret import Secret

logger = logging.getLogger(__name__)

PROGRAMS = frozenset({"/healthz", "/readyz", "/metrics"})
"""The paths that programs request; their errors are not pages."""
ERROR_HEADERS = frozenset({hdrs.ALLOW, hdrs.RETRY_AFTER})

CheckHealth = Callable[[], Awaitable[HealthReport]]
Scrape = Callable[[], Awaitable[tuple[bytes, str]]]
"""Gives the text of the metrics and its content type."""

CHECK_HEALTH: web.AppKey[CheckHealth] = web.AppKey("CHECK_HEALTH")
SCRAPE: web.AppKey[Scrape] = web.AppKey("SCRAPE")


def create_app(
    *,
    password: Secret | None,
    hosts: Collection[str] | None,
    check_health: CheckHealth,
    scrape: Scrape,
    context: Callable[[], AdminContext],
    changes: Changes,
) -> web.Application:
    """The application; ``hosts`` are the Host headers that it accepts, None for any."""
    app = web.Application(middlewares=[answer_errors, check_host, check_origin, require_login])
    app.on_response_prepare.append(add_headers)
    app[HOSTS], app[CHECK_HEALTH], app[SCRAPE], app[CONTEXT] = hosts, check_health, scrape, context
    app[GUARD] = None if password is None else LoginGuard(password)
    app[SESSIONS] = Sessions()
    app[VIEWS] = Views(changes)
    app.on_shutdown.append(_close)
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/static/{name}", static)
    app.router.add_get("/login", auth.login_page)
    app.router.add_post("/login", auth.log_in)
    app.router.add_post("/logout", auth.log_out)
    app.router.add_get("/", deliveries.list_page)
    app.router.add_get(r"/deliveries/{id:\d{1,18}}", deliveries.show)
    app.router.add_get(r"/deliveries/{id:\d{1,18}}/again", deliveries.confirm)
    app.router.add_post(r"/deliveries/{id:\d{1,18}}", deliveries.act)
    app.router.add_get("/sinks", sinks.list_page)
    app.router.add_post("/sinks/{name}", sinks.act)
    app.router.add_get("/dead", dead_letters.list_page)
    app.router.add_get("/dead/confirm", dead_letters.confirm)
    app.router.add_post("/dead", dead_letters.act)
    app.router.add_get("/playground", playground.show)
    app.router.add_post("/playground", playground.preview)
    app.router.add_post("/playground/download", playground.download)
    app.router.add_get("/config", configuration.list_page)
    for path in PAGES:
        app.router.add_get(f"{LIVE}{path}", live, allow_head=False)
    return app


async def _close(app: web.Application) -> None:
    """End the open event streams, which would keep the listener from closing."""
    app[VIEWS].changes.close()


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show errors as pages. A bug is logged by its stack alone, because events are private."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST or request.path in PROGRAMS:
            raise
        response = await _error_page(request, error.status, error.text or "")
        response.headers.update(
            {name: error.headers[name] for name in ERROR_HEADERS & error.headers.keys()}
        )
        return response
    except OutboxError as error:
        logger.error("outbox fails", extra={"action": "page", "reason": str(error)})
        return await _error_page(request, error.status, str(error))
    except Exception as error:
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("bug", extra={"action": "bug", "trace": frames})
        return await _error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


async def _error_page(request: web.Request, status: int, reason: str = "") -> web.Response:
    return await page(request, "error.html", status=status, code=status, reason=reason, needs=())


async def healthy(request: web.Request) -> web.Response:
    """The answer itself shows that relay is alive."""
    return web.json_response({"alive": True})


async def ready(request: web.Request) -> web.Response:
    condition = await request.app[CHECK_HEALTH]()
    return web.json_response(
        {"ready": condition.is_ready, "reasons": condition.reasons},
        status=HTTPStatus.OK if condition.is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


async def metrics(request: web.Request) -> web.Response:
    body, kind = await request.app[SCRAPE]()
    return web.Response(body=body, headers={"Content-Type": kind})
