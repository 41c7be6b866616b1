"""
Recognizes addresses and keys as people paste them, and reports mistakes in their text.

No error shows the text, because it is a key; it describes the right one instead.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from relay.suggestion import nearest

ALLOW_HTTP = "set allow_http: true next to it if the way there is your own (a LAN, a container)"
_INVISIBLE = re.compile(r"[^\x20-\x7e]")
_ALL_BUT = 0.8
"""How alike a host is that was all but certainly meant to be another."""
_ENDS = re.compile(r"^[\"'`<(\[{“”‘’«]|[\"'`>)}“”‘’»,;]$")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of address, which belongs under ``key`` in sinks of this ``type``, if any."""

    words: str
    type: str = ""
    key: str = "url"
    own: str = "that belongs under {key}"
    """The advice for an address of the right vendor under the wrong key."""
    may_be_http: bool = False
    """Whether self-hosted servers have it, which may be reached over http."""
    path: re.Pattern[str] | None = None
    """Matches the path of such an address on compatible servers."""

    def instead(self, type_: str, right: str) -> str:
        """The error for this address in sinks of ``type_``; ``right`` describes the right one."""
        if self.type == type_:
            return f"is {self.words}: {self.own.format(key=self.key)}"
        if self.type:
            return f"is {self.words}: that belongs to a sink of type {self.type}, under {self.key}"
        return f"is {self.words}: {right}"


_SERVICES = (
    (
        r"(?:[\w-]+\.)*(?:webhook\.office\.com|logic\.azure\.com|powerplatform\.com)(?::\d+)?/",
        Kind("the address of a Microsoft Teams webhook"),
    ),
    (r"chat\.googleapis\.com/", Kind("the address of a Google Chat webhook")),
    (r"api\.telegram\.org/", Kind("an address of Telegram's API")),
)
"""Services for which relay has no sink."""
_KNOWN = [(re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _SERVICES]
_TOKENS: dict[str, tuple[re.Pattern[str], str]] = {}


def register(
    type_: str, known: Iterable[tuple[str, Kind]], tokens: tuple[str, str] | None = None
) -> None:
    """
    Register a vendor's addresses and tokens, so that the other vendors recognize them.

    ``relay.sinks`` does so once for each vendor: vendors do not know each other.
    """
    _KNOWN.extend((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in known)
    if tokens is not None:
        _TOKENS[type_] = re.compile(tokens[0]), tokens[1]


def kind_of(parts: SplitResult) -> Kind | None:
    """The kind of an address, or None if it is not known; the first match counts."""
    place = f"{parts.netloc.rpartition('@')[2]}{parts.path or '/'}"
    return next((kind for pattern, kind in _KNOWN if pattern.match(place)), None)


def kind_by_path(parts: SplitResult) -> Kind | None:
    """The kind of an address at an unknown host, by its path alone."""
    kinds = (kind for _, kind in _KNOWN if kind.path and kind.path.match(parts.path))
    return next(kinds, None)


def pasted(text: str) -> Kind | None:
    """The kind of address that was pasted in place of a key; None if it is not an address."""
    if not re.match(r"(?i)https?://", text):
        return None
    try:
        return kind_of(split(text, allow_http=True)) or Kind("an address")
    except ValueError:
        return Kind("an address")


def check_foreign(token: str, type_: str) -> None:
    """Raises ValueError for a token of another vendor than that of a sink of this type."""
    for other, (pattern, words) in _TOKENS.items():
        if other != type_ and pattern.match(token):
            raise ValueError(words)


def check_host(parts: SplitResult, hosts: tuple[str, ...]) -> None:
    """Raise ValueError for a host that nearly equals one of the vendor's: a trap, or a typo."""
    host = parts.hostname or ""
    if host in hosts:
        return
    if near := nearest(host, hosts, cutoff=_ALL_BUT):
        raise ValueError(f"names a host that is not the vendor's: did you mean {near}?")


def check_end(parts: SplitResult, token: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", token):
        raise ValueError("has a character in its token that no token has: copy it again")
    if parts.fragment:
        raise ValueError("has a # behind it: take that off")


def check_text(text: str) -> None:
    """Raise ValueError for characters that are copied along: blanks, quotes, commas."""
    if text != text.strip():
        raise ValueError("has a blank at its beginning or end: take it off")
    if re.match(r"(?i)bearer\b|authorization\b", text):
        raise ValueError("is written without Bearer: relay itself says that")
    if re.search(r"<[\w -]+>|\{[\w -]+\}", text):
        raise ValueError("has a placeholder in it, as in an example: write what it stands for")
    if match := _ENDS.search(text):
        raise ValueError(f"has a {_character_name(match[0])} around it or at its end: take it off")
    if match := re.search(r"\s", text):
        raise ValueError("has a blank in it: were two things copied?")
    if match := _INVISIBLE.search(text):
        raise ValueError(f"has a character that no key has (U+{ord(match[0]):04X}): copy it again")


def _character_name(letter: str) -> str:
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
        if kind is not None and not kind.may_be_http:
            raise ValueError("must be https: this vendor has no other")
        if not allow_http:
            problem = "must be https: over http anybody on the way could read it"
            raise ValueError(f"{problem}; {ALLOW_HTTP}")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
