"""Renders pages: HTML by Jinja, always escaped, in the language that the browser prefers."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from relay.admin.attention import attention
from relay.admin.context import context_of
from relay.admin.parts import digest, parts_of
from relay.admin.reason import meaning
from relay.admin.session import LoginGuard, Session
from relay.admin.times import Times
from relay.i18n import PAGES, translations
from relay.sinks import VENDOR_OF

LOCALES = {"en": "en", "ja": "ja", "ko": "ko", "zh": "zh-Hans"}
"""The locale of a language, unless its region or script names another."""
TRADITIONAL = re.compile(r"zh-(?:Hant|TW|HK|MO)\b", re.IGNORECASE)
LIVE = "/live"
"""The prefix of the address of a page's live updates."""
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

GUARD: web.AppKey[LoginGuard | None] = web.AppKey("GUARD")
SESSION = web.RequestKey("SESSION", Session)

_LANGUAGE = re.compile(r"\s*([A-Za-z-]+)\s*(?:;\s*q=([\d.]+))?")


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
    environment.globals |= {
        "edition": edition(),
        "locale": locale,
        "meaning": meaning,
        "vendors": {name: vendor.name for name, vendor in VENDOR_OF.items()},
    }
    return environment


UNFILLED = 'data-is="DIGEST"'
"""The placeholder of base.html; text that others wrote cannot equal it, its quotes are escaped."""


async def page(
    request: web.Request, name: str, /, *, status: int = HTTPStatus.OK, **values: Any
) -> web.Response:
    """The response with a page; ``needs`` are the sinks that need somebody."""
    if "needs" not in values:
        values["needs"] = await attention(context_of(request)) if _is_inside(request) else ()
    text = render(request, name, **values)
    if UNFILLED in text:
        text = text.replace(UNFILLED, f'data-is="{digest(parts_of(text))}"', 1)
    return web.Response(text=text, content_type="text/html", status=status)


def render(request: web.Request, name: str, /, **values: Any) -> str:
    """The HTML of a template; in it ``inside`` is False before the login."""
    context, locale = context_of(request), locale_of(request)
    now = context.clock()
    times = Times(context.language.timezone, locale, now)
    common = {
        "inside": _is_inside(request),
        "locked": request.app[GUARD] is not None,
        "path": request.path.removeprefix(LIVE) or "/",
        "live": f"{LIVE}/pulse",
        "times": times,
        "types": {sink: settings.type for sink, settings in context.sinks.items()},
    }
    return environment(locale).get_template(name).render(common | values)


def _is_inside(request: web.Request) -> bool:
    return SESSION in request or request.app[GUARD] is None


def locale_of(request: web.Request) -> str:
    return locale(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def locale(accepted: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc9110#name-accept-language"""
    matches = (match for part in accepted.split(",") if (match := _LANGUAGE.match(part)))
    preferred = sorted(matches, key=lambda match: -_weight(match[2]))
    tags = [match[1] for match in preferred]
    return next((name for tag in tags if (name := _locale_of_tag(tag))), "en")


def _locale_of_tag(tag: str) -> str | None:
    return "zh-Hant" if TRADITIONAL.match(tag) else LOCALES.get(tag.partition("-")[0].lower())


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0


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
