"""Messages as the content of a Matrix event, within what a homeserver takes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from textwrap import indent
from typing import Any

from relay.sinks.base import Payload
from relay.sinks.layout import dated, encoded, leading, linked, more, picture_links, short_author
from relay.sinks.matrix import markup as matrix
from relay.text import plain
from relay.text.message import Message
from relay.text.shorten import shorten
from relay.text.tree import Quote, Style, Styled, Text, Tree, on_one_line, stripped

# https://spec.matrix.org/v1.19/client-server-api/#size-limits: an event has 65 536 bytes, of which
# a server that federates adds some; the longest content that Synapse took had 64 530.
CONTENT = 60_000
# Encrypted it grows by a third: https://spec.matrix.org/v1.19/client-server-api/#mmegolmv1aes-sha2
ENCRYPTED_CONTENT = 46_000
LARGEST = 6  # bytes that a character takes in JSON, at most
NAME = 500
BODY = 0.25  # of these for the plain form
MESSAGES = 10

NOTICE, TEXT = "m.notice", "m.text"
"""The message types without and with a notification."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the two in which an event has its message."""

    layout: Callable[[Message], Tree]
    render: Callable[[Tree], str]


def notice(
    messages: Sequence[Message],
    mentions: Callable[[int], dict[str, Any]],
    *,
    edit: bool = False,
    limit: int = CONTENT,
) -> tuple[dict[str, Any], int]:
    """
    The content of an event of at most ``limit`` bytes, and how many of the first messages it has.

    ``mentions`` is what goes under ``m.mentions`` for so many of the first messages, and pings.
    Several have room if they have it whole, and again when they change. The default push rules
    silence notices before they look at mentions
    (https://spec.matrix.org/v1.19/client-server-api/#push-rules), so what pings is no notice.
    """
    half = limit // 2 - 500  # the event of an edit has the new content twice
    laid_out = leading(
        ((_whole(message, PLAIN), _whole(message, HTML)) for message in messages[:MESSAGES]),
        lambda forms: (_size(forms[0]), _size(forms[1])),
        _rooms(mentions(len(messages)), half),
    )
    pings = mentions(len(laid_out))
    plain_room, html_room = _rooms(pings, half if edit else limit)
    bodies, htmls = [], []
    for message, (body, html) in zip(messages, laid_out, strict=False):
        bodies.append(_fitting(message, PLAIN, body, plain_room))
        htmls.append(_fitting(message, HTML, html, html_room))
    text = "\n\n".join(filter(None, bodies))
    content = {
        "msgtype": TEXT if pings else NOTICE,
        "body": f"{_names(pings)}{text}".strip() or "Misskey",
        "format": "org.matrix.custom.html",
        "formatted_body": "<hr>".join(filter(None, htmls)) or "Misskey",
        "m.mentions": pings,
    }
    return content, len(laid_out)


def change(event: str, content: Payload, *, kind: str) -> Payload:
    """
    The content that replaces that of an event, with a form for clients that know no such events.

    https://spec.matrix.org/v1.19/client-server-api/#event-replacements
    """
    new = {**content, "msgtype": kind}
    return new | {
        "body": f"* {new['body']}",
        "formatted_body": f"* {new['formatted_body']}",
        "m.mentions": {},  # users who were pinged by the first event are not pinged again
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event},
    }


def _rooms(mentions: dict[str, Any], limit: int) -> tuple[int, int]:
    """The bytes for the plain form, and for HTML."""
    plain_room = round(limit * BODY)
    return plain_room, limit - plain_room - len(encoded([mentions, _names(mentions)]))


def _names(mentions: dict[str, Any]) -> str:
    return "".join(f"{user} " for user in mentions.get("user_ids", ()))


def _fitting(message: Message, form: Form, whole: str, limit: int) -> str:
    """A message, whose ``whole`` is written, in at most ``limit`` bytes: its text gives way."""

    def size(nodes: Tree) -> int:
        return _size(form.render(nodes))

    if LARGEST * (len(whole) + 1) <= limit or _size(whole) <= limit:
        return whole

    def fits(said: Tree) -> bool:
        return size(form.layout(Message(body=said))) <= room

    room = limit - size(form.layout(replace(message, body=()))) - _size("\n")
    body = shorten(message.body, fits, more(message.url))
    shortened = form.layout(replace(message, body=body))
    return form.render(shorten(shortened, lambda tree: size(tree) <= limit))


def _whole(message: Message, form: Form) -> str:
    return form.render(form.layout(message))


def _size(written: str) -> int:
    return len(encoded(written))


def _layout(message: Message) -> Tree:
    """
    A line with author and title, the text, fields, pictures as links, and a small line.

    What a note says is set apart, line by line, so that it cannot draw a message of its own.
    """
    name = short_author(message.author, lambda author: _size(plain.line(author)) <= NAME)
    author = linked(name, message.author_url)
    title = linked(message.title, message.url)
    between = (Text(" · "),) if author and title else ()
    bold = (Styled(Style.BOLD, author),) if author else ()
    return _stacked([(*bold, *between, *title), _apart(message.body), *_below(message)])


def _bare_layout(message: Message) -> Tree:
    """The same for notifications, which show the beginning: addresses and quotes come later."""
    head = (Text(message.summary),) if message.summary else ()
    quotes = tuple(takewhile(lambda node: isinstance(node, Quote), message.body))
    own = message.body[len(quotes) :]
    url = (Text(message.url),) if message.url else ()
    return _stacked([head, _indented(own), quotes, *_below(message), url])


def _below(message: Message) -> Iterator[Tree]:
    for field in message.fields:
        name = (Styled(Style.BOLD, (*field.name, Text(": "))),)
        value = stripped(field.value)
        yield (*name, *(value if value == on_one_line(value) else _apart(value)))
    yield picture_links(message.images)
    footer = dated(message)
    yield (Styled(Style.SMALL, footer),) if footer else ()


def _stacked(lines: Iterable[Tree]) -> Tree:
    tree: Tree = ()
    for line in filter(None, lines):
        tree = (*tree, Text("\n"), *line) if tree else line
    return tree


def _apart(said: Tree) -> Tree:
    return (Quote(said),) if said else ()


def _indented(said: Tree) -> Tree:
    """The text of a note, indented in plain text; notifications show no indents."""
    return (Text(indent(plain.render(said), "  ")),) if said else ()


HTML = Form(_layout, matrix.render)
PLAIN = Form(_bare_layout, lambda nodes: plain.without_file_names(plain.render(nodes)))
