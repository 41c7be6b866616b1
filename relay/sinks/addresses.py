"""
Addresses and keys as people paste them: what is wrong with the text, and what it points to.

No error shows the text, because it is a key; it says what would be right instead.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

ALLOW_HTTP = "set allow_http: true beside it if the way there is your own (a LAN, a container)"
_INVISIBLE = re.compile(r"[^\x20-\x7e]")
_ENDS = re.compile(r"^[\"'`<(\[{“”‘’«]|[\"'`>)}“”‘’»,;]$")


@dataclass(frozen=True, slots=True)
class Kind:
    """What an address is known to be: ``type`` and ``key`` are where it belongs, if anywhere."""

    words: str
    type: str = ""
    key: str = "url"
    own: str = "that belongs under {key}"
    """What to say where it is of the right vendor, and under the wrong key."""

    def instead(self, type_: str, right: str) -> str:
        """What to say in a sink of a type where another thing is wanted; ``right`` is like what."""
        if self.type == type_:
            return f"is {self.words}: {self.own.format(key=self.key)}"
        if self.type:
            return f"is {self.words}: that belongs to a sink of type {self.type}, under {self.key}"
        return f"is {self.words}: {right}"


DISCORD_WEBHOOK = Kind("the address of a Discord webhook", "discord")
SLACK_WEBHOOK = Kind("the address of a Slack webhook", "slack")
SLACK_API = Kind(
    "an address of Slack's API", "slack", "api_base", "it takes token and channel instead"
)
MATRIX_API = Kind("an address of a Matrix homeserver", "matrix", "homeserver")

_DISCORD = r"(?:[\w-]+\.)*discord(?:app)?\.com(?::443)?"
_SLACK = r"(?:[\w-]+\.)*slack(?:-gov)?\.com(?::443)?"
_KNOWN = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (rf"{_DISCORD}/+api/+(?:v\d+/+)?webhooks\b", DISCORD_WEBHOOK),
        (rf"{_DISCORD}/+channels/", Kind("a link to a Discord channel")),
        (
            rf"(?:[\w-]+\.)*discord\.(?:gg|me|io)/|{_DISCORD}/+invite/",
            Kind("an invitation to a Discord server"),
        ),
        (rf"{_DISCORD}/+api/", Kind("an address of Discord's API for bots")),
        (rf"{_DISCORD}/", Kind("a page of Discord")),
        (rf"hooks\.{_SLACK}/+(?:workflows|triggers)\b", Kind("the trigger of a Slack workflow")),
        (rf"hooks\.{_SLACK}/", SLACK_WEBHOOK),
        (rf"{_SLACK}/+api\b", SLACK_API),
        (rf"{_SLACK}/+(?:archives|client|messages)/", Kind("a link to a Slack channel")),
        (rf"{_SLACK}/", Kind("a page of Slack")),
        (r"(?:www\.)?matrix\.to/", Kind("a link to a Matrix room or user", "matrix", "room")),
        (
            r"(?:[\w-]+\.)*(?:element\.io|schildi\.chat|cinny\.in|fluffychat\.im|nheko\.im)/",
            Kind("the address of a Matrix client"),
        ),
        (r"[^/]*/+_(?:matrix|synapse)\b", MATRIX_API),
        (
            r"(?:[\w-]+\.)*(?:webhook\.office\.com|logic\.azure\.com|powerplatform\.com)(?::\d+)?/",
            Kind("the address of a Microsoft Teams webhook"),
        ),
        (r"chat\.googleapis\.com/", Kind("the address of a Google Chat webhook")),
        (r"api\.telegram\.org/", Kind("an address of Telegram's API")),
    )
)


def kind_of(parts: SplitResult) -> Kind | None:
    """What the known addresses of vendors are; the first that fits counts."""
    place = f"{parts.netloc.rpartition('@')[2]}{parts.path or '/'}"
    return next((kind for pattern, kind in _KNOWN if pattern.match(place)), None)


def check_text(text: str) -> None:
    """Raises ValueError for what comes along when people copy: blanks, quotes, commas."""
    if text != text.strip():
        raise ValueError("has a blank at its beginning or end: take it off")
    if re.match(r"(?i)bearer\b|authorization\b", text):
        raise ValueError("is written without Bearer: relay itself says that")
    if re.search(r"<[\w -]+>|\{[\w -]+\}", text):
        raise ValueError("has a placeholder in it, as in an example: write what it stands for")
    if found := _ENDS.search(text):
        raise ValueError(f"has a {_named(found[0])} around it or at its end: take it off")
    if found := re.search(r"\s", text):
        raise ValueError("has a blank in it: were two things copied?")
    if found := _INVISIBLE.search(text):
        raise ValueError(f"has a character that no key has (U+{ord(found[0]):04X}): copy it again")


def _named(letter: str) -> str:
    return {",": "comma", ";": "semicolon"}.get(
        letter, "bracket" if letter in "<>()[]{}" else "quote"
    )


def split(address: str, *, allow_http: bool) -> SplitResult:
    """
    The parts of an https address, or of an http one on this machine.

    Raises ValueError, which never shows the address.
    """
    check_text(address)
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"https", "http"} or not host:
        lacks = re.match(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)", address)
        raise ValueError(
            "lacks its beginning: https://"
            if lacks and "://" not in address
            else "is not a URL: it should begin with https://"
        )
    if "@" in parts.netloc:
        raise ValueError("has a name or a password before its host: take it out")
    if parts.scheme == "http" and not is_loopback(host):
        kind = kind_of(parts)
        if kind is not None and kind is not MATRIX_API:
            raise ValueError("must be https: this vendor has no other")
        if not allow_http:
            told = "must be https: over http anybody on the way could read it"
            raise ValueError(f"{told}; {ALLOW_HTTP}")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
