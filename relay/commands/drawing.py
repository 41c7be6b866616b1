"""What a sink sends, drawn with letters: from the payload, so nothing is drawn that is not sent."""

from relay.colour import Colour
from relay.message import Message
from relay.sinks import AnySink
from relay.sinks.console import Console
from relay.sinks.picture import framed, picture


def drawing(sink: AnySink, message: Message, *, name: str, colour: Colour) -> str:
    """A message as a sink called ``name`` shows it."""
    from relay.web.drawing import drawn, letters  # at its first use: few commands draw

    if isinstance(sink, Console):  # what it prints, under its name
        return picture(message, name=name, colour=colour)
    lines = letters(drawn(sink.type, sink.payload([message])))
    return framed(lines, name=name, tint=message.color, colour=colour)
