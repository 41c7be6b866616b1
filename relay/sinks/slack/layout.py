"""
A message as Slack blocks, within Slack's limits.

What users wrote goes into rich_text blocks, where nothing in a text is special.
https://docs.slack.dev/reference/block-kit/blocks
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from relay.sinks.images import GIF, JPEG, PNG
from relay.sinks.layout import (
    Room,
    cut_units,
    dated,
    divided,
    leading,
    linked,
    more,
    picture_links,
    short_author,
    units,
)
from relay.sinks.slack import markup as slack
from relay.text import flow, plain
from relay.text.message import Field, Image, Message
from relay.text.shorten import shorten
from relay.text.tree import Style, Styled, Text, Tree

Block = dict[str, Any]

# All blocks of a message share a hidden limit: about 13 200 characters, once 11 341 of rich text.
# https://github.com/slackapi/bolt-js/issues/2509
TOTAL = 8000
BLOCKS = 45  # of the 50 that a message may have
MESSAGES = 10
NAME = TITLE = FOOTER = 300
ADDRESS = 700  # a longer one is not linked to from the head
HEAD = NAME + TITLE + 2 * ADDRESS
FIELD = 1000
FIELDS = 20
IMAGES = 16  # as many as a note can have
LINKS = 4000  # for pictures that are links
ALT = 2000
FALLBACK = 3000
URL_LENGTH = 3000

# https://docs.slack.dev/reference/block-kit/blocks/image-block: "png, jpg, jpeg, and gif"; WebP:
# https://github.com/slackapi/node-slack-sdk/issues/1482
PICTURES = frozenset({PNG, JPEG, GIF})

_LINK = re.compile(r"(?:https?://|mailto:)[^\s/]\S*", re.I)
_NAMES = frozenset({"type", "style"})


def blocks(
    messages: Sequence[Message], pings: Callable[[int], list[Block]]
) -> tuple[list[Block], int]:
    """
    The pings, then messages with a line between them; and how many of the first have room.

    ``pings`` are the elements that ping in so many of the first messages.
    """

    def sizes(written: list[Block]) -> tuple[int, int]:
        return 1 + len(written), 1 + size(written)

    all_pings = pings(len(messages))
    laid_out = (_blocks(message, TOTAL) for message in messages[:MESSAGES])
    fitting = leading(laid_out, sizes, (BLOCKS, TOTAL - size(all_pings)))
    content: list[Block] = []
    if elements := pings(len(fitting)):
        content = [_section(elements)]
        fitting[0] = _blocks(messages[0], TOTAL - size(elements))
    content += fitting[0]
    for written in fitting[1:]:
        content += [{"type": "divider"}, *written] if content and written else written
    return content, len(fitting)


def _blocks(message: Message, length: int) -> list[Block]:
    """A line with author and title, the text, fields, pictures, and a small line at the end."""
    room = Room(length)
    head = room.take(_head(message), HEAD, rendered, size)
    footer = room.take(dated(message), FOOTER, plain.line, units)
    behind = message.fields or message.images
    kept = room.set_aside(size_of(message.body)) if behind else 0
    fields = [room.take(_field(field), FIELD, rendered, size) for field in message.fields[:FIELDS]]
    pictures, rest = _pictures(message.images, room)
    links = room.take(picture_links(rest), LINKS, rendered, size, more(message.url))
    room.left += kept
    body = room.take(message.body, room.left, rendered, size, more(message.url))
    sections = [_section(elements) for elements in (head, body, *fields, links) if elements]
    return [*sections, *pictures, *_context(footer)]


def _head(message: Message) -> Tree:
    name = short_author(message.author, lambda author: size_of(author) <= NAME)
    author = linked(name, _near(message.author_url))
    label = shorten(message.title, lambda title: size_of(title) <= TITLE)
    title = linked(label, _near(message.url))
    both = (*author, Text(" · "), *title) if author and title else author or title
    return (Styled(Style.BOLD, both),) if both else ()


def _near(url: str | None) -> str | None:
    return url if units(url or "") <= ADDRESS else None


def _field(field: Field) -> Tree:
    return (Styled(Style.BOLD, (*field.name, Text(": "))), *field.value)


def _section(elements: list[Block]) -> Block:
    """One rich_text block; loose inline elements get a section around them."""
    if not elements[0]["type"].startswith("rich_text"):
        elements = [{"type": "rich_text_section", "elements": elements}]
    return {"type": "rich_text", "elements": elements}


def _pictures(images: Sequence[Image], room: Room) -> tuple[list[Block], Sequence[Image]]:
    """Pictures, each with its share of the room for its alt text; and those that are left."""
    drawn, linked = divided(PICTURES, images)
    pictures: list[Block] = []
    rest: list[Image] = []
    for place, image in enumerate(drawn):
        url = slack.url(image.url)
        share = room.left // (len(drawn) - place) - units(url)
        if len(pictures) == IMAGES or share < 0 or units(url) > URL_LENGTH or url != image.url:
            rest.append(image)
            continue
        alt = cut_units(plain.line((Text(image.alt),)), min(ALT, share)).strip() or "🖼"
        room.left -= units(url) + units(alt)
        pictures.append({"type": "image", "image_url": url, "alt_text": alt})
    return pictures, [*rest, *linked]


def _context(text: str) -> list[Block]:
    element = {"type": "plain_text", "text": text, "emoji": False}
    return [{"type": "context", "elements": [element]}] if text else []


def rendered(nodes: Tree) -> list[Block]:
    """The elements of a tree, each of which Slack takes."""
    return [_accepted(element) for element in slack.render(nodes)]


def _accepted(element: Block) -> Block:
    """A link that Slack would refuse, as its label."""
    if "elements" in element:
        return element | {"elements": [_accepted(inner) for inner in element["elements"]]}
    url = element.get("url")
    if url is None or (units(url) <= URL_LENGTH and _LINK.fullmatch(url)):
        return element
    rest = {key: value for key, value in element.items() if key in {"text", "style"}}
    return {"type": "text"} | rest


def size_of(nodes: Tree) -> int:
    """The length of all that a tree becomes, in UTF-16 code units, addresses included."""
    if (text := flow.bare(nodes)) is not None:
        return units(text.strip("\n")) + 2 if text.strip() else 0
    return size(rendered(nodes))


def size(value: Any) -> int:
    """The code units of all texts in elements or blocks, and one for each of these."""
    total, rest = 0, [value]
    while rest:
        inner = rest.pop()
        if isinstance(inner, str):
            total += units(inner)
        elif isinstance(inner, list):
            rest += inner
        elif isinstance(inner, dict):
            total += 1
            rest += [inner[key] for key in inner if key not in _NAMES]
    return total


def fallback(messages: Sequence[Message]) -> str:
    """The text of notifications and of clients without blocks: nothing that blocks hide."""
    lines = "\n".join(filter(None, (message.notification for message in messages)))
    return slack.escape(cut_units(lines, FALLBACK)) or "Misskey"
