"""What stands in for the values that cannot be had here, for those who need no secrets."""

from collections.abc import Mapping
from typing import Any

from relay.config.yaml import UNKNOWN, Loc, Source, dotted

NEEDED = ("outbox",)
"""Nothing can stand in for these."""

_IN_PLACE: Mapping[str, str] = {
    "url": UNKNOWN,
    "secret": "unknown",
    "token": "unknown",
    "password": "an unknown password",
    "proxy": "none",
    "homeserver": UNKNOWN,
    "room": "!unknown",
    "channel": "C0",
}


def put_placeholders(source: Source) -> None:
    """Let a file be read whose variables and files of secrets are not all there."""
    paths = [path for path in source.absent if path[0] not in NEEDED]
    for path in paths:
        _put_placeholder(source.data, path)
    forgiven = {dotted(path) for path in paths}
    source.mistakes[:] = [one for one in source.mistakes if one.path not in forgiven]


def _put_placeholder(data: Any, path: Loc) -> None:
    holder, key = data, path[-1]
    for step in path[:-1]:
        holder = holder[step]
    name = key if isinstance(key, str) else str(path[-2])
    if (value := _IN_PLACE.get(name)) is None:
        if isinstance(holder, dict):
            del holder[key]  # its default does
    elif name == "token" and isinstance(holder, dict) and holder.get("type") == "slack":
        holder[key] = f"xoxb-{value}"
    else:
        holder[key] = value
