"""
Slack's addresses, tokens and channels, as people paste them.

Each check raises ValueError, which says what would be right and never shows the value. Servers on
this machine may have addresses of any shape, and other hosts than the vendor's own those that
compatible servers have.
"""

import re

from relay.sinks.addresses import (
    Kind,
    check_end,
    check_foreign,
    check_host,
    check_text,
    is_loopback,
    kind_by_path,
    kind_of,
    pasted,
    split,
)

URL = (
    "should be like https://hooks.slack.com/services/T…/B…/…: api.slack.com/apps → the app → "
    "Incoming Webhooks → Copy"
)
API_BASE = "https://slack.com/api/"
TOKEN = "the Bot User OAuth Token (xoxb-…) is under the app's OAuth & Permissions"  # noqa: S105
CHANNEL = (
    'should be the name of a channel with #, in quotes ("#general"), or its id, like C0123ABCD'
)

WEBHOOK = Kind("the address of a Slack webhook", "slack")
API = Kind("an address of Slack's API", "slack", "api_base", "it takes token and channel instead")
_HOST = r"(?:[\w-]+\.)*slack(?:-gov)?\.com(?::443)?"
KNOWN = (
    (rf"hooks\.{_HOST}/+(?:workflows|triggers)\b", Kind("the trigger of a Slack workflow")),
    (rf"hooks\.{_HOST}/", WEBHOOK),
    (rf"{_HOST}/+api\b", API),
    (rf"{_HOST}/+(?:archives|client|messages)/", Kind("a link to a Slack channel")),
    (rf"{_HOST}/", Kind("a page of Slack")),
)
"""Kinds of addresses at Slack's hosts; the first match counts."""
TOKENS = (r"xox|xapp-", "is a Slack token: that belongs to a sink of type slack")
_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")

_WRONG_TOKENS = (
    (r"xapp-", "is an app-level token, which posts nothing"),
    (r"xoxp-", "is a person's token, in whose name relay would post"),
    (r"xoxe[.-]", "expires within hours: switch token rotation off"),
    (r"xox[a-z][.-](?<!xoxb-)", "is no bot's token"),
    (r"xwfp-", "is a workflow's token, which ends with it"),
    (r"[0-9a-f]{32}$", "is the app's secret, not a token"),
    (r"\d+\.\d+$", "is the app's client id, not a token"),
)


def check_url(address: str, *, allow_http: bool = False) -> None:
    if re.match(r"xox|xapp-", address):
        raise ValueError("is a token: that belongs under token, together with channel")
    parts = split(address, allow_http=allow_http)
    if is_loopback(parts.hostname or ""):
        return
    kind = kind_of(parts)
    if kind is not None and kind is not WEBHOOK:
        raise ValueError(kind.instead("slack", f"it {URL}"))
    check_host(parts, _HOSTS)
    if (other := kind_by_path(parts)) is not None:
        raise ValueError(other.instead("slack", ""))
    if not parts.path.strip("/"):
        raise ValueError(URL)
    if kind is None:
        return
    first, *others = parts.path.strip("/").split("/")
    if first != "services" or len(others) < 3:
        raise ValueError(f"lacks a part: it {URL}")
    if len(others) > 3 or parts.path.endswith("/"):
        raise ValueError("goes on behind its last part, or ends with a slash: take that off")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in others):
        raise ValueError(f"has a character that no such address has: it {URL}")
    if not others[-1].strip("X"):
        raise ValueError(f"is the one of Slack's documentation: it {URL}")
    check_end(parts, others[-1])


def check_api_base(address: str, *, allow_http: bool = False) -> None:
    parts = split(address, allow_http=allow_http)
    kind = kind_of(parts)
    is_api = kind is API and parts.path.strip("/") == "api" and not parts.query
    if kind is not None and not is_api:
        raise ValueError(f"is {kind.words}: leave it out, the default is {API_BASE}")


def check_token(token: str, *, is_slacks: bool = True) -> None:
    """Of Slack itself, or of a server that is compatible."""
    check_text(token)
    if (kind := pasted(token)) is not None:
        raise ValueError(kind.instead("slack", TOKEN))
    for pattern, what in _WRONG_TOKENS:
        if re.match(pattern, token):
            raise ValueError(f"{what}: {TOKEN}")
    check_foreign(token, "slack")
    if is_slacks and not token.startswith("xoxb-"):
        raise ValueError(f"is no bot's token: {TOKEN}")


def check_channel(channel: str) -> None:
    if "/" in channel:
        raise ValueError(f"is a link: it {CHANNEL}, the last part of that link")
    if not re.fullmatch(r"[CGDUW][A-Z0-9]{1,20}|#[^\s#@<>|,A-Z\"']{1,80}", channel):
        raise ValueError(CHANNEL)
