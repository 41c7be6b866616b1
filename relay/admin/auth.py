"""Authentication: the password opens a session, and pages require one."""

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import BasicAuth, hdrs, web

from relay.admin.security import (
    SAFE,
    SHORT,
    Handler,
    client_address,
    form,
    is_encrypted,
    is_local_peer,
    log_refusal,
)
from relay.admin.session import MAX_AGE, LoginGuard, Sessions, TooManyAttemptsError
from relay.admin.templating import GUARD, SESSION, page
from relay.listener import trust

SESSIONS: web.AppKey[Sessions] = web.AppKey("SESSIONS")

OPEN = frozenset({"/healthz", "/readyz"})
"""The paths without authentication; they reveal only whether relay is healthy."""
SCRAPED = frozenset({"/metrics"})
"""The paths that programs request with the password each time."""
CHALLENGE = 'Basic realm="relay", charset="UTF-8"'


@web.middleware
async def require_login(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path in OPEN or request.path.startswith("/static/"):
        return await handler(request)
    if request.path in SCRAPED:
        return await _with_password(request, handler)
    if request.path == "/login":
        return await handler(request)
    return await _in_session(request, handler)


async def _with_password(request: web.Request, handler: Handler) -> web.StreamResponse:
    guard = request.app[GUARD]
    if guard is None:
        return await handler(request)
    if await _has_password(request, guard):
        trust(request)
        return await handler(request)
    return web.Response(
        status=HTTPStatus.UNAUTHORIZED,
        text="a password is needed; the name does not matter\n",
        headers={hdrs.WWW_AUTHENTICATE: CHALLENGE},
    )


async def _has_password(request: web.Request, guard: LoginGuard) -> bool:
    try:
        credentials = BasicAuth.decode(
            request.headers.get(hdrs.AUTHORIZATION, ""), encoding="utf-8"
        )
    except ValueError:
        return False
    try:
        is_right = await guard.accepts(
            credentials.password, by=client_address(request), is_local_peer=is_local_peer(request)
        )
    except TooManyAttemptsError as error:
        log_refusal(request, str(error))
        raise web.HTTPTooManyRequests(headers=_retry_after(error)) from None
    if not is_right:
        log_refusal(request, "wrong password")
    return is_right


async def _in_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.app[GUARD] is not None:
        # An open page requests by itself, which does not count as activity.
        token, is_activity = request.cookies.get(_cookie(request), ""), not _is_live(request)
        session = request.app[SESSIONS].find(token, is_activity=is_activity)
        if session is None:
            raise web.HTTPSeeOther(f"/login?next={quote(_path(request))}")
        trust(request)
        request[SESSION] = session
    return await handler(request)


async def login_page(request: web.Request) -> web.Response:
    target = _next(request.query.get("next", ""))
    return await page(request, "login.html", next=target, wait=None)


async def log_in(request: web.Request) -> web.Response:
    """Begin a session if the password is right; otherwise show the form with the problem."""
    guard, fields = request.app[GUARD], await form(request, most=SHORT)
    target = _next(fields.get("next", ""))
    if guard is None:
        raise web.HTTPSeeOther(target)
    try:
        is_right = await guard.accepts(
            fields.get("password", ""),
            by=client_address(request),
            is_local_peer=is_local_peer(request),
        )
    except TooManyAttemptsError as error:
        log_refusal(request, str(error))
        status, wait = HTTPStatus.TOO_MANY_REQUESTS, round(error.wait) + 1
        response = await page(request, "login.html", status=status, next=target, wait=wait)
        response.headers.update(_retry_after(error))
        return response
    if not is_right:
        log_refusal(request, "wrong password")
        status = HTTPStatus.UNAUTHORIZED
        return await page(request, "login.html", status=status, next=target, wait=0)
    request.app[SESSIONS].end(request.cookies.get(_cookie(request), ""))
    token = request.app[SESSIONS].begin()
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: target})
    _set_cookie(request, response, token)
    return response


async def log_out(request: web.Request) -> web.Response:
    await form(request)
    request.app[SESSIONS].end(request.cookies.get(_cookie(request), ""))
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/login"})
    response.del_cookie(_cookie(request), path="/", secure=is_encrypted(request), httponly=True)
    return response


def _set_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    response.set_cookie(
        _cookie(request),
        token,
        max_age=round(MAX_AGE),
        path="/",
        secure=is_encrypted(request),
        httponly=True,
        samesite="Lax",  # a link from elsewhere, like a dashboard, must not end at the login
    )


def _cookie(request: web.Request) -> str:
    """The name of the cookie; behind TLS with the prefix that other hosts cannot set."""
    return "__Host-relay" if is_encrypted(request) else "relay"


def _path(request: web.Request) -> str:
    return request.path_qs if request.method in SAFE and not _is_live(request) else "/"


def _is_live(request: web.Request) -> bool:
    return request.path.startswith("/live")


def _next(path: str) -> str:
    """The page after the login: a path of this site, never another site's address."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_local and path.isprintable() else "/"


def _retry_after(error: TooManyAttemptsError) -> dict[str, str]:
    return {hdrs.RETRY_AFTER: str(round(error.wait) + 1)}
