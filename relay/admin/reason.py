"""The meaning of a reason, for operators who do not know the codes of chats."""

import re

from relay.sinks import VENDORS
from relay.sinks.errors import Cause

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
        "|".join((*(vendor.causes[cause] for vendor in VENDORS if cause in vendor.causes), status))
    )
    for cause, status in _STATUSES.items()
}


def meaning(reason: str) -> str:
    """The name of the cause; empty if the reason is plain words, or not known."""
    return next((cause for cause, pattern in _CAUSES.items() if pattern.search(reason)), "")
