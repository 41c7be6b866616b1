"""Summaries of events for lists: the author and a line of text."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

from relay import misskey
from relay.errors import FormatError
from relay.model import Event, Note
from relay.outcome import Delivery
from relay.text.links import is_web
from relay.text.tree import clean

LENGTH = 160  # characters of a text in a list
CACHED = 1024  # summaries, because the same lists are rendered again and again
SMALL = 16_384  # bytes; larger events are not cached


@dataclass(frozen=True, slots=True)
class Summary:
    """The author of an event, and a line of its text."""

    author: str = ""
    text: str = ""


def summarize(delivery: Delivery) -> Summary:
    summary = _summary if len(delivery.raw) <= SMALL else _summary.__wrapped__
    return summary(delivery.raw, delivery.hook, delivery.server, delivery.accepted_at)


@lru_cache(CACHED)
def _summary(raw: bytes, hook: str, server: str, accepted_at: int) -> Summary:
    event = _event(raw, hook, server, accepted_at)
    if event is None:
        return Summary()
    author = event.author
    name = f"@{author.acct}" if author is not None and author.username else ""
    return Summary(_line(name), _line(_text(event)))


def _event(raw: bytes, hook: str, server: str, accepted_at: int) -> Event | None:
    """The event; None if another version of relay stored it, and this one cannot read it."""
    try:
        return misskey.parse(raw, hook=hook, server=server, now=accepted_at)
    except FormatError:
        return None


def readable(raw: bytes) -> str:
    """The body of a webhook as indented JSON."""
    try:
        text = json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = raw.decode(errors="replace")
    return clean(text)


_JSON = re.compile(
    r'(?P<k>"(?:\\.|[^"\\\n])*"(?=:))|(?P<s>"(?:\\.|[^"\\\n])*")|(?P<n>-?\d[\d.eE+-]*)'
    r"|(?P<l>true|false|null)"
)


def coloured(text: str) -> Markup:
    """JSON as HTML, with classes for its keys, texts, numbers and literals."""
    pieces, at = list[Markup](), 0
    for match in _JSON.finditer(text):
        pieces.append(escape(text[at : match.start()]))
        pieces.append(Markup('<span class="{}">{}</span>').format(match.lastgroup, match[0]))
        at = match.end()
    return Markup().join((*pieces, escape(text[at:])))


def note_url(delivery: Delivery) -> str:
    """The page of the event's note; empty if it has none."""
    event = _event(delivery.raw, delivery.hook, delivery.server, delivery.accepted_at)
    url = None if event is None or event.note is None else event.note.url
    return url if url and is_web(url) else ""


def _text(event: Event) -> str:
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
    line = " ".join(clean(text[: LENGTH * 2]).split())
    return line if len(line) <= LENGTH else f"{line[:LENGTH]}…"
