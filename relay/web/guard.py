"""
Who may come in: no page of a stranger's by a browser that runs here, and nobody without password.

A browser can be made to ask this machine in a stranger's name: the stranger's DNS says that the
name is 127.0.0.1 (https://en.wikipedia.org/wiki/DNS_rebinding). The Host header gives that away.
"""

import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import BasicAuth, hdrs, web

from relay.secret import Secret

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOSTS: web.AppKey[Collection[str] | None] = web.AppKey("HOSTS")
PASSWORD: web.AppKey[Secret | None] = web.AppKey("PASSWORD")

OPEN = frozenset({"/healthz", "/readyz"})
"""What asks for these has no password, and learns no more than whether we are well."""
CHALLENGE = 'Basic realm="relay", charset="UTF-8"'


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    hosts = request.app[HOSTS]
    if hosts is None or is_ours(request.headers.get(hdrs.HOST, ""), hosts):
        return await handler(request)
    _tell_refusal(request, "wrong host")
    return web.Response(
        status=HTTPStatus.MISDIRECTED_REQUEST,
        text="relay does not go by this name: add it to hosts in the section web\n",
    )


def is_ours(host: str, hosts: Collection[str]) -> bool:
    """An address that no DNS had to tell, this machine, or one of the names that we go by."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in hosts or name == "localhost" or name.endswith(".localhost") or _is_ip(name)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@web.middleware
async def check_password(request: web.Request, handler: Handler) -> web.StreamResponse:
    password = request.app[PASSWORD]
    if password is None or request.path in OPEN or _brings(request, password):
        return await handler(request)
    if hdrs.AUTHORIZATION in request.headers:
        _tell_refusal(request, "wrong password")
    return web.Response(
        status=HTTPStatus.UNAUTHORIZED,
        text="a password is needed; the name does not matter\n",
        headers={hdrs.WWW_AUTHENTICATE: CHALLENGE},
    )


def _brings(request: web.Request, password: Secret) -> bool:
    try:
        given = BasicAuth.decode(request.headers.get(hdrs.AUTHORIZATION, ""), encoding="utf-8")
    except ValueError:
        return False
    return hmac.compare_digest(given.password.encode(), password.reveal().encode())


def _tell_refusal(request: web.Request, reason: str) -> None:
    logger.warning(
        "refused", extra={"action": "refuse", "path": request.path[:100], "reason": reason}
    )
