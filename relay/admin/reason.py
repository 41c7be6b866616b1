"""
The meaning of a stored reason, for operators who do not know the codes of chats.

The outbox stores the reason of an outcome without its cause, so the page finds it by patterns.
"""

import re

from relay.outcome import Cause
from relay.sinks import VENDORS

_STATUSES = {
    Cause.TOKEN: "^401 ",
    Cause.GONE: "^404 |^410 ",
    Cause.RIGHT: "^403 ",
    Cause.LIMIT: "^429 ",
    Cause.MESSAGE: "^4(?:00|13|22) ",
    Cause.SICK: r"^5\d\d |^408 ",
}
# By cause and not by vendor: some words come with a status that means something else.
_CAUSES = {
    cause: re.compile(
        "|".join([*(v.stored_reasons[cause] for v in VENDORS if cause in v.stored_reasons), status])
    )
    for cause, status in _STATUSES.items()
}


def meaning(reason: str) -> str:
    """The name of the cause; empty if the reason is plain words, or not known."""
    return next((cause for cause, pattern in _CAUSES.items() if pattern.search(reason)), "")
