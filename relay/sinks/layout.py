"""What the layouts of all vendors have in common: lengths, and the small parts of a message."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from relay.dialects.shorten import ELLIPSIS, beginning
from relay.link import link
from relay.message import Image, Message
from relay.tree import Link, Text, Tree

Written = TypeVar("Written")

LAID_OUT = 64
"""How many messages stay laid out: each is asked for twice, to see what fits and to be sent."""


class Room:
    """What is left of a length that all parts of a message share."""

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
        if size(written) > limit:
            written = write(beginning(nodes, lambda it: size(write(it)) <= limit, ending))
        self.left -= size(written)
        return written

    def set_aside(self, wanted: int) -> int:
        """Keep up to half for a part that is laid out last; how much that is."""
        kept = min(wanted, self.left // 2)
        self.left -= kept
        return kept


def leading(
    messages: Sequence[Message], sizes: Callable[[Message], Sequence[int]], limits: Sequence[int]
) -> int:
    """How many of the first keep, added up, to all the limits; one does so by itself."""
    if len(messages) == 1:
        return 1
    left, fitting = tuple(limits), 0
    for message in messages:
        left = tuple(room - size for room, size in zip(left, sizes(message), strict=True))
        if min(left) < 0:
            break
        fitting += 1
    return max(1, fitting)


def units(text: str) -> int:
    """
    The length of a text in UTF-16 code units.

    Discord counted so in 2024 where it did not count code points: this is safe under both.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def cut_units(text: str, limit: int) -> str:
    """The beginning of a text that has no markup; no character is cut in two."""
    if units(text) <= limit:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * limit].decode("utf-16-le", "ignore")


def linked(label: Tree, url: str | None) -> Tree:
    return (Link(url, label),) if url and label else label


def more(url: str | None) -> Tree:
    """How a text ends that was cut: with a link to the whole."""
    return (Text("… "), Link(url, (Text("→"),))) if url else ELLIPSIS


def picture_link(image: Image) -> Tree:
    """A picture for a chat that will not show it itself."""
    return link(image.url, (Text(f"🖼 {image.alt}".strip()),))
