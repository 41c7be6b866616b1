"""The page on the configuration: what is in effect, where it came from, and what is doubtful."""

from aiohttp import web

from relay.web.operation import operation
from relay.web.page import page

SHOWN = 3000  # settings: ten thousand sinks make no page that anybody reads


async def listed(request: web.Request) -> web.Response:
    now = operation(request)
    return page(
        request,
        "config.html",
        settings=now.settings[:SHOWN],
        more=max(0, len(now.settings) - SHOWN),
        warnings=now.warnings,
        advice=await now.examine(),
    )
