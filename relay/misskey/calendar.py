"""Reads the calendar event of a note of CherryPick, a https://schema.org/Event."""

from relay.misskey.fields import Json, mapping, moment, name, text, web_url, words
from relay.model import CalendarEvent

ADDRESS = ("streetAddress", "addressLocality", "addressRegion", "addressCountry")


def calendar_event(source: Json) -> CalendarEvent:
    """Servers write places and organizers as texts or as objects."""
    about = mapping(source, "metadata")
    return CalendarEvent(
        title=name(source, "title") or name(about, "name"),
        start=moment(source, "start"),
        end=moment(source, "end"),
        location=_text_of(about.get("location")),
        url=web_url(about, "url"),
        organizer=_text_of(about.get("organizer")),
    )


def _text_of(value: object) -> str | None:
    """A text on one line, or the name and address of an object, or else its page."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if not isinstance(value, dict):
        return " ".join((words(value) or "").split()) or None
    address = value.get("address")
    if isinstance(address, dict):
        address = ", ".join(filter(None, (name(address, key) for key in ADDRESS)))
    texts = filter(None, (name(value, "name"), _text_of(address)))
    return ", ".join(texts) or text(value, "url")
