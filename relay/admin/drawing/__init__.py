"""
What was rendered, drawn like the chats draw it: from the payload that is sent.

Pictures are named and never loaded: the operator's browser asks no stranger for anything.
"""

from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from relay.admin.drawing import html, markdown
from relay.admin.drawing.budget import Budget, budget
from relay.admin.drawing.letters import letters
from relay.sinks import Payload
from relay.text.links import is_web

__all__ = ["Budget", "budget", "drawn", "letters"]

NO_COLOUR = "#8a8f98"


def drawn(kind: str, payload: Payload) -> Markup:
    """A payload for a sink of this type, as HTML; ``static/chat.css`` gives it its looks."""
    return Markup(_OUTLINES.render(kind=kind, payload=payload))  # noqa: S704


def _colour(number: int | None) -> str:
    return f"#{number:06x}" if isinstance(number, int) else NO_COLOUR


def _instant(written: str) -> str:
    """A timestamp as chats tell it: here in UTC, for a server draws it."""
    return f"{written[:16].replace('T', ' ')} UTC"


def _literal(text: str) -> str:
    """The text of a notification, as Slack reads its mrkdwn."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


# Not strict about names: most members of a payload may be missing.
_ENVIRONMENT = Environment(
    loader=PackageLoader("relay.admin", "drawing"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "markdown": markdown.drawn,
    "moment": markdown.moment,
    "notice": html.drawn,
    "colour": _colour,
    "host": _host,
    "instant": _instant,
    "literal": _literal,
}
_ENVIRONMENT.tests["web"] = lambda url: isinstance(url, str) and is_web(url)
_OUTLINES = _ENVIRONMENT.get_template("outlines.html")
