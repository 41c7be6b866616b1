"""What ``relay demo`` tells: scenes made of events that real servers sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relay.misskey import sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An event, and the sinks that show it."""

    headline: str
    kind: str
    body: Mapping[str, Any]
    """What differs from the sample of that kind."""
    shown: tuple[str, ...] = ()
    remark: str = ""
    times: int = 1
    """How often Misskey sends it."""

    @property
    def raw(self) -> bytes:
        """The body of its webhook."""
        event = json.loads(sample.raw(self.kind))
        return json.dumps(_changed(event, {"body": self.body})).encode()


def _changed(found: Any, changes: Any) -> Any:
    """A value with parts replaced, at any depth."""
    if not isinstance(found, dict) or not isinstance(changes, Mapping):
        return changes
    return found | {key: _changed(found.get(key), value) for key, value in changes.items()}


BOB = {"name": "Bob 🐈", "username": "bob"}
ALICE = {"name": "アリス", "username": "alice", "emojis": {}}

STORY = (
    Scene(
        headline="Bob mentions you",
        kind="mention",
        body={
            "note": {
                "user": BOB,
                "text": "@alice **it's released!** 🎉 Everything new: https://misskey-hub.net",
            }
        },
        shown=("discord",),
        remark="Misskey repeats what it thinks got lost: this one came twice, and is shown once.",
        times=2,
    ),
    Scene(
        headline="Your team posts a note behind a content warning",
        kind="note",
        body={
            "note": {
                "user": ALICE,
                "cw": "spoilers for the last episode",
                "text": "The cat was the **gardener** all along.",
                "files": [],
            }
        },
        shown=("discord", "slack"),
        remark="Discord hides it behind a spoiler. Slack has none, so relay shows a link instead.",
    ),
    Scene(
        headline="Bob answers, for his followers only",
        kind="reply",
        body={
            "note": {
                "user": BOB,
                "visibility": "followers",
                "text": "Just between us: I am moving to Osaka.",
            }
        },
        remark="Misskey hands such notes out complete. relay shows them only where it may.",
    ),
    Scene(
        headline="Somebody reports a spammer",
        kind="abuseReport",
        body={
            "comment": "Sends the same advertisement to everybody.",
            "targetUser": {"name": "Cheap pills", "username": "robo"},
            "reporter": {"name": "Eve", "username": "eve"},
        },
        shown=("moderators",),
        remark="Reports go only to rooms that the configuration calls the moderators'.",
    ),
)
