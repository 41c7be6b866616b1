"""
A message as Slack blocks, within Slack's limits.

What users wrote goes into rich_text blocks, where nothing in a text is special.
https://docs.slack.dev/reference/block-kit/blocks
"""

from typing import Any

from relay.dialects import plain, slack
from relay.dialects.shorten import ELLIPSIS, shorten
from relay.message import Image, Message
from relay.tree import Link, Style, Styled, Text, Tree

Block = dict[str, Any]

# All blocks of a message share a hidden limit: about 13 200 characters, once 11 341 of rich text.
TOTAL = 8000
HEAD = 500
FIELD = 1000
FIELDS = 20
FOOTER = 500
IMAGES = 10
ALT = 2000
URL_LENGTH = 3000
FALLBACK = 1000


def blocks(message: Message, *, pings: list[Block]) -> list[Block]:
    """A line on who did what, the text, fields, pictures, and a small line at the end."""
    found = _section(pings) if pings else []
    left = TOTAL
    head = fitting(_head(message), HEAD)
    fields = [
        fitting((Styled(Style.BOLD, (*field.name, Text(": "))), *field.value), FIELD)
        for field in message.fields[:FIELDS]
    ]
    footer = shorten(message.footer, lambda it: len(plain.line(it)) <= FOOTER)
    left -= size(head) + sum(map(size, fields)) + FOOTER
    body = fitting(message.body, max(left, TOTAL // 2), _more(message.url))
    for nodes in (head, body, *fields):
        found += _section(slack.render(nodes))
    found += [_image(image) for image in message.images[:IMAGES] if len(image.url) <= URL_LENGTH]
    if shown := plain.line(footer):
        found.append({"type": "context", "elements": [_plain_text(shown)]})
    return found


def _head(message: Message) -> Tree:
    author = message.author
    if message.author_url and author:
        author = (Link(message.author_url, author),)
    title = message.title
    if message.url and title:
        title = (Link(message.url, title),)
    both = (*author, Text(" · "), *title) if author and title else author or title
    return (Styled(Style.BOLD, both),) if both else ()


def _section(elements: list[Block]) -> list[Block]:
    """One rich_text block; loose inline elements get a section around them."""
    if not elements:
        return []
    if not elements[0]["type"].startswith("rich_text"):
        elements = [{"type": "rich_text_section", "elements": elements}]
    return [{"type": "rich_text", "elements": elements}]


def _image(image: Image) -> Block:
    alt = plain.line((Text(image.alt),))[:ALT] or "picture"
    return {"type": "image", "image_url": slack.url(image.url), "alt_text": alt}


def _plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _more(url: str | None) -> Tree:
    return (Text("… "), Link(url, (Text("→"),))) if url else ELLIPSIS


def fitting(nodes: Tree, limit: int, ending: Tree = ELLIPSIS) -> Tree:
    """A tree whose elements hold at most ``limit`` characters."""
    return shorten(nodes, lambda it: size(it) <= limit, ending)


def size(nodes: Tree) -> int:
    """The characters of all elements, addresses included."""
    return sum(map(_size, slack.render(nodes)))


def _size(element: Block) -> int:
    inner = sum(map(_size, element.get("elements", ())))
    return inner + len(element.get("text", "")) + len(element.get("url", "")) + 1


def fallback(message: Message) -> str:
    """
    The text of notifications and of clients without blocks.

    Nothing of the body: it may stand behind a warning, and here it cannot be hidden.
    """
    shown = slack.escape(message.summary)
    return shown[:FALLBACK] or "Misskey"
