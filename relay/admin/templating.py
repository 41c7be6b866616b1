"""Renders pages: HTML by Jinja, always escaped, in the language that the browser prefers."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from relay.admin.context import context_of
from relay.admin.reason import meaning
from relay.admin.session import LoginGuard, Session
from relay.i18n import PAGES, translations
from relay.units import elapsed

LOCALES = ("en", "ja")
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

GUARD: web.AppKey[LoginGuard | None] = web.AppKey("GUARD")
SESSION = web.RequestKey("SESSION", Session)

_LANGUAGE = re.compile(r"\s*([A-Za-z]+)[A-Za-z-]*\s*(?:;\s*q=([\d.]+))?")


@cache
def files() -> Mapping[str, tuple[bytes, str]]:
    """The static files of pages: content and type, by name."""
    return {
        file.name: (file.read_bytes(), TYPES[file.suffix])
        for file in STATIC.iterdir()
        if file.suffix in TYPES
    }


@cache
def edition() -> str:
    """A hash of the static files for their URLs, so that browsers can cache them forever."""
    digest = hashlib.sha256()
    for name, (content, _) in sorted(files().items()):
        digest.update(name.encode() + content)
    return digest.hexdigest()[:12]


@cache
def environment(locale: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("relay.admin", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = translations(locale, PAGES)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {"edition": edition(), "locale": locale, "meaning": meaning}
    return environment


def page(
    request: web.Request, name: str, /, *, status: int = HTTPStatus.OK, **values: Any
) -> web.Response:
    """The response with a page."""
    return web.Response(
        text=render(request, name, **values), content_type="text/html", status=status
    )


def render(request: web.Request, name: str, /, **values: Any) -> str:
    """The HTML of a template; in it ``session`` is None before the login."""
    zone = ZoneInfo(context_of(request).language.timezone)
    common = {
        "session": request.get(SESSION),
        "locked": request.app[GUARD] is not None,
        "path": request.path,
        "at": lambda moment: at(moment, zone),
        "elapsed": elapsed,
        "now": context_of(request).clock(),
    }
    return environment(locale_of(request)).get_template(name).render(common | values)


def locale_of(request: web.Request) -> str:
    return locale(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def locale(accepted: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc9110#name-accept-language"""
    matches = (match for part in accepted.split(",") if (match := _LANGUAGE.match(part)))
    preferred = sorted(matches, key=lambda match: -_weight(match[2]))
    names = (match[1].lower() for match in preferred)
    return next((name for name in names if name in LOCALES), LOCALES[0])


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0


def at(moment: int, zone: ZoneInfo) -> str:
    """A time (Unix milliseconds) in digits, which line up in tables."""
    try:
        return f"{datetime.fromtimestamp(moment / 1000, zone):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return str(moment)


async def static(request: web.Request) -> web.Response:
    file = files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    content, kind = file
    return web.Response(
        body=content,
        content_type=kind,
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"},
    )
