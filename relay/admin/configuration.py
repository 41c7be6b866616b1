"""The page of the configuration: settings in effect, their origins, and warnings."""

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

from relay.admin.context import context_of
from relay.admin.templating import page
from relay.config.effective import Setting

LIMIT = 3000  # settings: nobody reads a page of ten thousand sinks

_PART = re.compile(r"(?P<part>(?:hooks|sinks)\.[^.[]+|routes\[\d+\]|web)\.(?P<rest>.+)", re.S)


async def list_page(request: web.Request) -> web.Response:
    context = context_of(request)
    settings = context.settings[:LIMIT]
    return await page(
        request,
        "config.html",
        parts=by_part(settings),
        defaults=sum(not setting.origin for setting in settings),
        more=max(0, len(context.settings) - LIMIT),
        warnings=context.warnings,
        findings=await context.examine(),
    )


def by_part(settings: Sequence[Setting]) -> Mapping[str, Sequence[tuple[str, Setting]]]:
    """Settings by their part (``sinks.team``; empty for the top), with the rest of their paths."""
    parts: dict[str, list[tuple[str, Setting]]] = {"": []}
    for setting in settings:
        match = _PART.fullmatch(setting.path)
        part, rest = ("", setting.path) if match is None else (match["part"], match["rest"])
        parts.setdefault(part, []).append((rest, setting))
    return parts
