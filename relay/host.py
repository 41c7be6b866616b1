"""Names of hosts, read as nothing but that."""

import re

LONGEST = 253  # characters
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def host_name(text: str) -> str | None:
    """
    The name of a host as DNS has it, in small ASCII letters; None if the text is any other thing.

    An IP address is none, and neither is a name with a port, a user or a path.
    """
    try:
        found = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = found.split(".")
    if len(found) > LONGEST or not all(map(_LABEL.fullmatch, labels)):
        return None
    # As a number browsers and systems take it for an address: 127.1, 0x7f000001, 2130706433.
    return None if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]) else found
