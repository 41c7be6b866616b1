"""
Misskey's wire format: headers and bytes in, an ``Event`` or an error out. No I/O.

There is no specification; this was measured on Misskey 2024.10 to 2026.6, CherryPick, MisskeyIO
and Sharkey, and read in the source of Iceshrimp-JS, Firefish, Catodon and Calckey. A body has
``note`` or ``user``, or is bare; only the test button of old servers sends a bare note or user.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from relay.errors import SecretError
from relay.misskey import entities as entity
from relay.misskey import fields as member
from relay.misskey.entities import Reader
from relay.misskey.envelope import open_envelope, origin
from relay.misskey.fields import Json
from relay.misskey.kinds import EventKind, Part, kind_of
from relay.misskey.notifications import PRIVATE
from relay.model import AbuseReport, Event, Note, User
from relay.secret import Secret

REACTIONS = 10
"""The most kinds of reactions to a note that a message names."""
_SECRET_HEADER = re.compile(r"X-([A-Za-z0-9]+)-Hook-Secret", re.I)
"""``X-Misskey-Hook-Secret``; forks write their own name: Iceshrimp, Firefish, Catodon, Calckey."""


def authenticate(headers: Mapping[str, str], secrets: Iterable[Secret]) -> None:
    """
    Accept a request that has one of ``secrets``, in constant time.

    Several headers must have the same secret: one request is one guess. Raises SecretError.
    """
    # Misskey sends the secret itself, no signature: so not "verify".
    values = {_bytes(value, "utf-8") for name, value in headers.items() if _fork(name)}
    sent = values.pop() if len(values) == 1 else b""
    digest = _digest(sent)
    known = [form for secret in secrets for form in _digests(secret)]
    matches = [hmac.compare_digest(digest, form) for form in known]
    if not sent or not any(matches):
        raise SecretError(
            "wrong or missing secret in X-Misskey-Hook-Secret"
            " (in forks X-Iceshrimp-Hook-Secret, X-Firefish-Hook-Secret, ...)"
        )


def sender(headers: Mapping[str, str], *, expected: str = "") -> str:
    """
    The origin of the server that a request names next to its secret; empty if it names none.

    ``expected`` is returned as it is if the request names that host, or no host. Forks and old
    servers name themselves here only, without a scheme. ``headers`` ignore case.
    """
    forks = filter(None, map(_fork, headers))
    hosts = (headers.get(f"X-{fork}-Host", "").strip() for fork in forks)
    host = next(filter(None, hosts), "")
    if expected and (not host or _ascii(host) == _ascii(expected.partition("://")[2])):
        return expected
    return origin(f"https://{host}")


@lru_cache(256)
def _fork(header: str) -> str | None:
    """The name of the software in the name of a header with a secret."""
    match = _SECRET_HEADER.fullmatch(header)
    return None if match is None else match[1]


@lru_cache(256)
def _ascii(host: str) -> str:
    """A host in punycode, as servers write it; people use their own letters."""
    try:
        return host.lower().encode("idna").decode()
    except UnicodeError:
        return host.lower()


@lru_cache(256)
def _digests(secret: Secret) -> frozenset[bytes]:
    """
    The digests of a secret in each encoding in which it may arrive.

    Node.js sends the characters of latin-1 as single bytes.
    """
    forms = (_bytes(secret.reveal(), encoding) for encoding in ("utf-8", "latin-1"))
    return frozenset(map(_digest, forms))


def _bytes(text: str, encoding: str) -> bytes:
    """Encoded, without the blanks that HTTP strips; empty if the text has no such bytes."""
    try:
        # surrogateescape: aiohttp hands on header bytes that are not UTF-8 in that form.
        return text.encode(encoding, "surrogateescape").strip()
    except UnicodeEncodeError:
        return b""


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()  # one length for all: the comparison leaks nothing of it


def parse(raw: bytes, *, hook: str, server: str = "", now: int = 0) -> Event:
    """
    Read the body of a webhook.

    ``server`` (an origin) and ``now`` (Unix milliseconds) stand in where old servers send none.
    Raises FormatError, and nothing else, whatever the bytes are.
    """
    envelope = open_envelope(raw, server=server, now=now)
    body, row = envelope.body, kind_of(envelope.kind)
    reader = Reader(server=envelope.server, now=envelope.created_at)
    note, user = _note(body, reader), _user(body, row, reader)
    report = _report(body, reader) if Part.REPORT in row.body else None
    parts: list[Note | User | AbuseReport] = [
        part for part in (note, user, report) if part is not None
    ]
    return Event(
        id=envelope.event_id,
        hook=hook,
        kind=envelope.kind,
        created_at=envelope.created_at,
        server=envelope.server,
        note=note,
        user=user,
        report=report,
        reaction=_reaction(body) if Part.REACTION in row.body else None,
        reactions=_reactions(body, note) if Part.REACTION in row.body else {},
        contact=entity.contact(body) if Part.CONTACT_FORM in row.body else None,
        remaining_time=entity.remaining_time(body) if Part.REMAINING_TIME in row.body else None,
        resolver=_resolver(body),
        details={} if parts else member.details(body),
        # An event for the owner of the hook has a note or a user; any other is for moderators.
        is_moderation=row.is_moderation
        or envelope.kind in PRIVATE
        or not envelope.has_owner
        or (note is None and user is None),
        is_test=any(part.id.startswith("dummy-") for part in parts),
    )


def _note(body: Json, reader: Reader) -> Note | None:
    note = body.get("note")
    return reader.note(note) if isinstance(note, dict) else None


def _user(body: Json, row: EventKind, reader: Reader) -> User | None:
    user = body.get("user")
    if Part.REACTION in row.body and not isinstance(user, dict):
        user = member.mapping(body, "reaction").get("user")
    return reader.user(user) if isinstance(user, dict) else None


def _reactions(body: Json, note: Note | None) -> Mapping[str, int]:
    """The highest totals, for an event that relay made of the reactions since it last asked."""
    if note is None or not member.items(body, "reactions"):
        return {}
    totals = sorted(note.reactions.items(), key=lambda total: -total[1])[:REACTIONS]
    return {emoji.replace("@.:", ":"): number for emoji, number in totals}


def _reaction(body: Json) -> str | None:
    """The emoji: bare, or in an object with the user (Iceshrimp-JS, Firefish)."""
    emoji = member.text(body, "reaction")
    emoji = emoji or member.text(member.mapping(body, "reaction"), "emojiName")
    return emoji and emoji.replace("@.:", ":")  # "@.": of the server itself


def _report(body: Json, reader: Reader) -> AbuseReport:
    report = body.get("report")
    return reader.report(report if isinstance(report, dict) else body)


def _resolver(body: Json) -> str | None:
    resolver = body.get("resolver")
    return member.text(resolver, "name") if isinstance(resolver, dict) else None
