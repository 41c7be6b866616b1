"""
What the addresses, tokens, channels and rooms of the vendors look like.

Each check raises ValueError, which says what would be right and never shows the value. Servers on
this machine may have addresses of any shape, and other hosts than the vendor's own those that
compatible servers have.
"""

import re
from urllib.parse import SplitResult, parse_qs, unquote

from relay.secret import Secret
from relay.sinks.addresses import (
    DISCORD_WEBHOOK,
    MATRIX_API,
    SLACK_API,
    SLACK_WEBHOOK,
    Kind,
    check_text,
    is_loopback,
    kind_of,
    split,
)
from relay.suggestion import nearest

DISCORD_URL = (
    "should be like https://discord.com/api/webhooks/ID/TOKEN: the channel's settings → "
    "Integrations → Webhooks → Copy Webhook URL"
)
SLACK_URL = (
    "should be like https://hooks.slack.com/services/T…/B…/…: api.slack.com/apps → the app → "
    "Incoming Webhooks → Copy"
)
SLACK_API_BASE = "https://slack.com/api/"
SLACK_TOKEN = "the Bot User OAuth Token (xoxb-…) is under the app's OAuth & Permissions"  # noqa: S105
SLACK_CHANNEL = (
    'should be the name of a channel with #, in quotes ("#general"), or its id, like C0123ABCD'
)
MATRIX_TOKEN = "Element has it under All settings → Help & About → Access Token"  # noqa: S105
HOMESERVER = "should be the server's address, like https://matrix.example"
ROOM = "should be a room id (!abc:matrix.example) or alias (#ops:matrix.example)"
THREAD = "should be the thread's id, a number in quotes: the last part of its link"

_DISCORD_HOSTS = ("discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com")
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_ALL_BUT = 0.8
"""How alike a host is that was all but certainly meant to be another."""

_WRONG_TOKENS = (
    (r"xapp-", "is an app-level token, which posts nothing"),
    (r"xoxp-", "is a person's token, in whose name relay would post"),
    (r"xoxe[.-]", "expires within hours: switch token rotation off"),
    (r"xox[a-z][.-](?<!xoxb-)", "is no bot's token"),
    (r"xwfp-", "is a workflow's token, which ends with it"),
    (r"[0-9a-f]{32}$", "is the app's secret, not a token"),
    (r"\d+\.\d+$", "is the app's client id, not a token"),
)


def discord_url(address: str, *, allow_http: bool = False) -> None:
    if re.fullmatch(r"[\w-]{20,}\.[\w-]{6}\.[\w-]{20,}", address):
        raise ValueError(f"is a bot's token: it {DISCORD_URL}")
    parts = split(address, allow_http=allow_http)
    if is_loopback(parts.hostname or ""):
        return
    kind = kind_of(parts)
    if kind is not None and kind is not DISCORD_WEBHOOK:
        raise ValueError(kind.instead("discord", f"it {DISCORD_URL}"))
    _check_host(parts, _DISCORD_HOSTS)
    found = re.fullmatch(r"(.*/)webhooks(?:/([^/]*))?(?:/([^/]*))?(/.*)?", parts.path)
    if found is None or (kind and not re.fullmatch(r"/api/(v\d+/)?", found[1])):
        raise ValueError(DISCORD_URL)
    _, number, token, rest = found.groups()
    if not re.fullmatch(r"[0-9]{1,20}", number or ""):
        raise ValueError(f"has no number behind /webhooks/: it {DISCORD_URL}")
    if not token:
        raise ValueError(f"lacks its last part, the token: it {DISCORD_URL}")
    if rest is not None and (end := rest.lower().rstrip("/")) in {"/slack", "/github"}:
        raise ValueError(f"ends with {end}, which takes others' messages: take {end} off")
    if rest is not None:
        what = "ends with a slash" if rest == "/" else "goes on behind the token"
        raise ValueError(f"{what}: take that off")
    _check_end(parts, token)


def slack_url(address: str, *, allow_http: bool = False) -> None:
    if re.match(r"xox|xapp-", address):
        raise ValueError("is a token: that belongs under token, together with channel")
    parts = split(address, allow_http=allow_http)
    if is_loopback(parts.hostname or ""):
        return
    kind = kind_of(parts)
    if kind is not None and kind is not SLACK_WEBHOOK:
        raise ValueError(kind.instead("slack", f"it {SLACK_URL}"))
    _check_host(parts, _SLACK_HOSTS)
    if re.search(r"/webhooks/\d+/[\w-]+(/slack|/github)?/?$", parts.path):
        raise ValueError(DISCORD_WEBHOOK.instead("slack", ""))
    if not parts.path.strip("/"):
        raise ValueError(SLACK_URL)
    if kind is None:
        return
    first, *others = parts.path.strip("/").split("/")
    if first != "services" or len(others) < 3:
        raise ValueError(f"lacks a part: it {SLACK_URL}")
    if len(others) > 3 or parts.path.endswith("/"):
        raise ValueError("goes on behind its last part, or ends with a slash: take that off")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in others):
        raise ValueError(f"has a character that no such address has: it {SLACK_URL}")
    if not others[-1].strip("X"):
        raise ValueError(f"is the one of Slack's documentation: it {SLACK_URL}")
    _check_end(parts, others[-1])


