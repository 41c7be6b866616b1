"""
Rejects requests that a foreign page makes a local browser send (DNS rebinding, CSRF).

DNS rebinding: the foreign name resolves to 127.0.0.1, which the Host header reveals
(https://en.wikipedia.org/wiki/DNS_rebinding). CSRF: a foreign page posts a form here, which the
headers Origin and Sec-Fetch-Site reveal.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from aiohttp import hdrs, web

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOSTS: web.AppKey[Collection[str] | None] = web.AppKey("HOSTS")

SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
# Only relay's own files, no inline scripts, no frames.
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: relay's own forms would have "Origin: null", like foreign ones.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "relay",  # without a version
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Restrict what pages may do, and forbid caching: they hold private notes."""
    response.headers.update(HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    hosts = request.app[HOSTS]
    if hosts is None or is_known_host(request.headers.get(hdrs.HOST, ""), hosts):
        return await handler(request)
    log_refusal(request, "wrong host")
    return web.Response(
        status=HTTPStatus.MISDIRECTED_REQUEST,
        text="relay does not accept this host name: add it to hosts in the section web\n",
    )


def is_known_host(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header is an IP address, this machine, or one of ``hosts``."""
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
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """
    Reject changes from foreign pages.

    Every browser that shows these pages sends Origin with each change; other programs do not.
    https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    origin, host = request.headers.get(hdrs.ORIGIN), request.headers.get(hdrs.HOST, "")
    is_own = origin is None or is_same_origin(origin, host)
    is_own &= request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}
    if request.method in SAFE or is_own:
        return await handler(request)
    log_refusal(request, "from another site's page")
    raise web.HTTPForbidden(text="this came from another site's page\n")


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page is relay's own. The scheme may differ: a web server in front ends TLS."""
    return origin.partition("://")[2].lower() == host.lower() != ""


def client_address(request: web.Request) -> str:
    """
    The address of the peer; behind a web server on this machine, that of its client.

    The server appends the address to the last of these headers; what precedes it may be forged.
    """
    client = ",".join(request.headers.getall("X-Forwarded-For", ())).rpartition(",")[2].strip()
    return client if client and is_local_peer(request) else request.remote or ""


def is_encrypted(request: web.Request) -> bool:
    """Whether the request came by TLS, to relay or to a web server in front of it."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def is_local_peer(request: web.Request) -> bool:
    """Whether the peer is on this machine, and may forward for others."""
    try:
        return not request.remote or ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return False


def log_refusal(request: web.Request, reason: str) -> None:
    logger.warning(
        "refused",
        extra={
            "action": "refuse",
            "path": request.path[:100],
            "peer": client_address(request)[:100],
            "reason": reason,
        },
    )


KIND = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 16 * 2**20  # bytes; an event can be pasted, and most of its characters take nine
SHORT = 2**14  # bytes, without a session
FIELDS = 20
FORM_TIMEOUT = 30.0  # seconds

_READ = web.RequestKey[Mapping[str, str]]("_READ", Mapping)


async def form(request: web.Request, *, most: int = MAX_FORM_BYTES) -> Mapping[str, str]:
    """The fields of a form. Raises web.HTTPException if it is not one, or too large."""
    if _READ not in request:
        request[_READ] = _fields(await _body(request, most))
    return request[_READ]


async def _body(request: web.Request, most: int) -> bytes:
    if request.content_type != KIND or hdrs.CONTENT_ENCODING in request.headers:
        raise web.HTTPUnsupportedMediaType(text="only forms are accepted\n")
    try:
        async with asyncio.timeout(FORM_TIMEOUT):
            return await request.clone(client_max_size=most).read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the form did not arrive in time\n") from None


def _fields(body: bytes) -> dict[str, str]:
    text = body.decode(errors="replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    except ValueError:
        raise web.HTTPBadRequest(text="the form has too many fields\n") from None
    return dict(pairs)
