"""
Homeservers, rooms and tokens of Matrix, as people paste them.

Each check raises ValueError, which says what would be right and never shows the value.
"""

import importlib.util
import re
from urllib.parse import unquote

from relay.sinks.addresses import Kind, check_foreign, check_text, kind_of, pasted, split

TOKEN = "`relay matrix login` gets one of a session that only relay uses"  # noqa: S105
KEYS = "relaykeys1."
"""The beginning of the keys that ``relay matrix login`` writes."""
HOMESERVER = "should be the server's address, like https://matrix.example"
ROOM = "should be a room id (!abc:matrix.example) or alias (#ops:matrix.example)"

API = Kind("an address of a Matrix homeserver", "matrix", "homeserver", may_be_http=True)
KNOWN = (
    (r"(?:www\.)?matrix\.to/", Kind("a link to a Matrix room or user", "matrix", "room")),
    (
        r"(?:[\w-]+\.)*(?:element\.io|schildi\.chat|cinny\.in|fluffychat\.im|nheko\.im)/",
        Kind("the address of a Matrix client"),
    ),
    (r"[^/]*/+_(?:matrix|synapse)\b", API),
)
"""Kinds of addresses of Matrix, at any host; the first match counts."""
TOKENS = (r"(syt|mat|mct)_", "is a Matrix token: that belongs to a sink of type matrix")


def check_homeserver(address: str, *, allow_http: bool = False) -> None:
    if re.match(r"[@!#]", address):
        raise ValueError(f"is an account or a room: it {HOMESERVER}")
    parts = split(address, allow_http=allow_http)
    kind = kind_of(parts)
    if kind is not None and kind is not API:
        raise ValueError(kind.instead("matrix", f"it {HOMESERVER}"))
    if parts.fragment or re.match(r"/(?:login|register|client)\b", parts.path):
        raise ValueError(f"is the address of a client: it {HOMESERVER}")
    if kind is not None or "/.well-known" in parts.path:
        raise ValueError("has a path behind its host: take it off, relay adds its own")
    if parts.query:
        raise ValueError(f"has a ? behind it: it {HOMESERVER}")


def homeserver_doubt(address: str) -> str | None:
    """The warning for an address that is allowed, but that hardly any homeserver has."""
    parts = split(address, allow_http=True)
    if parts.path.strip("/"):
        return "has a path, and hardly any homeserver has one: is it the server's own address?"
    if parts.port == 8448:
        return "has the port of federation: clients mostly reach the server at another one"
    return None


def check_token(token: str) -> None:
    check_text(token)
    if (kind := pasted(token)) is not None:
        raise ValueError(kind.instead("matrix", TOKEN))
    if token.startswith(("@", "!", "#")):
        raise ValueError(f"is the name of an account or a room: {TOKEN}")
    if token.startswith(KEYS):
        raise ValueError("has the keys of relay's device, which belong under keys")
    if re.match(r"(syr|mar|mcr)_", token):
        raise ValueError(f"is a refresh token, not an access token: {TOKEN}")
    check_foreign(token, "matrix")
    if re.match(r"\W*access_token\W", token):
        raise ValueError("is more than the token: write what stands behind access_token alone")


def missing_extra() -> str | None:
    """How to install what encryption needs; None if it is installed."""
    if importlib.util.find_spec("vodozemac") is not None:
        return None
    return (
        "needs the extra [encryption]: pip install '.[encryption]' in the folder of relay's source"
    )


def check_keys(keys: str) -> None:
    check_text(keys)
    if not re.fullmatch(rf"{re.escape(KEYS)}[\w-]+=*", keys, re.ASCII):
        raise ValueError(
            "should be the keys of relay's device, as `relay matrix login` writes them"
        )


def check_room(room: str) -> None:
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
