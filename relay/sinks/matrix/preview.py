"""Draws Matrix's payloads: of their HTML the tags that relay writes, and no others."""

from collections.abc import Sequence
from html.parser import HTMLParser

from markupsafe import Markup, escape

from relay.sinks.base import Payload
from relay.sinks.layout import encoded
from relay.sinks.matrix.layout import CONTENT
from relay.sinks.preview import Usage, drawing
from relay.text.links import is_web

_TAGS = {
    **{tag: f"<{tag}>" for tag in ("b", "i", "u", "del", "blockquote", "pre", "code", "div")},
    "span": "<span>",
}
DEPTH = 100


class _Drawing(HTMLParser):
    """Writes the tags that it knows. No colours: a note could hide in that of the background."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in {"br", "hr"}:
            self.written.append(f"<{tag}>")
        elif tag == "img":
            self.written.append(escape(attributes.get("alt", "")))
        elif len(self._open) < DEPTH and (written := _start(tag, attributes)):
            self.written.append(written)
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._close() != tag:
                continue

    def handle_data(self, data: str) -> None:
        self.written.append(escape(data))

    def finish(self) -> Markup:
        self.close()
        while self._open:
            self._close()
        return Markup("").join(map(Markup, self.written))

    def _close(self) -> str:
        tag = self._open.pop()
        self.written.append(f"</{tag}>")
        return tag


def _start(tag: str, attributes: dict[str, str]) -> str:
    if tag == "a" and is_web(attributes.get("href", "")):
        return f'<a href="{escape(attributes["href"])}" rel="noreferrer noopener" target="_blank">'
    if tag == "span" and "data-mx-spoiler" in attributes:
        return '<span class="spoiler" tabindex="0">'
    return _TAGS.get(tag, "")


def notice(source: str) -> Markup:
    drawing = _Drawing()
    drawing.feed(source)
    return drawing.finish()


def usage(payload: Payload) -> Sequence[Usage]:
    return (Usage("content", len(encoded(payload)), CONTENT, "bytes"),)


draw = drawing("matrix", notice=notice)
