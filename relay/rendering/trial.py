"""The message that says only that it has arrived."""

from relay.i18n import Language
from relay.text.message import Message
from relay.text.tree import Text


def trial(*, at: int, language: Language) -> Message:
    """``at`` in Unix milliseconds; the time is told as the readers of the sink tell it."""
    return Message(
        title=(Text("relay test"),),
        body=(Text("If you can read this, relay can reach you here."),),
        footer=(Text("relay send-test"),),
        at=at,
        when=language.moment(at),
    )
