"""
Real events, of which every request gets its own: one of each kind that relay has a sample of.

``MARK`` stands where a number goes: in the event's id, so that nothing is taken for a repetition,
in the note's, so that nothing is a sibling, and in the name of the server, which every message
shows, so that a sink can tell which event has come. The number is as long as the mark: the length
of a body never changes.
"""

import json
from pathlib import Path
from typing import Any

from relay.misskey import samples as sample

HOOK = "bench"
SECRET = "bench-secret"
PATH = f"/hooks/{HOOK}"
MARK = "markmarkmark"
NUMBER = "{:012d}"
EVENT_ID = f"00000000-0000-4000-8000-{MARK}"


def every_kind(folder: Path) -> Path:
    """A file with one event of each kind, a line each."""
    events = [marked(json.loads(sample.raw(kind))) for kind in sample.kinds()]
    return _file(folder / "every-kind.jsonl", events)


def notes(folder: Path) -> Path:
    """A file with one plain public note."""
    event = marked(json.loads(sample.raw("mention")))
    return _file(folder / "notes.jsonl", [event])


def marked(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the mark in its ids, and in its server: what every message tells of it."""
    # createdAt stays: an older note of somebody who hides older notes would be withheld.
    event |= {"eventId": EVENT_ID, "server": f"https://b{MARK}.example"}
    if "note" in event["body"]:
        event["body"]["note"]["id"] = MARK
    return event


def numbered(line: str, number: int) -> bytes:
    """An event of its own."""
    return line.replace(MARK, NUMBER.format(number)).encode()


def _file(path: Path, events: list[dict[str, Any]]) -> Path:
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in events]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
