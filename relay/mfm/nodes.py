"""
The nodes of a text in MFM: one class for each construct.

Names (`MfmText`), fields and their order are those of the reference, mfm-js.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class MfmText:
    text: str


@dataclass(frozen=True, slots=True)
class MfmUnicodeEmoji:
    emoji: str


@dataclass(frozen=True, slots=True)
class MfmEmojiCode:
    """A custom emoji of the author's server, without its colons."""

    name: str


@dataclass(frozen=True, slots=True)
class MfmMention:
    """The host is None for the server of the note's author."""

    username: str
    host: str | None
    acct: str


@dataclass(frozen=True, slots=True)
class MfmHashtag:
    hashtag: str


@dataclass(frozen=True, slots=True)
class MfmUrl:
    """An address in the text; `brackets` if it stood between `<` and `>`."""

    url: str
    brackets: bool = False


@dataclass(frozen=True, slots=True)
class MfmInlineCode:
    code: str


@dataclass(frozen=True, slots=True)
class MfmMathInline:
    formula: str


@dataclass(frozen=True, slots=True)
class MfmPlain:
    """Text in which nothing has a meaning; its only child is an `MfmText`."""

    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmBold:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmItalic:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmSmall:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmStrike:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmLink:
    """A silent one (`?[...]`) asks for no preview."""

    silent: bool
    url: str
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmFn:
    """An effect: `$[name.key=value,flag ...]`. A flag's value is True."""

    name: str
    args: Mapping[str, str | bool] = field(hash=False)
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmQuote:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmCenter:
    children: tuple["MfmNode", ...]


@dataclass(frozen=True, slots=True)
class MfmBlockCode:
    code: str
    lang: str | None


@dataclass(frozen=True, slots=True)
class MfmMathBlock:
    formula: str


@dataclass(frozen=True, slots=True)
class MfmSearch:
    """A line with a search button; `content` is the line as it was written."""

    query: str
    content: str


MfmBlock = MfmQuote | MfmSearch | MfmBlockCode | MfmMathBlock | MfmCenter
"""Nodes that take whole lines; they occur at the top and in quotes only."""

MfmInline = (
    MfmText
    | MfmUnicodeEmoji
    | MfmEmojiCode
    | MfmMention
    | MfmHashtag
    | MfmUrl
    | MfmInlineCode
    | MfmMathInline
    | MfmPlain
    | MfmBold
    | MfmItalic
    | MfmSmall
    | MfmStrike
    | MfmLink
    | MfmFn
)
MfmNode = MfmBlock | MfmInline


def to_json(nodes: Iterable[MfmNode]) -> list[dict[str, Any]]:
    """Write a tree in the reference's layout: `type`, then `props` and `children` if it has any."""
    return [_json(node) for node in nodes]


def _json(node: MfmNode) -> dict[str, Any]:
    name = type(node).__name__.removeprefix("Mfm")
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
