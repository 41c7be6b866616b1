"""One rendered event: trees in named places, which each sink lays out in its vendor's way."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace

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

    ``type`` is the media type that Misskey told, if it told any.
    """

    url: str
    alt: str = ""
    type: str = ""
    is_drawn: bool = True
    """Whether the chat may draw it, and has not refused to; else it is a link."""
    source: LabelSource = LabelSource.USER
    """Whose words the alt text is."""


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
    when: str = ""
    """``at`` in words, in the readers' time zone; empty where nobody has told it in words."""

    @property
    def moment(self) -> str:
        """When it happened, for chats that do not tell it in each reader's own time."""
        return self.when or (plain.time(self.at) if self.at is not None else "")

    @property
    def summary(self) -> str:
        """Who did what, in one line."""
        return " · ".join(filter(None, (plain.line(self.author), plain.line(self.title))))

    @property
    def notification(self) -> str:
        """One line for locked screens: who did what, and the first words of what is shown."""
        pictures = (f"🖼 {plain.line((Text(image.alt),))}".strip() for image in self.images)
        words = plain.excerpt(self.body, EXCERPT) or " ".join(pictures)[:EXCERPT]
        return ": ".join(filter(None, (self.summary, words)))


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


def relinked(message: Message, change: Callable[[Link], Tree]) -> Message:
    """The same message with what ``change`` makes of each link in its trees."""
    return replace(
        message,
        title=tree.relinked(message.title, change),
        author=tree.relinked(message.author, change),
        body=tree.relinked(message.body, change),
        fields=tuple(
            Field(name=tree.relinked(one.name, change), value=tree.relinked(one.value, change))
            for one in message.fields
        ),
        footer=tree.relinked(message.footer, change),
    )


def without(message: Message, refused: Container[str]) -> Message:
    """
    The same message for a chat that refused these addresses.

    A picture becomes a link; what was a link already keeps its label alone, and a face goes.
    """
    drawn = {image.url for image in message.images if image.is_drawn and image.url in refused}

    def kept(url: str | None) -> str | None:
        return None if url in refused and url not in drawn else url

    def labelled(found: Link) -> Tree:
        return found.children if kept(found.url) is None else (found,)

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
    The same message with nothing but text, links and bold: the last that a vendor is offered.

    What spoilers hide stays hidden.
    """
    return Message(
        title=plain.simple(message.title),
        url=message.url,
        author=plain.simple(message.author),
        author_url=message.author_url,
        body=plain.simple(message.body),
        fields=tuple(
            Field(name=plain.simple(one.name), value=plain.simple(one.value))
            for one in message.fields
        ),
        images=undrawn(message).images,
        footer=plain.simple(message.footer),
        ping=message.ping,
        at=message.at,
        when=message.when,
    )
