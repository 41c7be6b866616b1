"""Parts of all vendors' layouts: lengths, authors, pictures, emoji."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add, gt
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from relay.sinks.images import draws
from relay.text import plain
from relay.text.links import link
from relay.text.message import Image, Message, mapped
from relay.text.shorten import ELLIPSIS, beginning, shorten
from relay.text.tree import Emoji, LabelSource, Link, Node, Text, Tree, merged
from relay.text.unicode import is_visible

Written = TypeVar("Written")

_ADDRESSES = ("image_url", "icon_url", "avatar_url", "url")
"""The members of payloads that hold addresses."""

TAIL = 0.75  # of the room for a text, at most, is kept for its end


class Room:
    """The rest of a length that all parts of a message share."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(
        self,
        nodes: Tree,
        limit: int,
        write: Callable[[Tree], Written],
        size: Callable[[Written], int],
        ending: Tree = ELLIPSIS,
    ) -> Written:
        """As much of a tree, written, as its own limit and the common one allow."""
        limit = min(limit, self.left)
        written = write(nodes)
        if (length := size(written)) > limit:
            written = write(beginning(nodes, lambda tree: size(write(tree)) <= limit, ending))
            length = size(written)
        self.left -= length
        return written

    def take_with(
        self,
        nodes: Tree,
        tail: Tree,
        limit: int,
        write: Callable[[Tree], Written],
        size: Callable[[Written], int],
        ending: Tree = ELLIPSIS,
    ) -> Written:
        """The same with a ``tail`` on lines of its own, for which the tree before it gives way."""
        limit = min(limit, self.left)
        tail = shorten(tail, lambda tree: size(write(tree)) <= limit * TAIL, ending)

        def both(beginning: Tree) -> Written:
            return write((*beginning, *((Text("\n"),) if beginning and tail else ()), *tail))

        return self.take(nodes, limit, both, size, ending)

    def set_aside(self, length: int) -> int:
        """Keep up to half for a part that is laid out last; how much that is."""
        kept = min(length, self.left // 2)
        self.left -= kept
        return kept


def leading(
    laid_out: Iterable[Written], sizes: Callable[[Written], Sequence[int]], limits: Sequence[int]
) -> list[Written]:
    """The first messages whose sizes, added up, keep to all the limits; one at least."""
    rest = iter(laid_out)
    fitting = [next(rest)]
    used: Sequence[int] = ()
    for written in rest:
        used = [*map(add, used or sizes(fitting[0]), sizes(written))]
        if any(map(gt, used, limits)):
            break
        fitting.append(written)
    return fitting


def units(text: str) -> int:
    """
    The length of a text in UTF-16 code units.

    Vendors count these or code points, and say which of both nowhere: this is safe under both.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def cut_units(text: str, limit: int) -> str:
    """The beginning of a text that has no markup; no character is cut in two."""
    if units(text) <= limit:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * limit].decode("utf-16-le", "ignore")


def encoded(value: object) -> bytes:
    """JSON in UTF-8; half a character (a lone surrogate), which servers fail at, is U+FFFD."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def linked(label: Tree, url: str | None) -> Tree:
    """A part of a message's head: relay put it together, and it leads to the sending server."""
    return (Link(url, label, LabelSource.RELAY),) if url and label else label


def short_author(author: Tree, fits: Callable[[Tree], bool]) -> Tree:
    """An author that fits: the name gives way, and the host of the handle stays to its end."""
    if fits(author):
        return author
    name, handle = _name_and_handle(author)
    if not handle:
        return beginning(author, fits)
    if short := beginning(name, lambda tree: fits((*tree, Text(handle)))):
        return (*short, Text(handle))
    user, at, host = handle.strip().rpartition("@")
    forms = [f"{user[:kept]}…{at}{host}" for kept in range(len(user), 1, -1)]
    forms += [f"…{host[cut:]}" for cut in range(len(host))]
    fitting = next((form for form in (handle.strip(), *forms) if fits((Text(form),))), "")
    return (Text(fitting),) if fitting else ()


def _name_and_handle(author: Tree) -> tuple[Tree, str]:
    """The parts of ``Bob (@bob@a.example)``; the handle is empty where there is none."""
    nodes = tuple(merged(author))
    last = nodes[-1] if nodes else None
    if not isinstance(last, Text) or not last.text.endswith(")"):
        return nodes, ""
    name, between, handle = last.text.rpartition(" (@")
    return ((*nodes[:-1], Text(name)), f"{between}{handle}") if between else (nodes, "")


def more(url: str | None) -> Tree:
    """How a text ends that was cut: with a link to the whole."""
    return (Text("… "), Link(url, (Text("→"),), LabelSource.RELAY)) if url else ELLIPSIS


def _value_at(payload: object, path: Iterable[str]) -> object:
    """The value at a place that a vendor names; None if there is none."""
    value = payload
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple) and step.isdecimal() and int(step[:9]) < len(value):
            value = value[int(step[:9])]
        else:
            return None
    return value


