"""The page on the configuration: what is in effect, where it came from, and what is doubtful."""

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

from relay.admin.context import Setting, operation
from relay.admin.templating import page

SHOWN = 3000  # settings: ten thousand sinks make no page that anybody reads

_PART = re.compile(r"(?P<part>(?:hooks|sinks)\.[^.[]+|routes\[\d+\]|web)\.(?P<rest>.+)", re.S)


async def listed(request: web.Request) -> web.Response:
    now = operation(request)
    shown = now.settings[:SHOWN]
    return page(
        request,
        "config.html",
        parts=parted(shown),
        defaults=sum(not one.origin for one in shown),
        more=max(0, len(now.settings) - SHOWN),
        warnings=now.warnings,
        advice=await now.examine(),
    )


def parted(settings: Sequence[Setting]) -> Mapping[str, Sequence[tuple[str, Setting]]]:
    """By what they belong to (``sinks.team``; empty: the whole), each with the rest of its path."""
    found: dict[str, list[tuple[str, Setting]]] = {"": []}
    for one in settings:
        match = _PART.fullmatch(one.path)
        part, rest = ("", one.path) if match is None else (match["part"], match["rest"])
        found.setdefault(part, []).append((rest, one))
    return found
