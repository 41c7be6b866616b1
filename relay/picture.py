"""A message drawn with letters, for terminals."""

from collections.abc import Iterator

from relay.dialects import plain
from relay.message import Message

WIDTH = 72


def picture(message: Message, *, name: str) -> str:
    """A message in a frame, headed by ``name``."""
    head = f"╭─ {name} "
    lines = [head + "─" * (WIDTH - len(head)), *(f"│ {line}".rstrip() for line in _lines(message))]
    return "\n".join([*lines, "╰" + "─" * (WIDTH - 1)])


def _lines(message: Message) -> Iterator[str]:
    yield message.summary
    if message.url:
        yield message.url
    for part in (plain.render(message.body), "\n".join(_fields(message))):
        if part:
            yield ""
            yield from part.split("\n")
    for image in message.images:
        yield f"🖼  {image.alt} {image.url}".replace("  ", " ") if image.alt else f"🖼 {image.url}"
    when = plain.time(message.at) if message.at is not None else ""
    if last := " · ".join(filter(None, (plain.line(message.footer), when))):
        yield ""
        yield last


def _fields(message: Message) -> Iterator[str]:
    for field in message.fields:
        yield f"{plain.line(field.name)}: {plain.render(field.value)}"
