"""One rendered event: trees in named places, which each sink lays out in its vendor's way."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from relay import tree
from relay.dialects import plain
from relay.tree import Link, Node, Text, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A short value with a name."""

    name: Tree
    value: Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture that the chat may load and show, with its alt text."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a template made of an event. ``color`` is 0xRRGGBB, ``at`` Unix milliseconds."""

    title: Tree = ()
    url: str | None = None
    author: Tree = ()
    author_url: str | None = None
    avatar: str | None = None
    color: int | None = None
    body: Tree = ()
    fields: tuple[Field, ...] = ()
    images: tuple[Image, ...] = ()
    footer: Tree = ()
    ping: frozenset[str] = frozenset()
    """Whom of those that the sink's ``mentions`` name: their ids, or ``all``."""
    at: int | None = None

    @property
    def summary(self) -> str:
        """One line for notifications: nothing of the body, which may be behind a warning."""
        return " · ".join(filter(None, (plain.line(self.author), plain.line(self.title))))


def pinged(messages: Iterable[Message]) -> frozenset[str]:
    """Whom messages in one request ping."""
    return frozenset[str]().union(*(message.ping for message in messages))


def mapped(message: Message, change: Callable[[Node], Node]) -> Message:
    """The same message with ``change`` applied to every leaf of its trees."""
    return replace(
        message,
        title=tree.mapped(message.title, change),
        author=tree.mapped(message.author, change),
        body=tree.mapped(message.body, change),
        fields=tuple(
            Field(name=tree.mapped(one.name, change), value=tree.mapped(one.value, change))
            for one in message.fields
        ),
        footer=tree.mapped(message.footer, change),
    )


def plain_form(message: Message) -> Message:
    """The same message in bare text: for a vendor that refused it with markup and pictures."""
    return Message(
        title=_bare(message.title),
        url=message.url,
        author=_bare(message.author),
        body=(*_bare(message.body), *(one for image in message.images for one in _address(image))),
        fields=tuple(
            replace(field, name=_bare(field.name), value=_bare(field.value))
            for field in message.fields
        ),
        footer=_bare(message.footer),
        ping=message.ping,
        at=message.at,
    )


def _address(image: Image) -> Tree:
    return (Text("\n"), Link(image.url, (Text(image.url),)))


def _bare(nodes: Tree) -> Tree:
    shown = plain.render(nodes)
    return (Text(shown),) if shown else ()
