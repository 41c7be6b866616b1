"""What Matrix HTML says to a reader, and what of a tree it should say."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from relay.text import plain
from relay.text.tree import Link, Style, Text, Tree, text_of
from tests.readers.trees import Said, Says, visible

# https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes
ALLOWED = {
    "a": {"href"},
    "span": {"data-mx-spoiler", "data-mx-color", "data-mx-bg-color", "data-mx-maths"},
    "div": {"data-mx-maths"},
    "code": {"class"},
    **{tag: set[str]() for tag in "b i u del blockquote pre br".split()},
}
STYLES = {"b": Style.BOLD, "i": Style.ITALIC, "u": Style.UNDERLINE, "del": Style.STRIKE}
VALUES = {
    "href": r"(?:https?://|mailto:)\S+",
    "class": r"language-[\w+#.-]+",
    "data-mx-color": "#[0-9a-fA-F]{6}",
    "data-mx-bg-color": "#[0-9a-fA-F]{6}",
}


def expected(nodes: Tree) -> list[Said]:
    return [it for said in Says(_laid_out)(nodes) for it in _in_matrix(said)]


def _laid_out(link: Link) -> Tree:
    if "matrix.to" not in link.url:
        return (link,)
    address = Text(link.url)
    if text_of(link.children) == link.url:
        return link.children
    return (*link.children, Text("("), address, Text(")"))


def _in_matrix(said: Said) -> Iterator[Said]:
    said = replace(said, styles=said.styles - {Style.SMALL})
    if said.kind == "time":
        text = visible(plain.time(int(said.char)))
        yield from (replace(said, char=char, kind="") for char in text)
    else:
        yield said


class Reading(HTMLParser):
    """Reads HTML by Matrix's allow-list; anything else fails."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[Said] = []
        self.around: list[tuple[str, Said]] = []
        self.depth = 0
        self.feed(html)
        self.close()
        assert self.around == []

    @property
    def said_text(self) -> str:
        return "".join(said.char for said in self.said)

    @property
    def at(self) -> Said:
        return self.around[-1][1] if self.around else Said("")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert found.keys() <= ALLOWED[tag]
        for name, value in found.items():
            assert re.fullmatch(VALUES.get(name, r"[\s\S]*"), value), (name, value)
        if tag == "br":
            return
        at = self.at
        if tag in STYLES:
            at = replace(at, styles=at.styles | {STYLES[tag]})
        if "data-mx-spoiler" in found:
            at = replace(at, styles=at.styles | {Style.SPOILER})
        if "href" in found:
            assert at.target is None, "a link in a link"
            assert urlsplit(found["href"]).hostname != "matrix.to"
            # Code around a link that is hidden keeps clients from previewing it.
            assert (at.kind == "code") is (Style.SPOILER in at.styles)
            at = replace(at, target=unquote(found["href"]), kind="")
        at = replace(at, quoted=at.quoted or tag == "blockquote")
        if tag == "pre" or (tag == "div" and found):
            at = replace(at, kind="pre")
        if tag == "code" and not at.kind:
            at = replace(at, kind="code")
        self.around.append((tag, at))
        self.depth = max(self.depth, len(self.around))

    def handle_endtag(self, tag: str) -> None:
        assert self.around.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.said += [replace(self.at, char=char) for char in visible(data)]

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment
