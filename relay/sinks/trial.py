"""The message that says only that it has arrived."""

from relay.message import Message
from relay.tree import Text


def trial(*, at: int) -> Message:
    """``at`` in Unix milliseconds."""
    return Message(
        title=(Text("relay test"),),
        body=(Text("If you can read this, relay can reach you here."),),
        footer=(Text("relay send-test"),),
        at=at,
    )
