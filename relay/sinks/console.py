"""Prints messages to the terminal, drawn with letters."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from markupsafe import Markup

from relay.model import Display
from relay.outcome import Failed, Outcome, Sent
from relay.sinks.base import Layout, Sink, SinkSettings
from relay.sinks.layout import dated
from relay.sinks.vendor import Vendor
from relay.terminal import BARE, Colour, framed
from relay.text import plain
from relay.text.message import Message
from relay.text.tree import clean


def picture(message: Message, *, name: str, colour: Colour = BARE) -> str:
    """A message in a frame, headed by ``name``."""
    return framed(_lines(message), name=name, tint=message.color, colour=colour)


def _lines(message: Message) -> Iterator[str]:
    yield message.summary
    if message.url:
        yield message.url
    for part in (plain.render(message.body), "\n".join(_fields(message))):
        if part:
            yield ""
            yield from part.split("\n")
    for image in message.images:
        yield " ".join(filter(None, ("🖼 ", clean(image.alt), image.url)))
    if last := plain.line(dated(message)):
        yield ""
        yield last


def _fields(message: Message) -> Iterator[str]:
    for field in message.fields:
        yield f"{plain.line(field.name)}: {plain.render(field.value)}"


class ConsoleSettings(SinkSettings):
    """The settings of a sink that prints to the terminal."""

    type: Literal["console"]
    """Prints messages where relay runs."""
    look: Literal["discord", "slack", "matrix", "plain"] = "plain"
    """The chat whose way of showing notes is imitated."""

    @property
    def display(self) -> Display:
        cw = "hide" if self.look == "slack" and self.cw == "spoiler" else self.cw
        previews = self.look == "matrix"
        return Display(cw=cw, sensitive_media=self.sensitive_media, previews=previews)

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        return Layout({"text": picture(messages[0], name=self.look)}, 1)

    def open(self, session: object) -> Sink:
        return ConsoleSink(self)


class ConsoleSink(Sink):
    """Prints to standard output."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self.settings = settings

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        # A terminal may know few characters, and be gone.
        code = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = layout.payload["text"].encode(code, "replace").decode(code)
        try:
            print(text, flush=True)  # noqa: T201
        except OSError as error:
            return Failed(os.strerror(error.errno).lower() if error.errno else str(error))
        except ValueError:
            return Failed("standard output is closed")
        return Sent()

    async def probe(self) -> Outcome:
        return Sent()


CONSOLE = Vendor(
    type="console",
    name="Console",
    settings=ConsoleSettings,
    preview=lambda payload: Markup('<pre class="console">{}</pre>').format(payload["text"]),
)
