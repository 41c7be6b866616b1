"""The cases from the field, by their names: `samples/cases/CASES.md` says what each has to give."""

from pathlib import Path

from relay import misskey
from relay.model import Event

EVENTS = Path(__file__).parent / "samples" / "cases" / "events"


def raw(name: str) -> bytes:
    """The body of the webhook of a case, by the beginning of its file's name: `b01`."""
    [file] = (*EVENTS.glob(f"{name}_*.json"), *EVENTS.glob(f"{name}.json"))
    return file.read_bytes()


def event(name: str) -> Event:
    return misskey.parse(raw(name), hook="alice")
