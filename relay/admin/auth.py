"""Coming in and going out: a password opens a session, and pages are for sessions only."""

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import BasicAuth, hdrs, web

from relay.admin.security import (
    SAFE,
    SHORT,
    Handler,
    address_of,
    form,
    is_here,
    is_private,
    tell_refusal,
)
from relay.admin.session import MAX_AGE, Lock, Sessions, TooSoonError
from relay.admin.templating import LOCK, SESSION, page
from relay.listener import trust

SESSIONS: web.AppKey[Sessions] = web.AppKey("SESSIONS")

OPEN = frozenset({"/healthz", "/readyz"})
"""What asks for these has no password, and learns no more than whether we are well."""
SCRAPED = frozenset({"/metrics"})
"""What asks for these is a program: it brings the password each time."""
CHALLENGE = 'Basic realm="relay", charset="UTF-8"'
TOO_OLD = "this page is too old: load it anew, and try again\n"


@web.middleware
async def check_entry(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path in OPEN or request.path.startswith("/static/"):
        return await handler(request)
    if request.path in SCRAPED:
        return await _if_password(request, handler)
    if request.path == "/login":
        return await handler(request)
    return await _in_session(request, handler)


async def _if_password(request: web.Request, handler: Handler) -> web.StreamResponse:
    lock = request.app[LOCK]
    if lock is None:
        return await handler(request)
    if await _brings(request, lock):
        trust(request)
        return await handler(request)
    return web.Response(
        status=HTTPStatus.UNAUTHORIZED,
        text="a password is needed; the name does not matter\n",
        headers={hdrs.WWW_AUTHENTICATE: CHALLENGE},
    )


async def _brings(request: web.Request, lock: Lock) -> bool:
    try:
        given = BasicAuth.decode(request.headers.get(hdrs.AUTHORIZATION, ""), encoding="utf-8")
    except ValueError:
        return False
    try:
        is_right = await lock.opens(
            given.password, by=address_of(request), is_here=is_here(request)
        )
    except TooSoonError as error:
        tell_refusal(request, str(error))
        raise web.HTTPTooManyRequests(headers=_later(error)) from None
    if not is_right:
        tell_refusal(request, "wrong password")
    return is_right


async def _looked_at(request: web.Request, lock: Lock, given: str) -> bool:
    return await lock.opens(given, by=address_of(request), is_here=is_here(request))


async def _in_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    sessions, word = request.app[SESSIONS], request.cookies.get(_cookie(request), "")
    # A page that lies open asks by itself: that is nobody's doing.
    session = sessions.find(word, seen=not _is_live(request))
    if session is None and request.app[LOCK] is not None:
        raise web.HTTPSeeOther(f"/login?next={quote(_path(request))}")
    begun = None
    if session is None:
        begun, session = sessions.begin()
    elif request.app[LOCK] is not None:
        trust(request)
    request[SESSION] = session
    if request.method not in SAFE:
        given = await form(request)
        if not session.wrote(given.get("csrf", "")):
            tell_refusal(request, "without the word of its page")
            raise web.HTTPForbidden(text=TOO_OLD)
    response = await handler(request)
    if begun is not None and not response.prepared:
        _remember(request, response, begun)
    return response


async def login(request: web.Request) -> web.Response:
    return page(request, "login.html", next=_next(request.query.get("next", "")), trouble=None)


async def enter(request: web.Request) -> web.Response:
    """The password is right, and a session begins; or the page says what is wrong."""
    lock, given = request.app[LOCK], await form(request, most=SHORT)
    way = _next(given.get("next", ""))
    if lock is None:
        raise web.HTTPSeeOther(way)
    try:
        is_right = await lock.opens(
            given.get("password", ""), by=address_of(request), is_here=is_here(request)
        )
    except TooSoonError as error:
        tell_refusal(request, str(error))
        status, wait = HTTPStatus.TOO_MANY_REQUESTS, round(error.wait) + 1
        shown = page(request, "login.html", status=status, next=way, trouble=wait)
        shown.headers.update(_later(error))
        return shown
    if not is_right:
        tell_refusal(request, "wrong password")
        status = HTTPStatus.UNAUTHORIZED
        return page(request, "login.html", status=status, next=way, trouble=0)
    request.app[SESSIONS].end(request.cookies.get(_cookie(request), ""))
    word, _ = request.app[SESSIONS].begin()
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: way})
    _remember(request, response, word)
    return response


async def leave(request: web.Request) -> web.Response:
    request.app[SESSIONS].end(request.cookies.get(_cookie(request), ""))
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: "/login"})
    response.del_cookie(_cookie(request), path="/", secure=is_private(request), httponly=True)
    return response


def _remember(request: web.Request, response: web.StreamResponse, word: str) -> None:
    response.set_cookie(
        _cookie(request),
        word,
        max_age=round(MAX_AGE),
        path="/",
        secure=is_private(request),
        httponly=True,
        samesite="Strict",
    )


def _cookie(request: web.Request) -> str:
    """Behind TLS browsers take one of this name from nobody else: https://www.rfc-editor.org/rfc/rfc6265"""
    return "__Host-relay" if is_private(request) else "relay"


def _path(request: web.Request) -> str:
    return request.path_qs if request.method in SAFE and not _is_live(request) else "/"


def _is_live(request: web.Request) -> bool:
    return request.path.startswith("/live")


def _next(written: str) -> str:
    """A place of ours, and no other site's."""
    is_ours = written.startswith("/") and not written.startswith("//") and "\\" not in written
    return written if is_ours and written.isprintable() else "/"


def _later(error: TooSoonError) -> dict[str, str]:
    return {hdrs.RETRY_AFTER: str(round(error.wait) + 1)}
