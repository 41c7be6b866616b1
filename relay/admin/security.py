"""
Whose requests are heard: no stranger's page, by a browser that runs here, is.

A browser can be made to ask this machine in a stranger's name: the stranger's DNS says that the
name is 127.0.0.1 (https://en.wikipedia.org/wiki/DNS_rebinding). The Host header gives that away.
It can be made to post a form here from a stranger's page: the Origin header gives that away.
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
# Nothing but our own files, no script in a page, nobody's frame.
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: our own forms would come with "Origin: null", like a stranger's.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "relay",  # not of which version
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What pages may do, and that nobody keeps them: they hold private notes."""
    response.headers.update(HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    hosts = request.app[HOSTS]
    if hosts is None or is_ours(request.headers.get(hdrs.HOST, ""), hosts):
        return await handler(request)
    tell_refusal(request, "wrong host")
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
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Browsers tell with each change whose page asks for it; what tells nothing is no browser."""
    origin, host = request.headers.get(hdrs.ORIGIN), request.headers.get(hdrs.HOST, "")
    if request.method in SAFE or origin is None or is_own(origin, host):
        return await handler(request)
    tell_refusal(request, "from another site's page")
    raise web.HTTPForbidden(text="this came from another site's page\n")


def is_own(origin: str, host: str) -> bool:
    """Not the scheme: a web server in front of us takes TLS off."""
    return origin.partition("://")[2].lower() == host.lower() != ""


def address_of(request: web.Request) -> str:
    """
    Who asks: the peer; or, where that is a web server on this machine, who it says it asks for.

    It writes the last name, into the last of these headers: what stands before it could be the
    stranger's own words.
    """
    told = ",".join(request.headers.getall("X-Forwarded-For", ())).rpartition(",")[2].strip()
    return told if told and is_here(request) else request.remote or ""


def is_private(request: web.Request) -> bool:
    """Whether TLS protects the way: ours, or that of a web server in front of us."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def is_here(request: web.Request) -> bool:
    """Whether the peer is on this machine, so that it may ask for others."""
    try:
        return not request.remote or ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return False


def tell_refusal(request: web.Request, reason: str) -> None:
    logger.warning(
        "refused",
        extra={
            "action": "refuse",
            "path": request.path[:100],
            "peer": address_of(request)[:100],
            "reason": reason,
        },
    )


KIND = "application/x-www-form-urlencoded"
LONGEST = 16 * 2**20  # bytes; a whole event can be pasted, and most of its letters take nine
SHORT = 2**14  # bytes, of who has not come in
FIELDS = 20
PATIENCE = 30.0  # seconds

_READ = web.RequestKey[Mapping[str, str]]("_READ", Mapping)


async def form(request: web.Request, *, most: int = LONGEST) -> Mapping[str, str]:
    """Its fields by their names. Raises web.HTTPException where it is none, or too much."""
    if _READ not in request:
        request[_READ] = _fields(await _body(request, most))
    return request[_READ]


async def _body(request: web.Request, most: int) -> bytes:
    if request.content_type != KIND or hdrs.CONTENT_ENCODING in request.headers:
        raise web.HTTPUnsupportedMediaType(text="only forms are taken\n")
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.clone(client_max_size=most).read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the form did not arrive in time\n") from None


def _fields(body: bytes) -> dict[str, str]:
    text = body.decode(errors="replace")
    try:
        found = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    except ValueError:
        raise web.HTTPBadRequest(text="the form has too many fields\n") from None
    return dict(found)
