"""Whom a Slack message would notify, and which links it makes live."""

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.records import Payload

# https://docs.slack.dev/messaging/formatting-message-text#advanced
SPECIAL = re.compile(r"<!(channel|here|everyone)(?:\|[^<>]*)?>")
USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^<>]*)?>")
LINK = re.compile(r"<((?:https?:|mailto:)[^<>|]*)(?:\|[^<>]*)?>")
BARE_LINK = re.compile(r"(?<![<|\w])https?://[^\s<>|]+")
BARE_NAME = re.compile(r"(?<![\w.])@([a-z0-9][\w.-]*)")
MENTIONS = {"broadcast": "range", "user": "user_id", "usergroup": "usergroup_id"}


def pings(payload: Payload) -> set[str]:
    """
    Who would be notified: `channel`, `here`, `everyone`, user ids and user group ids.

    Text elements of rich_text are literal, plain_text too; mrkdwn and the top text are parsed.
    """
    found = set()
    for element in _objects(payload.get("blocks")):
        if element.get("type") in MENTIONS:
            found.add(str(element.get(MENTIONS[element["type"]])))
    for markup in _markup(payload):
        for pattern in (SPECIAL, USER, GROUP):
            found.update(pattern.findall(markup))
        # Slack makes mentions of bare names only when it is asked to.
        if payload.get("link_names") or payload.get("parse") == "full":
            found.update(BARE_NAME.findall(markup))
    return found


def links(payload: Payload) -> list[str]:
    """The URLs that a reader could click, in the order of the payload."""
    found: list[str] = []
    for markup in _markup(payload):
        found += LINK.findall(markup)
        found += BARE_LINK.findall(markup)
    for element in _objects(payload.get("blocks")):
        if element.get("type") in {"link", "date", "button"} and "url" in element:
            found.append(str(element["url"]))
    return found


def _markup(payload: Payload) -> Iterator[str]:
    if isinstance(payload.get("text"), str) and payload.get("mrkdwn") is not False:
        yield payload["text"]
    for element in _objects(payload.get("blocks")):
        if element.get("type") == "mrkdwn":
            yield str(element.get("text"))


def _objects(value: Any) -> Iterator[Payload]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)
