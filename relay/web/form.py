"""What a page's form says: read once, bounded, and nothing else than a form is taken."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

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
