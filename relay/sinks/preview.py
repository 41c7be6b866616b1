"""
Draws a payload as its chat shows it: as HTML for the page, and with letters for terminals.

Both are drawn from the payload that is sent, so nothing is drawn that is not sent. Pictures are
named and never loaded: the operator's browser asks no stranger for anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup, escape

from relay.sinks.base import Payload
from relay.text.links import is_web
from relay.text.plain import HIDDEN
from relay.text.tree import clean


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a payload uses of a limit; ``unit`` is the unit of both numbers."""

    what: str
    used: int
    limit: int
    unit: str = "characters"


def drawing(vendor: str, **filters: Callable[..., object]) -> Callable[[Payload], Markup]:
    """
    The function that draws a vendor's payloads by the ``preview.html`` of its folder.

    ``static/chat.css`` of the page gives drawings their looks.
    """

    @cache
    def template() -> Template:
        # Not strict about names: most members of a payload may be missing.
        environment = Environment(
            loader=PackageLoader("relay", "sinks"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"host": _host, **filters}
        environment.tests["web"] = lambda url: isinstance(url, str) and is_web(url)
        return environment.get_template(f"{vendor}/preview.html")

    def draw(payload: Payload) -> Markup:
        return Markup(template().render(payload=payload))  # noqa: S704

    return draw


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


def moment(written: str) -> Markup:
    """Seconds since 1970, as chats show them, but in UTC: the server draws it."""
    try:
        when = datetime.fromtimestamp(int(written), UTC)
    except (OverflowError, ValueError, OSError):
        return escape(written)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(when.isoformat(), when)


_OWN_LINES = frozenset("p div blockquote pre details".split())
_KEPT = frozenset("blockquote pre".split())
"""In these, and in texts, line breaks and blanks are as they are."""
_UNSAID = frozenset("face by icon bar".split())
"""Classes of elements that only a page draws."""
_VOID = frozenset("br hr rect".split())


class _Letters(HTMLParser):
    """Reads what the outlines write; each open element is its tag, and what it does to its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._open: list[tuple[str, str, str]] = []
        """Tag, class, and the address of a link."""
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "br":
            self._break()
        elif tag == "hr":
            self._own_line()
            self._write("─" * 8)
            self._own_line()
        elif tag not in _VOID:
            if tag in _OWN_LINES:
                self._own_line()
            if tag == "a":
                self._label = ""
            if tag == "details":
                self._write("🔔")
            self._open.append((tag, attributes.get("class", ""), attributes.get("href", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        _, kind, address = self._open.pop()
        if kind == "spoiler" and not self._is_hidden:
            self._write(HIDDEN)
        elif address and address.removeprefix("mailto:") != self._label.strip():
            self._write(f" ({address})")
        if tag in _OWN_LINES:
            self._own_line()

    def handle_data(self, data: str) -> None:
        if any(kind in _UNSAID or tag == "summary" for tag, kind, _ in self._open):
            return
        text = clean(data).replace("\u200b", "")
        if any(tag in _KEPT or kind == "text" for tag, kind, _ in self._open):
            first, *others = text.split("\n")
            self._write(first)
            for other in others:
                self._break()
                self._write(other)
        else:
            words = " ".join(text.split())
            before = " " if text[:1].isspace() and self.lines[-1].strip() else ""
            after = " " if words and text[-1].isspace() else ""
            self._write(before + words + after)

    @property
    def _is_hidden(self) -> bool:
        return any(kind == "spoiler" for _, kind, _ in self._open)

    def _write(self, text: str) -> None:
        if self._is_hidden or not text:
            return
        self._label += text
        if not self.lines[-1]:
            self.lines[-1] = "> " * sum(tag == "blockquote" for tag, _, _ in self._open)
        self.lines[-1] += text

    def _break(self) -> None:
        if not self._is_hidden:
            self.lines.append("")

    def _own_line(self) -> None:
        if self.lines[-1]:
            self._break()


def letters(drawing: str) -> Sequence[str]:
    """The lines of a drawing; spoilers stay hidden, links are spelled out."""
    reading = _Letters()
    reading.feed(str(drawing))  # of Markup the parser would make escaped pieces
    reading.close()
    lines = [line.rstrip() for line in reading.lines]
    while lines and not lines[-1]:
        del lines[-1]
    return lines
