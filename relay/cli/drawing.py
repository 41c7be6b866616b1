"""What a sink sends, drawn with letters: from the payload, so nothing is drawn that is not sent."""

from relay.sinks import AnySink
from relay.sinks.console import Console, picture
from relay.terminal import Colour, framed
from relay.text.message import Message


def drawing(sink: AnySink, message: Message, *, name: str, colour: Colour) -> str:
    """A message as a sink called ``name`` shows it."""
    from relay.admin.drawing import drawn, letters

    if isinstance(sink, Console):  # what it prints, under its name
        return picture(message, name=name, colour=colour)
    lines = letters(drawn(sink.type, sink.payload([message])))
    return framed(lines, name=name, tint=message.color, colour=colour)
