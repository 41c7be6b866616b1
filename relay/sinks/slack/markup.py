"""
Slack's two languages: rich_text blocks, where text is literal, and mrkdwn, for notifications.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block,
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, groupby
from typing import Any
from urllib.parse import quote

from relay.text import flow, plain
from relay.text.flow import Block, Run
from relay.text.tree import Code, Emoji, Link, Style, Text, Time, Tree, clean
from relay.text.unicode import without_unseen

Element = dict[str, Any]

STYLES = {
    Style.BOLD: "bold",
    Style.ITALIC: "italic",
    Style.UNDERLINE: "underline",
    Style.STRIKE: "strike",
}
PRE = "rich_text_preformatted"
DATE = "{date_short_pretty} {time}"

BREAK = "\u200b"  # invisible; in mrkdwn, which has no escape for its marks, it keeps them apart

_MARK = re.compile(
    r"[*_~`]|(?<=:)//|:(?=[\w+'-]+:)|(?m:^)(?P<quote>[^\S\n]*(?=&gt;))|@(?=everyone|channel|here)"
)
_UNSAFE_IN_URL = re.compile(r"[|<>\s\x00-\x1f]")
URL_LENGTH = 3000


def render(nodes: Tree) -> list[Element]:
    """The elements of one rich_text block; none if the tree shows nothing."""
    if (text := flow.bare(nodes)) is not None:
        inner = [_text(text.strip("\n"))]
        return [{"type": "rich_text_section", "elements": inner}] if text.strip() else []
    elements: list[Element] = []
    for block in flow.blocks(nodes, hidden=plain.HIDDEN):
        kind, inner = (
            _kind(block),
            [*chain.from_iterable(map(_elements, block.runs)), *_code(block)],
        )
        if not elements or kind != elements[-1]["type"] or kind == PRE:
            elements.append({"type": kind, "elements": inner})
            continue
        before = elements[-1]["elements"]
        ended = before[-1].get("text", "").endswith("\n")
        elements[-1]["elements"] = [*before, *([] if ended else [_text("\n")]), *inner]
    trimmed = (
        {**element, "elements": _trimmed(_merged(element["elements"]))} for element in elements
    )
    return [element for element in trimmed if element["elements"]]


def escape(text: str) -> str:
    """
    Literal text in mrkdwn: three entities kill what is in angle brackets, marks are kept apart.

    For all other marks there is no escape; an invisible character serves.
    """
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARK.sub(_apart, text)


def _apart(mark: re.Match[str]) -> str:
    return BREAK + mark[0] if mark[0] == "//" or mark["quote"] is not None else mark[0] + BREAK


def url(text: str) -> str:
    return _UNSAFE_IN_URL.sub(lambda match: quote(match[0], safe=""), text)


def _kind(block: Block) -> str:
    if block.quoted:
        return "rich_text_quote"
    return PRE if block.pre else "rich_text_section"


def _code(block: Block) -> list[Element]:
    if block.pre is None:
        return []
    # Slack knows no code block in a quote.
    return [_text(block.pre.text, {"code"} if block.quoted else ())]


def _elements(run: Run) -> list[Element]:
    if isinstance(run.leaf, Link):
        return _link(url(run.leaf.url), run.leaf.children, run)
    return [_element(run.leaf, run)]


def _element(leaf: Text | Code | Emoji | Time, run: Run) -> Element:
    styles = {STYLES[style] for style in run.styles if style in STYLES} if run.styles else ()
    match leaf:
        case Text(text):
            return _text(text, styles)
        case Code(text):
            return _text(text, {*styles, "code"})
        case Emoji(code=code):
            return _styled({"type": "emoji", "name": code}, styles)
        case Time(at) if 0 <= at < 4e12:  # Slack knows no dates beyond
            date = {"timestamp": at // 1000, "format": DATE, "fallback": plain.moment(leaf)}
            return _styled({"type": "date", **date}, styles)
        case Time():
            return _text(plain.moment(leaf), styles)


def _link(address: str, children: Tree, run: Run) -> list[Element]:
    """A label has no emoji of the workspace in Slack: these stand between links to one address."""
    label = flow.line(children, run.styles, hidden=plain.HIDDEN)
    words = [run for run in label if not isinstance(run.leaf, Emoji)]
    if len(words) == len(label) or not without_unseen(_text_shown(words)).strip():
        return [_labelled(address, label)]
    elements: list[Element] = []
    for are_emoji, group in groupby(label, lambda run: isinstance(run.leaf, Emoji)):
        runs = list(group)
        if are_emoji:
            elements += [_element(run.leaf, run) for run in runs if not isinstance(run.leaf, Link)]
            continue
        text = _text_shown(runs)
        elements += [_text(" ")] if elements and text[:1].isspace() else []
        elements += [_labelled(address, runs)] if text.strip() else []
        elements += [_text(" ")] if text.strip() and text[-1:].isspace() else []
    return elements


def _labelled(address: str, label: Sequence[Run]) -> Element:
    text = " ".join(_text_shown(label).split())
    shared = {name for style, name in STYLES.items() if all(style in run.styles for run in label)}
    if len(address) > URL_LENGTH:
        return _text(text, shared)
    return _styled({"type": "link", "url": address, "text": text or address}, shared)


def _text_shown(label: Iterable[Run]) -> str:
    return "".join(plain.render((run.leaf,)) for run in label)


def _text(text: str, styles: Collection[str] = ()) -> Element:
    return _styled({"type": "text", "text": text}, styles)


def _styled(element: Element, styles: Collection[str]) -> Element:
    return {**element, "style": dict.fromkeys(sorted(styles), True)} if styles else element


def _merged(elements: Iterable[Element]) -> list[Element]:
    """Texts of one style as one element."""
    merged: list[Element] = []
    for element in elements:
        last = merged[-1] if merged else {}
        alike = last.get("style") == element.get("style")
        if alike and last.get("type") == element["type"] == "text":
            merged[-1] = {**last, "text": last["text"] + element["text"]}
        else:
            merged.append(element)
    return merged


def _trimmed(elements: list[Element]) -> list[Element]:
    """Without blanks at both ends, and without texts that are empty: Slack refuses those."""
    trimmed = list(elements)
    while trimmed and trimmed[0]["type"] == "text" and not trimmed[0]["text"].lstrip("\n"):
        del trimmed[0]
    while trimmed and trimmed[-1]["type"] == "text" and not trimmed[-1]["text"].rstrip("\n"):
        del trimmed[-1]
    for at, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if trimmed and trimmed[at]["type"] == "text":
            trimmed[at] = {**trimmed[at], "text": strip(trimmed[at]["text"], "\n")}
    blank = all(element["type"] == "text" and not element["text"].strip() for element in trimmed)
    return [] if blank else trimmed