def addresses_at(payload: object, paths: Iterable[Sequence[str]]) -> frozenset[str]:
    """The addresses at places that a vendor names, or right below them: ``/blocks/2``."""
    addresses: set[str] = set()
    for path in paths:
        value = _value_at(payload, path)
        inner = value if isinstance(value, Mapping) else {path[-1] if path else "": value}
        addresses.update(
            address for name in _ADDRESSES if isinstance(address := inner.get(name), str)
        )
    return frozenset(addresses)


def dated(message: Message) -> Tree:
    """The footer with the time of the event, for chats that show none of their own."""
    when = message.moment
    between = (Text(" · "),) if message.footer and when else ()
    return (*message.footer, *between, *((Text(when),) if when else ()))


def divided(
    types: frozenset[str], images: Iterable[Image]
) -> tuple[Sequence[Image], Sequence[Image]]:
    """The pictures that a chat draws by their media types, and those that become links."""
    drawn: list[Image] = []
    linked: list[Image] = []
    for image in images:
        (drawn if draws(types, image) else linked).append(image)
    return drawn, linked


def picture_links(images: Iterable[Image]) -> Tree:
    """A line for each picture that a chat does not draw: a link with its name."""
    tree: Tree = ()
    for image in images:
        tree = (*tree, *((Text("\n"),) if tree else ()), *picture_link(image))
    return tree


def picture_link(image: Image) -> Tree:
    """A picture that a chat does not draw: a link with its name."""
    name, source = _name(image)
    return link(image.url, (Text(f"🖼 {name}"),), source)


def _name(image: Image) -> tuple[str, LabelSource]:
    """The name of a picture: its alt text, else its file name, else its host."""
    if is_visible(image.alt):
        return plain.line((Text(image.alt),)), image.source
    try:
        parts = urlsplit(image.url)
        file = unquote(parts.path).rstrip("/").rpartition("/")[2]
    except ValueError:
        return image.type, LabelSource.RELAY
    return plain.line((Text(file),)) or parts.hostname or image.type, LabelSource.FILE


def coded(message: Message, codes: Mapping[str, str]) -> Message:
    """The message with the chat's codes for emoji, by their names."""

    def change(node: Node) -> Node:
        if isinstance(node, Emoji) and (code := codes.get(node.name)) is not None:
            return Emoji(node.name, node.url, code)
        return node

    return mapped(message, change) if codes else message


def of_server(message: Message, server: str) -> Message:
    """
    The message with pictures of emoji only from a server that the configuration names.

    Any other address is what the event says, and relay would ask whatever that means here.
    """

    def change(node: Node) -> Node:
        if not isinstance(node, Emoji) or node.url is None:
            return node
        is_there = bool(server) and node.url.startswith(f"{server}/emoji/")
        return node if is_there else replace(node, url=None)

    return mapped(message, change)
