"""The cases from the field, by their names: `samples/cases/CASES.md` says what each has to give."""

from pathlib import Path

from relay import misskey
from relay.model import Event

CASES = Path(__file__).parent / "samples" / "cases"
EVENTS = CASES / "events"
VENDOR = CASES / "vendor.json"
"""Answers of chats, and what was sent and asked: an object of cases by name."""


def raw(name: str) -> bytes:
    """The body of the webhook of a case, by the beginning of its file's name: `b01`."""
    [file] = (*EVENTS.glob(f"{name}_*.json"), *EVENTS.glob(f"{name}.json"))
    return file.read_bytes()


def event(name: str) -> Event:
    return misskey.parse(raw(name), hook="alice")
