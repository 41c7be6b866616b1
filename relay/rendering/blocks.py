"""Puts the blocks of a template together to a message; also messages that need no template."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from msgspec import structs

from relay.i18n import Language
from relay.model import Display, Event, Note, User
from relay.rendering.markup import MAKE, PICTURES, MarkupParser, parsed, room
from relay.rendering.meter import BoundError
from relay.text.hosts import readable
from relay.text.links import is_web, link
from relay.text.message import Field, Image, Message, relinked
from relay.text.tree import Heading, Link, Node, Text, Tree, folded, on_one_line, stripped, text_of

BLOCKS = frozenset(
    "title url author author_url avatar color body fields images footer ping".split()
)

PARTS = 100  # fields of one message, and pictures; no chat shows so many


def composed(
    blocks: Mapping[str, str], trees: Sequence[Tree], event: Event, language: Language
) -> Message:
    """Parse the blocks; ``trees`` are those that they refer to. BoundError if it is too much."""
    left = room(blocks.values())

    def tree(block: str) -> Tree:
        return parsed(blocks.get(block, ""), partial(parser, block, trees, left))

    def word(block: str) -> str:
        return text_of(tree(block)).strip()

    moment = _moment(event)
    return Message(
        title=on_one_line(tree("title")),
        url=_web(word("url")),
        author=on_one_line(tree("author")),
        author_url=_web(word("author_url")),
        avatar=_web(word("avatar")),
        color=_color(word("color")),
        body=stripped(folded(tree("body"))),
        fields=_fields(tree("fields")),
        images=_images(tree("images"), event),
        footer=on_one_line(tree("footer")),
        ping=frozenset(word("ping").split()),
        at=moment,
        when=language.moment(moment),
    )


def guarded(message: Message, event: Event, display: Display) -> Message:
    """
    Replace links to files that the sink hides by links to the note, if the chat previews links.

    This holds for every template.
    """
    if not display.previews or event.note is None:
        return message
    hidden = dict(_hidden(event.note, display))

    def led_to_note(target: Link) -> Tree:
        if (name := hidden.get(target.url)) is None:
            return (target,)
        label = (Text(name[0]),) if target.url in text_of(target.children) else target.children
        return (structs.replace(target, url=name[1], children=label),) if name[1] else label

    images = (
        replace(image, url=hidden[image.url][1]) if image.url in hidden else image
        for image in message.images
    )
    return replace(relinked(message, led_to_note), images=tuple(images))


def _hidden(
    note: Note, display: Display, *, folded: bool = False
) -> Iterator[tuple[str, tuple[str, str]]]:
    """The addresses of hidden files: sensitive, or behind a warning; with a name and the note's."""
    folded = folded or (note.cw is not None and display.cw != "show")
    for file in note.files:
        if folded or (file.is_sensitive and display.sensitive_media != "show"):
            for url in filter(None, (file.url, file.thumbnail_url)):
                yield url, (file.name or file.type, note.url or "")
    if note.reply is not None:
        yield from _hidden(note.reply, display)
    if note.renote is not None:
        yield from _hidden(note.renote, display, folded=folded)


def parser(block: str, trees: Sequence[Tree], left: list[int] | None = None) -> MarkupParser:
    return MarkupParser(trees, make=PICTURES if block == "images" else MAKE, room=left)


def outline(event: Event, language: Language) -> Message:
    """The smallest message of an event, sent when its template fails."""
    handle = _handle(event.author)
    url = event.note.url if event.note is not None else None
    return Message(
        title=on_one_line((Text(event.kind),)),
        url=url,
        author=on_one_line((Text(handle),)) if handle else (),
        body=link(url, (Text("…"),)) if url is not None else (),
        footer=(Text(readable(event.host)),) if event.host else (),
        at=_moment(event),
        when=language.moment(_moment(event)),
    )


def trial(*, at: int, language: Language) -> Message:
    """The message of ``relay send-test``; ``at`` in Unix milliseconds."""
    return Message(
        title=(Text("relay test"),),
        body=(Text("If you can read this, relay can reach you here."),),
        footer=(Text("relay send-test"),),
        at=at,
        when=language.moment(at),
    )


def _handle(user: User | None) -> str:
    return f"@{readable(user.acct)}" if user is not None and user.username else ""


def _web(address: str) -> str | None:
    return address if is_web(address) else None


def _color(written: str) -> int | None:
    return int(written[1:], 16) if re.fullmatch("#[0-9a-fA-F]{6}", written) else None


def _fields(nodes: Tree) -> tuple[Field, ...]:
    """Each heading begins a field; nodes before the first one are dropped."""
    groups: list[tuple[Tree, list[Node]]] = []
    for node in nodes:
        if isinstance(node, Heading):
            groups.append((node.children, []))
        elif groups:
            groups[-1][1].append(node)
    if len(groups) > PARTS:
        raise BoundError(f"more than {PARTS} fields")
    return tuple(
        Field(name=on_one_line(name), value=stripped(folded(tuple(value))))
        for name, value in groups
    )


def _images(nodes: Tree, event: Event) -> tuple[Image, ...]:
    """Each link is a picture, its label the alt text; one without an address keeps its name."""
    if len(nodes) > 2 * PARTS:
        raise BoundError(f"more than {PARTS} pictures")
    notes = event.note.walk() if nodes and event.note is not None else ()
    types = {file.url: file.type for note in notes for file in note.files}
    return tuple(
        Image(
            url=node.url,
            alt=" ".join(text_of(node.children).split()),
            type=types.get(node.url, ""),
            source=node.source,
        )
        for node in nodes
        if isinstance(node, Link)
    )


def _moment(event: Event) -> int:
    created_at = event.note.created_at if event.note is not None else None
    return event.created_at if created_at is None else created_at
