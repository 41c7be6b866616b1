"""Pages: HTML by Jinja, escaped throughout, in the language that the browser asks for."""

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

from relay.admin.context import operation
from relay.admin.reason import meaning
from relay.admin.session import Lock, Session
from relay.i18n import PAGES, translations

LOCALES = ("en", "ja")
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

LOCK: web.AppKey[Lock | None] = web.AppKey("LOCK")
SESSION = web.RequestKey("SESSION", Session)

_ASKED = re.compile(r"\s*([A-Za-z]+)[A-Za-z-]*\s*(?:;\s*q=([\d.]+))?")


@cache
def files() -> Mapping[str, tuple[bytes, str]]:
    """What pages are made of beside HTML: content and type, by name."""
    return {
        file.name: (file.read_bytes(), TYPES[file.suffix])
        for file in STATIC.iterdir()
        if file.suffix in TYPES
    }


@cache
def edition() -> str:
    """Changes whenever one of the files does: browsers may keep them as long as they like."""
    found = hashlib.sha256()
    for name, (content, _) in sorted(files().items()):
        found.update(name.encode() + content)
    return found.hexdigest()[:12]


@cache
def environment(locale: str) -> Environment:
    made = Environment(
        loader=PackageLoader("relay.admin", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = translations(locale, PAGES)
    made.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"edition": edition(), "locale": locale, "meaning": meaning}
    return made


def page(
    request: web.Request, name: str, /, *, status: int = HTTPStatus.OK, **values: Any
) -> web.Response:
    """The answer that shows a page."""
    return web.Response(
        text=written(request, name, **values), content_type="text/html", status=status
    )


def written(request: web.Request, name: str, /, **values: Any) -> str:
    """``session`` is None before somebody has come in."""
    zone = ZoneInfo(operation(request).language.timezone)
    common = {
        "session": request.get(SESSION),
        "locked": request.app[LOCK] is not None,
        "path": request.path,
        "at": lambda moment: at(moment, zone),
        "span": span,
        "now": operation(request).clock(),
    }
    return environment(locale_of(request)).get_template(name).render(common | values)


def locale_of(request: web.Request) -> str:
    return locale(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def locale(accepted: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc9110#name-accept-language"""
    found = (match for part in accepted.split(",") if (match := _ASKED.match(part)))
    wanted = sorted(found, key=lambda match: -_weight(match[2]))
    return next((name for one in wanted if (name := one[1].lower()) in LOCALES), LOCALES[0])


def _weight(written: str | None) -> float:
    try:
        return 1.0 if written is None else float(written)
    except ValueError:
        return 0.0


def at(moment: int, zone: ZoneInfo) -> str:
    """A moment (Unix milliseconds) in digits, which line up in tables."""
    try:
        return f"{datetime.fromtimestamp(moment / 1000, zone):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return str(moment)


def span(seconds: float) -> str:
    """A length of time, as roughly as people tell it."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


async def static(request: web.Request) -> web.Response:
    found = files().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    content, kind = found
    return web.Response(
        body=content,
        content_type=kind,
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"},
    )