def slack_api(address: str, *, allow_http: bool = False) -> None:
    parts = split(address, allow_http=allow_http)
    kind = kind_of(parts)
    is_api = kind is SLACK_API and parts.path.strip("/") == "api" and not parts.query
    if kind is not None and not is_api:
        raise ValueError(f"is {kind.words}: leave it out, the default is {SLACK_API_BASE}")


def slack_token(token: str, *, is_slacks: bool = True) -> None:
    """Of Slack itself, or of a server that is compatible."""
    check_text(token)
    if (kind := pasted(token)) is not None:
        raise ValueError(kind.instead("slack", SLACK_TOKEN))
    for pattern, what in _WRONG_TOKENS:
        if re.match(pattern, token):
            raise ValueError(f"{what}: {SLACK_TOKEN}")
    if re.match(r"(syt|mat|mct)_", token):
        raise ValueError("is a Matrix token: that belongs to a sink of type matrix")
    if is_slacks and not token.startswith("xoxb-"):
        raise ValueError(f"is no bot's token: {SLACK_TOKEN}")


def slack_channel(channel: str) -> None:
    if "/" in channel:
        raise ValueError(f"is a link: it {SLACK_CHANNEL}, the last part of that link")
    if not re.fullmatch(r"[CGDUW][A-Z0-9]{1,20}|#[^\s#@<>|,A-Z\"']{1,80}", channel):
        raise ValueError(SLACK_CHANNEL)


def homeserver(address: str, *, allow_http: bool = False) -> None:
    if re.match(r"[@!#]", address):
        raise ValueError(f"is an account or a room: it {HOMESERVER}")
    parts = split(address, allow_http=allow_http)
    kind = kind_of(parts)
    if kind is not None and kind is not MATRIX_API:
        raise ValueError(kind.instead("matrix", f"it {HOMESERVER}"))
    if parts.fragment or re.match(r"/(?:login|register|client)\b", parts.path):
        raise ValueError(f"is the address of a client: it {HOMESERVER}")
    if kind is not None or "/.well-known" in parts.path:
        raise ValueError("has a path behind its host: take it off, relay adds its own")
    if parts.query:
        raise ValueError(f"has a ? behind it: it {HOMESERVER}")


def homeserver_doubt(address: str) -> str | None:
    """What is allowed, but hardly any homeserver has."""
    parts = split(address, allow_http=True)
    if parts.path.strip("/"):
        return "has a path, and hardly any homeserver has one: is it the server's own address?"
    if parts.port == 8448:
        return "has the port of federation: clients mostly reach the server at another one"
    return None


def matrix_token(token: str) -> None:
    check_text(token)
    if (kind := pasted(token)) is not None:
        raise ValueError(kind.instead("matrix", MATRIX_TOKEN))
    if token.startswith(("@", "!", "#")):
        raise ValueError(f"is the name of an account or a room: {MATRIX_TOKEN}")
    if re.match(r"(syr|mar|mcr)_", token):
        raise ValueError(f"is a refresh token, not an access token: {MATRIX_TOKEN}")
    if re.match(r"xox|xapp-", token):
        raise ValueError("is a Slack token: that belongs to a sink of type slack")
    if re.match(r"\W*access_token\W", token):
        raise ValueError("is more than the token: write what stands behind access_token alone")


def matrix_room(room: str) -> None:
    text = unquote(room)
    if "matrix.to/" in text or text.startswith("matrix:") or "://" in text:
        raise ValueError(f"is a link: it {ROOM}, the part behind #/")
    if room.startswith("@"):
        raise ValueError(f"is a user's id: it {ROOM}")
    if room.startswith(("%21", "%23")):
        raise ValueError(f"is percent-encoded: it {ROOM}")
    if room[:1] not in {"!", "#"} or (room[0] == "#" and ":" not in room):
        raise ValueError(ROOM)
    if re.search(r"[\s,;\"'<>]|\?via=", room):
        raise ValueError(f"has something behind it: it {ROOM}")


def thread_in(address: Secret) -> str | None:
    """The ``thread_id`` of a webhook's address itself."""
    query = address.reveal().partition("?")[2].partition("#")[0]
    try:
        return parse_qs(query).get("thread_id", [None])[-1]
    except ValueError:
        return None


def pasted(text: str) -> Kind | None:
    """What a key is if it is an address."""
    if not re.match(r"(?i)https?://", text):
        return None
    try:
        return kind_of(split(text, allow_http=True)) or Kind("an address")
    except ValueError:
        return Kind("an address")


def _check_host(parts: SplitResult, hosts: tuple[str, ...]) -> None:
    """Not one that is all but the vendor's: what is sent there would be in wrong hands."""
    host = parts.hostname or ""
    if host in hosts:
        return
    if near := nearest(host, hosts, cutoff=_ALL_BUT):
        raise ValueError(f"names a host that is not the vendor's: did you mean {near}?")


def _check_end(parts: SplitResult, token: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", token):
        raise ValueError("has a character in its token that no token has: copy it again")
    if parts.fragment:
        raise ValueError("has a # behind it: take that off")
