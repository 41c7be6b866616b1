"""
The tree of a text in MFM: one class for each construct, made to be taken apart with `match`.

Names, fields and their order are the reference's (mfm-js), so `to_json` is a plain translation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class UnicodeEmoji:
    emoji: str


@dataclass(frozen=True, slots=True)
class EmojiCode:
    """A custom emoji of the author's server, without its colons."""

    name: str


@dataclass(frozen=True, slots=True)
class Mention:
    """The host is None for the server of the note's author."""

    username: str
    host: str | None
    acct: str


@dataclass(frozen=True, slots=True)
class Hashtag:
    hashtag: str


@dataclass(frozen=True, slots=True)
class Url:
    """An address in the text; `brackets` if it stood between `<` and `>`."""

    url: str
    brackets: bool = False


@dataclass(frozen=True, slots=True)
class InlineCode:
    code: str


@dataclass(frozen=True, slots=True)
class MathInline:
    formula: str


@dataclass(frozen=True, slots=True)
class Plain:
    """Text in which nothing has a meaning; its only child is a `Text`."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Bold:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Italic:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Small:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Strike:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A silent one (`?[...]`) asks for no preview."""

    silent: bool
    url: str
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Fn:
    """An effect: `$[name.key=value,flag ...]`. A flag's value is True."""

    name: str
    args: Mapping[str, str | bool] = field(hash=False)
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Quote:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Center:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class BlockCode:
    code: str
    lang: str | None


@dataclass(frozen=True, slots=True)
class MathBlock:
    formula: str


@dataclass(frozen=True, slots=True)
class Search:
    """A line with a search button; `content` is the line as it was written."""

    query: str
    content: str


Block = Quote | Search | BlockCode | MathBlock | Center
"""What takes whole lines. It occurs at the top and in quotes only."""

Inline = (
    Text
    | UnicodeEmoji
    | EmojiCode
    | Mention
    | Hashtag
    | Url
    | InlineCode
    | MathInline
    | Plain
    | Bold
    | Italic
    | Small
    | Strike
    | Link
    | Fn
)
Node = Block | Inline


def to_json(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """Write a tree in the reference's layout: `type`, then `props` and `children` if it has any."""
    return [_json(node) for node in nodes]


def _json(node: Node) -> dict[str, Any]:
    name = type(node).__name__
    props = {field.name: getattr(node, field.name) for field in fields(node)}
    children = props.pop("children", None)
    if props.get("brackets") is False:  # the reference leaves it out
        del props["brackets"]
    layout: dict[str, Any] = {"type": name[0].lower() + name[1:]}
    if props:
        layout["props"] = props
    if children is not None:
        layout["children"] = to_json(children)
    return layout
