"""Matrix's HTML to ours: the tags that the dialect writes, and nothing else of what is there."""

from html.parser import HTMLParser

from markupsafe import Markup, escape

from relay.text.links import is_web

_TAGS = {
    **{tag: f"<{tag}>" for tag in ("b", "i", "u", "del", "blockquote", "pre", "code", "div")},
    "span": "<span>",
}
DEPTH = 100


class _Drawing(HTMLParser):
    """Writes anew what it knows. Colours are left out: a note could hide in the background's."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"br", "hr"}:
            self.written.append(f"<{tag}>")
        elif tag == "img":
            self.written.append(escape(given.get("alt", "")))
        elif len(self._open) < DEPTH and (shown := _start(tag, given)):
            self.written.append(shown)
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


def _start(tag: str, given: dict[str, str]) -> str:
    if tag == "a" and is_web(given.get("href", "")):
        return f'<a href="{escape(given["href"])}" rel="noreferrer noopener" target="_blank">'
    if tag == "span" and "data-mx-spoiler" in given:
        return '<span class="spoiler" tabindex="0">'
    return _TAGS.get(tag, "")


def drawn(source: str) -> Markup:
    drawing = _Drawing()
    drawing.feed(source)
    return drawing.finish()
