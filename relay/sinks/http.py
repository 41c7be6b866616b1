"""
The one HTTP session of all sinks, and the one exchange that they make over it.

Whether a request may be repeated without harm depends on whether any of it had left: only a trace
can tell (https://docs.aiohttp.org/en/stable/tracing_reference.html).
"""

import os
from collections.abc import Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from relay.outcome import Cause, Failed
from relay.secret import Secret, redact
from relay.sinks.errors import Answer, one_line
from relay.sinks.layout import encoded
from relay.sinks.proxy import DIRECT, Proxies

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10, sock_read=20)
# Discord answers with the message as it shows it: ten pictures, each with two long addresses.
MAX_ANSWER = 1024 * 1024  # bytes
PROXY_REFUSES = "407: the proxy wants another name and password than the proxy's address has"

_PROXIES: WeakKeyDictionary[aiohttp.ClientSession, Proxies] = WeakKeyDictionary()


class _Trace:
    """One request, as the session sees it."""

    written = False


async def _mark(session: object, context: SimpleNamespace, params: object) -> None:
    if isinstance(context.trace_request_ctx, _Trace):
        context.trace_request_ctx.written = True


def open_session(
    proxies: Proxies = DIRECT, *, timeout: aiohttp.ClientTimeout = TIMEOUT
) -> aiohttp.ClientSession:
    """The session that all sinks share; each of its requests takes the proxy for its address."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_mark)

    async def by_proxy(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.proxy = proxies.of(request.url)
        return await send(request)

    session = aiohttp.ClientSession(
        timeout=timeout,
        connector=aiohttp.TCPConnector(keepalive_timeout=15, ttl_dns_cache=300, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
        middlewares=[by_proxy],
    )
    # aiohttp repeats a PUT whose connection broke. Its own test client switches that off so, too.
    session._retry_connection = False
    _PROXIES[session] = proxies
    return session


def has_proxy(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether another machine looks up a host for this session, and connects to it."""
    return _PROXIES.get(session, DIRECT).of(URL(url)) is not None


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str | URL,
    *,
    secret: Secret,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | bytes | None = None,
    headers: Mapping[str, str] | None = None,
    most: int = MAX_ANSWER,
) -> Answer | Failed:
    """
    Send one request, once, with a JSON body or with bytes as they are, and read the answer.

    At most ``most`` bytes of it are read. ``secret`` is what no answer may show: the address
    itself, or a token. A redirect is an answer: no vendor's API sends us elsewhere, and an address
    that is a key is not passed on.
    """
    if session.closed:
        return Failed("the session is closed", unsent=True)
    data = body if body is None or isinstance(body, bytes) else encoded(body)
    kind = {} if data is body else {"Content-Type": "application/json"}
    trace = _Trace()
    try:
        async with session.request(
            method,
            URL(url).update_query(query or {}),
            data=data,
            headers={**(headers or {}), **kind},
            allow_redirects=False,
            trace_request_ctx=trace,
        ) as response:
            if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                # It has handed nothing on.
                return Failed(PROXY_REFUSES, unsent=True, cause=Cause.PROXY)
            headers_read = response.headers.copy()
            if "Location" in headers_read:
                headers_read["Location"] = _place(response, secret)
            content = await _content(response, most)
            text = redact(secret, content.decode(errors="replace"))
            return Answer(response.status, headers_read, text, is_cut=len(content) == most)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        host = URL(url).host
        return Failed(
            describe_error(error, host=host),
            ambiguous=trace.written,
            unsent=not trace.written,
            cause=Cause.PROXY if _is_of_proxy(error, host) else Cause.CONNECTION,
        )


def _place(response: aiohttp.ClientResponse, secret: Secret) -> str:
    """Where a redirect leads: host and path, without what in it may be our key."""
    try:
        place = URL(response.headers["Location"])
    except ValueError:
        return "no address"
    ours = response.url.path.split("/")[-2:]  # of a webhook's address these are the key
    path = "/".join("..." if part and part in ours else part for part in place.path.split("/"))
    port = "" if place.is_default_port() or not place.port else f":{place.port}"
    host = f"{place.scheme}://{place.host}{port}" if place.absolute else ""
    return one_line(redact(secret, f"{host}{path}"))


async def _content(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, as far as we read it."""
    body = bytearray()
    try:
        while chunk := await response.content.read(most - len(body)):
            body += chunk
    except (aiohttp.ClientError, OSError):
        if response.ok:
            raise
        # The status is enough.
    return bytes(body)


WORDS = (
    (aiohttp.ClientConnectorDNSError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientSSLError, "TLS handshake failed"),
    (aiohttp.ConnectionTimeoutError, "connection timed out"),
    (TimeoutError, "no answer in time"),
    (aiohttp.ServerDisconnectedError, "connection closed before an answer"),
    (aiohttp.ClientPayloadError, "connection closed within the answer"),
    (aiohttp.InvalidURL, "the address is not a URL"),
)
"""The first that fits; an error of the system that is not here has words of its own."""


def describe_error(error: Exception, *, host: str | None = None) -> str:
    """
    Describe an error for people, without its own text: that can hold the address, which is a key.

    ``host`` is the one that was meant; what cannot be reached instead of it is the proxy.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        if error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return PROXY_REFUSES
        return f"the proxy does not connect: {error.status} {one_line(error.message)}"
    return f"the proxy: {_words(error)}" if _is_of_proxy(error, host) else _words(error)


def _is_of_proxy(error: Exception, host: str | None) -> bool:
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return True
    return isinstance(error, aiohttp.ClientConnectorError) and host not in {None, error.host}


def _words(error: Exception) -> str:
    for kind, words in WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return f"no answer: {type(error).__name__}"
