"""
Slack's two languages: rich_text blocks, where text is literal, and mrkdwn, for notifications.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block,
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from dataclasses import dataclass, field
from typing import Any

from relay.dialects import plain
from relay.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    Link,
    Math,
    Node,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    Tree,
    clean,
    text_of,
)

Element = dict[str, Any]

STYLES = {
    Style.BOLD: "bold",
    Style.ITALIC: "italic",
    Style.UNDERLINE: "underline",
    Style.STRIKE: "strike",
}
DATE = "{date_short_pretty} {time}"

_MARKUP = re.compile(r"[*_~`]")
_UNSAFE_IN_URL = re.compile(r"[|<>\s\x00-\x1f]")


def render(nodes: Tree) -> list[Element]:
    """The elements of one rich_text block; none if the tree shows nothing."""
    writer = _Writer()
    writer.write(nodes, frozenset())
    writer.end_section()
    return writer.elements


def mrkdwn(nodes: Tree) -> str:
    """A tree as bare mrkdwn text that pings nobody, links nothing and has no live markup."""
    return escape(plain.render(nodes))


def escape(text: str) -> str:
    """
    Literal text in mrkdwn: three entities kill what is in angle brackets, marks are kept apart.

    For ``* _ ~`` and backticks there is no escape; an invisible character behind them serves.
    """
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda mark: mark[0] + "\u200b", text)


def url(text: str) -> str:
    return _UNSAFE_IN_URL.sub(lambda found: f"%{ord(found[0]):02X}", text)


@dataclass
class _Writer:
    """Collects elements: inline ones in sections, quotes and code between them."""

    elements: list[Element] = field(default_factory=list)
    section: list[Element] = field(default_factory=list)

    def write(self, nodes: Tree, styles: frozenset[str]) -> None:
        for node in nodes:
            self._node(node, styles)

    def end_section(self) -> None:
        inner = _trimmed(self.section)
        if inner:
            self.elements.append({"type": "rich_text_section", "elements": inner})
        self.section = []

    def _node(self, node: Node, styles: frozenset[str]) -> None:
        match node:
            case Text(text):
                self._text(text, styles)
            case Code(text) | Math(text, block=False):
                self._text(text, styles | {"code"})
            case Emoji(name):
                self._text(f":{name}:", styles)
            case Time(at):
                self._time(at, styles)
            case Styled(Style.SPOILER, _):
                self._text(plain.HIDDEN, styles)  # Slack has no spoiler
            case Styled(style, children):
                self.write(children, styles | {STYLES[style]} if style in STYLES else styles)
            case Link(address, children):
                self._link(address, children, styles)
            case Colored(children):
                self.write(children, styles)
            case Center(children):
                self.end_section()
                self.write(children, styles)
                self.end_section()
            case Heading(children):
                self.end_section()
                self.write(children, styles | {"bold"})
                self.end_section()
            case Quote(children):
                self._block("rich_text_quote", _flattened(children))
            case Pre(text) | Math(text):
                self._block("rich_text_preformatted", [{"type": "text", "text": clean(text)}])

    def _text(self, text: str, styles: frozenset[str]) -> None:
        if text := clean(text):
            self.section.append(_element("text", styles, text=text))

    def _time(self, at: int, styles: frozenset[str]) -> None:
        shown = plain.time(at)
        if not 0 <= at < 4e12:  # Slack knows no dates beyond
            self._text(shown, styles)
            return
        date = {"timestamp": at // 1000, "format": DATE, "fallback": shown}
        self.section.append(_element("date", styles, **date))

    def _link(self, address: str, children: Tree, styles: frozenset[str]) -> None:
        label = " ".join(clean(text_of(children)).split()) or address
        self.section.append(_element("link", styles, url=url(address), text=label))

    def _block(self, kind: str, elements: list[Element]) -> None:
        self.end_section()
        if inner := _trimmed(elements):
            self.elements.append({"type": kind, "elements": inner})


def _element(kind: str, styles: frozenset[str], **rest: Any) -> Element:
    style = {"style": dict.fromkeys(sorted(styles), True)} if styles else {}
    return {"type": kind, **rest, **style}


def _flattened(nodes: Tree) -> list[Element]:
    """The inline elements of a tree; Slack knows no quote in a quote."""
    inner = render(nodes)
    found: list[Element] = []
    for number, block in enumerate(inner):
        if number:
            found.append({"type": "text", "text": "\n"})
        found.extend(block["elements"])
    return found


def _trimmed(elements: list[Element]) -> list[Element]:
    """Without newlines at both ends, and without texts that are empty: Slack refuses those."""
    found = [dict(element) for element in elements]
    while found and found[0]["type"] == "text":
        found[0]["text"] = found[0]["text"].lstrip("\n")
        if found[0]["text"]:
            break
        del found[0]
    while found and found[-1]["type"] == "text":
        found[-1]["text"] = found[-1]["text"].rstrip("\n")
        if found[-1]["text"]:
            break
        del found[-1]
    return found
