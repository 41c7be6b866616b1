"""One rendered event: trees in named places, which each sink lays out in its vendor's way."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Any

from relay.text import plain, tree
from relay.text.tree import LabelSource, Link, Node, Text, Tree

EXCERPT = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A short value with a name."""

    name: Tree
    value: Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """
    A picture that the chat may load and show; ``alt`` is its alt text, or its name.

    ``type`` is the media type by Misskey; empty if it is not known.
    """

    url: str
    alt: str = ""
    type: str = ""
    is_drawn: bool = True
    """Whether the chat may draw it, and has not refused to; else it is a link."""
    source: LabelSource = LabelSource.USER
    """The author of the alt text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A rendered event. ``color`` is 0xRRGGBB, ``at`` Unix milliseconds."""

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
    """Ids that the sink's ``mentions`` list and that are pinged; ``all`` stands for every one."""
    at: int | None = None
    when: str = ""
    """``at`` in words, in the readers' time zone; empty if it is not known."""

    @property
    def moment(self) -> str:
        """The time of the event in words, for chats without local times."""
        return self.when or (plain.time(self.at) if self.at is not None else "")

    @property
    def summary(self) -> str:
        """The author and the title, in one line."""
        return " · ".join(filter(None, (plain.line(self.author), plain.line(self.title))))

    @property
    def notification(self) -> str:
        """One line for locked screens: the summary and the first words of the body."""
        pictures = (f"🖼 {plain.line((Text(image.alt),))}".strip() for image in self.images)
        words = plain.excerpt(self.body, EXCERPT) or " ".join(pictures)[:EXCERPT]
        return ": ".join(filter(None, (self.summary, words)))


def pinged(messages: Iterable[Message]) -> frozenset[str]:
    """The ids that the messages of one request ping."""
    return frozenset[str]().union(*(message.ping for message in messages))


def mapped(message: Message, change: Callable[[Node], Node]) -> Message:
    """The same message with ``change`` applied to every leaf of its trees."""
    return _with_trees(message, lambda nodes: tree.mapped(nodes, change))


def relinked(message: Message, change: Callable[[Link], Tree]) -> Message:
    """The same message with each link in its trees replaced by the result of ``change``."""
    return _with_trees(message, lambda nodes: tree.relinked(nodes, change))


def _with_trees(message: Message, change: Callable[[Tree], Tree]) -> Message:
    """The message with each of its trees changed; itself if none of them does."""
    trees: dict[str, Any] = {
        name: changed
        for name in ("title", "author", "body", "footer")
        if (changed := change(nodes := getattr(message, name))) is not nodes
    }
    fields = tuple(
        Field(name=change(field.name), value=change(field.value)) for field in message.fields
    )
    return replace(message, fields=fields, **trees) if trees or fields else message


def without(message: Message, refused: Container[str]) -> Message:
    """
    The same message for a chat that refused these addresses.

    A picture becomes a link, a link keeps its label alone, and an avatar is dropped.
    """
    drawn = {image.url for image in message.images if image.is_drawn and image.url in refused}

    def kept(url: str | None) -> str | None:
        return None if url in refused and url not in drawn else url

    def labelled(link: Link) -> Tree:
        return link.children if kept(link.url) is None else (link,)

    return replace(
        relinked(message, labelled),
        url=kept(message.url),
        author_url=kept(message.author_url),
        avatar=None if message.avatar in refused else message.avatar,
        images=tuple(
            replace(image, url=kept(image.url) or "", is_drawn=False)
            if image.url in refused
            else image
            for image in message.images
        ),
    )


def undrawn(message: Message) -> Message:
    """The same message with links for all of its pictures."""
    images = tuple(replace(image, is_drawn=False) for image in message.images)
    return replace(message, images=images, avatar=None)


def plain_form(message: Message) -> Message:
    """
    The same message with text, links and bold only: the last form that a vendor is offered.

    Spoilers stay hidden.
    """
    return Message(
        title=plain.simple(message.title),
        url=message.url,
        author=plain.simple(message.author),
        author_url=message.author_url,
        body=plain.simple(message.body),
        fields=tuple(
            Field(name=plain.simple(field.name), value=plain.simple(field.value))
            for field in message.fields
        ),
        images=undrawn(message).images,
        footer=plain.simple(message.footer),
        ping=message.ping,
        at=message.at,
        when=message.when,
    )
