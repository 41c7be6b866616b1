"""Turns MFM nodes into the tree: the meaning of each construct outside Misskey."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from relay.mfm.nodes import (
    MfmBlockCode,
    MfmBold,
    MfmCenter,
    MfmEmojiCode,
    MfmFn,
    MfmHashtag,
    MfmInlineCode,
    MfmItalic,
    MfmLink,
    MfmMathBlock,
    MfmMathInline,
    MfmMention,
    MfmNode,
    MfmPlain,
    MfmQuote,
    MfmSearch,
    MfmSmall,
    MfmStrike,
    MfmText,
    MfmUnicodeEmoji,
    MfmUrl,
)
from relay.text import tree
from relay.text.hosts import host_name, readable
from relay.text.links import link
from relay.text.tree import LabelSource, Style, Styled, Tree, text_of

SEARCH = "https://www.google.com/search?q="

# https://misskey-hub.net/en/docs/for-users/features/mfm/
LOUD = frozenset({"tada", "x2", "x3", "x4"})
MOVING = frozenset(
    "jelly twitch shake spin jump bounce flip rainbow sparkle rotate position scale border "
    "followmouse clickable crop fade font group skew".split()
)
Parent = (
    MfmBold | MfmItalic | MfmStrike | MfmSmall | MfmQuote | MfmCenter | MfmPlain | MfmLink | MfmFn
)
# The seconds of the years 1 to 9999, but for a day at either end: time zones move it.
FIRST, LAST = -62_135_510_400, 253_402_214_399
_SECONDS = re.compile(r"([+-]?[0-9]{1,12})(?:\.[0-9]*)?")
_COLOR = re.compile(r"[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")


@dataclass(frozen=True, slots=True)
class Origin:
    """The server of a text's author, on which the names in the text are resolved."""

    server: str = ""
    """The origin of the server that sent the event."""
    host: str | None = None
    """The host of the author; None: at home on ``server``."""

    def profile(self, username: str, host: str | None) -> str:
        host = host or self.host
        return f"https://{host}/@{username}" if host else f"{self.server}/@{username}"

    def tag(self, name: str) -> str:
        return f"{self.server}/tags/{_quoted(name)}"

    def emoji(self, name: str) -> str | None:
        """Where the server has the picture: it knows those of other servers too."""
        there = host_name(self.host) if self.host else ""
        if not self.server or there is None:
            return None
        at = f"@{there}" if there else ""
        return f"{self.server}/emoji/{quote(name, safe='')}{at}.webp"


def tree_of(nodes: tuple[MfmNode, ...], origin: Origin) -> Tree:
    """The tree of a parsed text."""
    return tuple(tree.merged(part for node in nodes for part in _tree_of(node, origin)))


def _tree_of(node: MfmNode, origin: Origin) -> Tree:
    match node:
        case MfmText(text) | MfmUnicodeEmoji(text):
            return (tree.Text(text),)
        case MfmEmojiCode(name):
            return (tree.Emoji(name, origin.emoji(name)),)
        case MfmMention(username, host, acct):
            return _link(origin.profile(username, host), readable(acct), LabelSource.RELAY)
        case MfmHashtag(name):
            return _link(origin.tag(name), f"#{name}", LabelSource.RELAY)
        case MfmUrl(url):
            return _link(url, url, LabelSource.USER)
        case MfmInlineCode(code):
            return (tree.Code(code),)
        case MfmBlockCode(code, language):
            return (tree.Pre(code, language or ""),)
        case MfmMathInline(formula):
            return (tree.Math(formula),)
        case MfmMathBlock(formula):
            return (tree.Math(formula, block=True),)
        case MfmSearch(query, content):
            # The button has the name that its author gave it: Search, 検索.
            name = content.removeprefix(query).strip().strip("[]") or "Search"
            button = tree.Link(SEARCH + _quoted(query), (tree.Text(name),))
            return (tree.Text(f"{query} "), button, tree.Text("\n"))
        case MfmFn(name="ruby"):
            return _ruby(node.children, origin)
        case _:
            return _parent(node, tree_of(node.children, origin))


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _link(url: str, label: str, source: LabelSource) -> Tree:
    return link(url, (tree.Text(label),), source)


def _parent(node: Parent, children: Tree) -> Tree:
    match node:
        case MfmBold():
            return (Styled(Style.BOLD, children),)
        case MfmItalic():
            return (Styled(Style.ITALIC, children),)
        case MfmStrike():
            return (Styled(Style.STRIKE, children),)
        case MfmSmall():
            return (Styled(Style.SMALL, children),)
        case MfmQuote():
            return (tree.Quote(children),)
        case MfmCenter():
            return (tree.Center(children),)
        case MfmPlain():
            return children
        case MfmLink(url=url):
            return link(url, children)
        case MfmFn():
            return _effect(node, children)


def _effect(node: MfmFn, children: Tree) -> Tree:
    name, args = node.name, node.args
    if name in LOUD:
        return (Styled(Style.BOLD, children),)
    if name == "blur":
        return (Styled(Style.SPOILER, children),)
    if (
        name == "font"
        and "monospace" in args
        and all(type(child) is tree.Text for child in children)
    ):
        return (tree.Code(text_of(children)),)
    if name in {"fg", "bg"}:
        return (_colored(name, args.get("color"), children),)
    if name == "unixtime":
        return _time(children)
    if name in MOVING:
        return children
    return (tree.Text(f"$[{name} "), *children, tree.Text("]"))


def _colored(name: str, color_arg: str | bool | None, children: Tree) -> tree.Node:
    color = color_arg if isinstance(color_arg, str) and _COLOR.fullmatch(color_arg) else "f00"
    if len(color) == 3:
        color = "".join(digit * 2 for digit in color)
    if name == "fg":
        return tree.Colored(children, foreground=f"#{color}")
    return tree.Colored(children, background=f"#{color}")


def _ruby(children: tuple[MfmNode, ...], origin: Origin) -> Tree:
    """
    ``base(reading)``, parted as Misskey's MkMfm parts it: by nodes, before they are drawn.

    The reading is a text that comes last; of a lone text all but the first word.
    """
    *base, last = children or (MfmText(""),)
    written = last.text if isinstance(last, MfmText) else ""
    if not base:
        word, _, written = written.partition(" ")
        base = [MfmText(word)] if word else []
    reading = written.strip()
    if not base or not (reading or written):
        return tree_of(children, origin)
    if not reading:
        return tree_of(tuple(base), origin)
    return (*tree_of(tuple(base), origin), tree.Text(f"({reading})"))


def _time(children: Tree) -> Tree:
    """A moment in seconds; a text that is not a number, or not in any calendar, stays text."""
    match = _SECONDS.fullmatch(text_of(children).strip())
    if match is None or not FIRST <= int(match[1]) <= LAST:
        return children
    return (tree.Time(int(match[1]) * 1000),)
