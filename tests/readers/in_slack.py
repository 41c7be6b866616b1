"""What rich_text elements say to a reader, and what of a tree they should say."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from msgspec import structs
from slack_sdk.models.blocks import (
    RichTextBlock,
    RichTextElementParts,
    RichTextPreformattedElement,
    RichTextQuoteElement,
    RichTextSectionElement,
)

from relay.text import plain
from relay.text.links import honest
from relay.text.tree import (
    Center,
    Colored,
    Heading,
    Link,
    Node,
    Quote,
    Style,
    Styled,
    Text,
    Tree,
    clean,
    text_of,
)
from tests.fakes.slack_rules import content_error
from tests.readers.trees import Said, Says, visible

Element = dict[str, Any]

MODELS = {
    "rich_text_section": RichTextSectionElement,
    "rich_text_quote": RichTextQuoteElement,
    "rich_text_preformatted": RichTextPreformattedElement,
    "text": RichTextElementParts.Text,
    "link": RichTextElementParts.Link,
    "date": RichTextElementParts.Date,
}
STYLES = {
    "bold": Style.BOLD,
    "italic": Style.ITALIC,
    "underline": Style.UNDERLINE,
    "strike": Style.STRIKE,
}


def expected(nodes: Tree) -> list[Said]:
    """A tree as Slack can show it: spoilers stay shut, a link has one style, no small letters."""
    return [it for said in Says(_laid_out)(_hidden(nodes)) for it in _in_slack(said)]


def _hidden(nodes: Tree) -> Tree:
    found: list[Node] = []
    for node in nodes:
        match node:
            case Styled(Style.SPOILER, children):
                found.append(Text(plain.HIDDEN if clean(text_of(children)).strip() else ""))
            case Link():  # judged before its label is hidden
                made = honest(node)
                if isinstance(made, Link):
                    found.append(structs.replace(made, children=_hidden(made.children)))
                else:
                    found += _hidden(made)
            case Styled() | Quote() | Center() | Heading() | Colored():
                found.append(structs.replace(node, children=_hidden(node.children)))
            case _:
                found.append(node)
    return tuple(found)


def _laid_out(link: Link) -> Tree:
    label = "".join(it.char if it.kind != "time" else _time(it) for it in Says()(link.children))
    return (structs.replace(link, children=(Text(label or link.url),)),)


def _time(said: Said) -> str:
    return plain.time(int(said.char))


def _in_slack(said: Said) -> Iterator[Said]:
    said = replace(said, styles=said.styles & set(STYLES.values()))
    if said.kind == "time":
        at = int(said.char)
        if 0 <= at < 4e12:
            yield replace(said, char=str(at // 1000))
        else:
            yield from (replace(said, char=it, kind="") for it in visible(plain.time(at)))
    elif said.target is not None:
        yield replace(said, styles=frozenset(), kind="")
    elif said.kind == "pre":
        yield replace(said, styles=frozenset(), kind="code" if said.quoted else "pre")
    else:
        yield said


def read(elements: list[Element]) -> list[Said]:
    """What elements say; each has passed Slack's own model, and the fake's checks."""
    if not elements:
        return []
    block = {"type": "rich_text", "elements": elements}
    RichTextBlock(elements=elements).validate_json()
    assert content_error({"blocks": [block]}) in (None, ("msg_blocks_too_long", []))
    return [said for element in elements for said in _outer(element)]


def _outer(element: Element) -> Iterator[Said]:
    kind = element["type"]
    assert kind.startswith("rich_text_")
    _check(element)
    at = Said("", kind="pre" if kind == "rich_text_preformatted" else "", quoted="quote" in kind)
    for inner in element["elements"]:
        _check(inner)
        yield from _inner(inner, at)


def _inner(element: Element, at: Said) -> Iterator[Said]:
    assert set(element.get("style", {}).values()) <= {True}
    styles = frozenset(STYLES[it] for it in element.get("style", ()) if it in STYLES)
    match element["type"]:
        case "text":
            kind = "code" if element.get("style", {}).get("code") else at.kind
            at = replace(at, styles=styles, kind=kind)
            yield from (replace(at, char=char) for char in visible(element["text"]))
        case "date":
            yield replace(at, char=str(element["timestamp"]), styles=styles, kind="time")
        case "link":
            assert element["url"].startswith(("http://", "https://", "mailto:"))
            at = replace(at, target=unquote(element["url"]))
            yield from (replace(at, char=char) for char in visible(element["text"]))


def _check(element: Element) -> None:
    fields = {name: value for name, value in element.items() if name != "type"}
    model = MODELS[element["type"]](**fields)
    model.validate_json()
    assert model.to_dict() == element
