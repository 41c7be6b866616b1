"""
Opens the envelope of a webhook, which is read before the event is stored. No I/O.

The intake answers by it, and ``misskey.parse`` begins with it: they never disagree on a body.
"""

import hashlib
import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from relay.errors import FormatError
from relay.misskey import fields as member
from relay.misskey.fields import Json
from relay.misskey.kinds import Part, kind_of
from relay.text.links import is_web

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ORIGIN = re.compile(r"https?://[\w.:\[\]-]{1,300}", re.I)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of an event, and its body, which has the parts that its kind needs."""

    event_id: str
    kind: str
    server: str
    """The origin of the server that it is from; empty if that is unknown."""
    created_at: int
    has_owner: bool
    """Whether it is for the owner of the hook; others are for moderators."""
    body: Json

    @property
    def note_id(self) -> str | None:
        """The id of the note that the event is about."""
        return member.identifier(member.mapping(self.body, "note"), "id") or None


def open_envelope(raw: bytes, *, server: str, now: int) -> Envelope:
    """
    Read the envelope of a body, and look for the parts that an event of its kind must have.

    ``server`` (an origin) and ``now`` (Unix milliseconds) stand in where old servers send none.
    Raises FormatError, and nothing else, whatever the bytes are.
    """
    source = _decoded(raw)
    kind = source.get("type")
    if not isinstance(kind, str) or not kind.strip() or not _is_name(kind):
        raise FormatError("not a Misskey event: it has no type")
    body, event_id, written = source.get("body"), source.get("eventId"), source.get("server")
    created_at = member.count(source, "createdAt")
    return Envelope(
        event_id=event_id
        if isinstance(event_id, str) and _is_name(event_id)
        else hashlib.sha256(raw).hexdigest(),
        kind=kind,
        server=server if written is None else origin(written),
        created_at=now if created_at is None else created_at,
        has_owner="userId" in source,
        body=_wrapped(body if isinstance(body, dict) else {}, kind),
    )


def origin(text: object) -> str:
    """An http(s) origin as Misskey writes it, without a slash at the end; empty if it is none."""
    return _origin(text) if isinstance(text, str) else ""


@lru_cache(256)
def _origin(text: str) -> str:
    url = text.rstrip("/").lower()
    return url if _ORIGIN.fullmatch(url) and is_web(url) else ""


def _wrapped(body: Json, kind: str) -> Json:
    """Put a bare note or user where it belongs; system events are bare by nature."""
    for name, sign in _needed(kind):
        if not isinstance(body.get(name), dict):
            if sign not in body:
                raise FormatError(f"not a Misskey event: a {kind} without a {name}")
            body = {name: body}
    return body


@lru_cache(256)
def _needed(kind: str) -> Sequence[tuple[str, str]]:
    """The objects that a kind needs, each with a member by which a bare one is known."""
    known = ((Part.NOTE, "note", "visibility"), (Part.USER, "user", "username"))
    return [(name, sign) for part, name, sign in known if part in kind_of(kind).body]


def _is_name(text: str) -> bool:
    """Whether a text can be a key in a database and a field of a log line."""
    return 0 < len(text) <= 100 and text.isprintable()


def _decoded(raw: bytes) -> Json:
    """
    The JSON object that a body is.

    msgspec is quick, and refuses more than we do: marks of byte order, halves of characters.
    """
    try:
        source = _quickly(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        source = _tolerantly(raw)
    if not isinstance(source, dict):
        raise FormatError("not a Misskey event: the body is not a JSON object")
    return source


_quickly = msgspec.json.Decoder().decode


def _tolerantly(raw: bytes) -> Any:
    try:
        text = raw.removeprefix(BOM_UTF8).decode()
        value = _JSON.decode(text)
        return _well_formed(value) if _SURROGATE.search(text) else value
    except UnicodeDecodeError:
        raise FormatError("not JSON: the body is not UTF-8") from None
    except RecursionError:
        raise FormatError("not a Misskey event: the JSON is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError("a number is too large")


_JSON = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _well_formed(value: Any) -> Any:
    """Replace halves of surrogate pairs: JSON can hold them, UTF-8 and databases cannot."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    return value
