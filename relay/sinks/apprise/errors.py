"""Classifies failures of the apprise library, as far as it distinguishes them."""

import re
from collections.abc import Iterable

from relay.outcome import Failed, Outcome
from relay.sinks.errors import Answer, by_status

# Most of its services log: "Failed to send JSON POST notification: ..., error=404."
_STATUS = re.compile(r"\berror=(\d{3})\b")


def classify(lines: Iterable[str]) -> Outcome:
    """
    The outcome of a failed send, by the lines that the library has logged of it.

    Of these only the status is used: the rest may hold parts of the URL. Without a status it is
    not known whether the message arrived.
    """
    statuses = [int(match[1]) for line in lines for match in _STATUS.finditer(line)]
    if not statuses:
        return Failed("the service did not take it; apprise tells no more", ambiguous=True)
    return by_status(Answer(statuses[-1]), is_own=True)
