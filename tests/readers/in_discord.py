"""What Discord Markdown says to a reader, and what of a tree it should say."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from relay.text import plain
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Heading,
    Link,
    Math,
    Node,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Tree,
    text_of,
)
from tests.readers.discord import Span
from tests.readers.trees import Said, Says, visible

STYLES = {
    "strong": Style.BOLD,
    "em": Style.ITALIC,
    "underline": Style.UNDERLINE,
    "strikethrough": Style.STRIKE,
    "spoiler": Style.SPOILER,
}
KINDS = {"inlineCode": "code", "codeBlock": "pre", "timestamp": "time"}
KNOWN = {*STYLES, *KINDS, "blockQuote", "subtext", "link"}


def expected(nodes: Tree) -> list[Said]:
    """A tree as Discord can show it: no small letters, and code without some styles."""
    return [it for said in Says(_laid_out)(nodes) for it in _in_discord(said)]


def _laid_out(link: Link) -> Tree:
    label, children = text_of(link.children).strip(), _on_one_line(link.children)
    address = (Text(unquote(link.url)),)
    if link.url.startswith("mailto:"):
        return (Text(plain.line((link,))),)
    if label.rstrip("/") in {link.url.rstrip("/"), link.url.partition("://")[2].rstrip("/")}:
        return (Link(link.url, address),)
    if re.search(r"[\[\]]|://", label) or not visible(plain.render(link.children)):
        return (*children, Text("("), Link(link.url, address), Text(")"))
    return (Link(link.url, children),)


def _on_one_line(nodes: Tree) -> Tree:
    """A label: no blocks in it."""
    found: list[Node] = []
    for node in nodes:
        match node:
            case Pre(text) | Math(text):
                found.append(Code(text))
            case Quote(children) | Center(children) | Colored(children):
                found += _on_one_line(children)
            case Heading(children):
                found.append(Styled(Style.BOLD, _on_one_line(children)))
            case Styled(style, children):
                found.append(Styled(style, _on_one_line(children)))
            case _:
                found.append(node)
    return tuple(found)


def _in_discord(said: Said) -> Iterator[Said]:
    said = replace(said, styles=said.styles - {Style.SMALL})
    if said.kind == "time" and not 0 <= int(said.char) < 8.64e15:
        yield from (replace(said, char=it, kind="") for it in visible(plain.time(int(said.char))))
    elif said.kind == "time":
        yield replace(said, char=str(int(said.char) // 1000))
    elif said.kind:
        yield replace(said, styles=said.styles & {Style.SPOILER})
    else:
        yield said


def read(spans: Iterable[Span]) -> list[Said]:
    """What a reading says. A live construct that relay never writes fails here."""
    return [it for span in spans for it in _read(span)]


def _read(span: Span) -> Iterator[Said]:
    assert span.around <= KNOWN, f"live: {span}"
    kind = next((KINDS[name] for name in span.around if name in KINDS), "")
    styles = frozenset(STYLES[name] for name in span.around if name in STYLES)
    at = Said(
        "",
        styles & {Style.SPOILER} if kind in {"code", "pre"} else styles,
        kind,
        "blockQuote" in span.around,
        None if span.target is None else unquote(span.target),
    )
    if kind == "time":
        yield replace(at, char=span.text.split(":")[1])
        return
    text = unquote(span.text) if span.text == span.target else span.text
    yield from (replace(at, char=char) for char in visible(text))
