"""One rendered event: trees in named places, which each sink lays out in its vendor's way."""

from dataclasses import dataclass, replace

from relay.dialects import plain
from relay.tree import Text, Tree


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


def plain_form(message: Message) -> Message:
    """The same message in bare text: for a vendor that refused it with markup and pictures."""
    return Message(
        title=_bare(message.title),
        url=message.url,
        author=_bare(message.author),
        body=_bare(message.body),
        fields=tuple(
            replace(field, name=_bare(field.name), value=_bare(field.value))
            for field in message.fields
        ),
        footer=_bare(message.footer),
        ping=message.ping,
        at=message.at,
    )


def _bare(nodes: Tree) -> Tree:
    shown = plain.render(nodes)
    return (Text(shown),) if shown else ()
