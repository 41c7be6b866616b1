"""Events and their deliveries in a few words, as lists show them."""

import json
from dataclasses import dataclass
from functools import lru_cache

from relay import misskey
from relay.errors import FormatError
from relay.model import Event, Note
from relay.outcome import Delivery
from relay.text.tree import clean

LENGTH = 160  # characters of a text in a list
KEPT = 1024  # events whose words are kept, for lists that are shown again and again
SMALL = 16_384  # bytes; larger ones are not kept


@dataclass(frozen=True, slots=True)
class Told:
    """Who did something, and what they said."""

    who: str = ""
    what: str = ""


def told(delivery: Delivery) -> Told:
    look = _told if len(delivery.raw) <= SMALL else _told.__wrapped__
    return look(delivery.raw, delivery.hook, delivery.server, delivery.accepted_at)


@lru_cache(KEPT)
def _told(raw: bytes, hook: str, server: str, accepted_at: int) -> Told:
    event = _event(raw, hook, server, accepted_at)
    if event is None:
        return Told()
    author = event.author
    who = f"@{author.acct}" if author is not None and author.username else ""
    return Told(_line(who), _line(_words(event)))


def _event(raw: bytes, hook: str, server: str, accepted_at: int) -> Event | None:
    """None: it was stored by a version that could read it."""
    try:
        return misskey.parse(raw, hook=hook, server=server, now=accepted_at)
    except FormatError:
        return None


def written(raw: bytes) -> str:
    """The body of a webhook, for people to read."""
    try:
        text = json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = raw.decode(errors="replace")
    return clean(text)


def _words(event: Event) -> str:
    if event.report is not None:
        return event.report.comment or ""
    if event.note is None:
        return "" if event.contact is None else event.contact.subject or ""
    return " ".join(filter(None, (event.reaction, _note(event.note))))


def _note(note: Note) -> str:
    invited = None if note.event is None else f"📅 {note.event.title or ''}".strip()
    own = " ".join(filter(None, (note.cw and f"[{note.cw}]", note.text, invited)))
    if own or note.renote_id is None:
        return own or "📎" * len(note.files) or "📊" * (note.poll is not None)
    return f"♻ {'🗑️' if note.renote is None else _note(note.renote)}"


def _line(text: str) -> str:
    shown = " ".join(clean(text[: LENGTH * 2]).split())
    return shown if len(shown) <= LENGTH else f"{shown[:LENGTH]}…"
