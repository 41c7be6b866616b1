"""
The addresses of Discord's webhooks, as people paste them.

Each check raises ValueError, which says what would be right and never shows the value. Servers on
this machine may have addresses of any shape, and other hosts than the vendor's own those that
compatible servers have.
"""

import re
from urllib.parse import parse_qs

from relay.secret import Secret
from relay.sinks.addresses import (
    Kind,
    check_end,
    check_host,
    is_loopback,
    kind_of,
    split,
)

URL = (
    "should be like https://discord.com/api/webhooks/ID/TOKEN: the channel's settings → "
    "Integrations → Webhooks → Copy Webhook URL"
)
THREAD = "should be the thread's id, a number in quotes: the last part of its link"

WEBHOOK = Kind(
    "the address of a Discord webhook",
    "discord",
    path=re.compile(r".*/webhooks/\d+/[\w-]+(/slack|/github)?/?$"),
)
_HOST = r"(?:[\w-]+\.)*discord(?:app)?\.com(?::443)?"
KNOWN = (
    (rf"{_HOST}/+api/+(?:v\d+/+)?webhooks\b", WEBHOOK),
    (rf"{_HOST}/+channels/", Kind("a link to a Discord channel")),
    (
        rf"(?:[\w-]+\.)*discord\.(?:gg|me|io)/|{_HOST}/+invite/",
        Kind("an invitation to a Discord server"),
    ),
    (rf"{_HOST}/+api/", Kind("an address of Discord's API for bots")),
    (rf"{_HOST}/", Kind("a page of Discord")),
)
"""Kinds of addresses at Discord's hosts; the first match counts."""
_HOSTS = ("discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com")


def check_url(address: str, *, allow_http: bool = False) -> None:
    if re.fullmatch(r"[\w-]{20,}\.[\w-]{6}\.[\w-]{20,}", address):
        raise ValueError(f"is a bot's token: it {URL}")
    parts = split(address, allow_http=allow_http)
    if is_loopback(parts.hostname or ""):
        return
    kind = kind_of(parts)
    if kind is not None and kind is not WEBHOOK:
        raise ValueError(kind.instead("discord", f"it {URL}"))
    check_host(parts, _HOSTS)
    match = re.fullmatch(r"(.*/)webhooks(?:/([^/]*))?(?:/([^/]*))?(/.*)?", parts.path)
    if match is None or (kind and not re.fullmatch(r"/api/(v\d+/)?", match[1])):
        raise ValueError(URL)
    _, number, token, rest = match.groups()
    if not re.fullmatch(r"[0-9]{1,20}", number or ""):
        raise ValueError(f"has no number behind /webhooks/: it {URL}")
    if not token:
        raise ValueError(f"lacks its last part, the token: it {URL}")
    if rest is not None and (end := rest.lower().rstrip("/")) in {"/slack", "/github"}:
        raise ValueError(f"ends with {end}, which takes others' messages: take {end} off")
    if rest is not None:
        what = "ends with a slash" if rest == "/" else "goes on behind the token"
        raise ValueError(f"{what}: take that off")
    check_end(parts, token)


def thread_in(address: Secret) -> str | None:
    """The ``thread_id`` of a webhook's address itself."""
    query = address.reveal().partition("?")[2].partition("#")[0]
    try:
        return parse_qs(query).get("thread_id", [None])[-1]
    except ValueError:
        return None
