"""A replay: what is accepted again, and for which sinks."""

from collections.abc import Sequence
from typing import Any

import pytest

from relay.errors import FormatError
from relay.intake.replay import LAPSED, replay
from relay.model import Gate
from relay.outbox.records import JournalEntry, Restrictions, RoutedEvent, StoredEvent
from tests.fakes.misskey import a_note_event

PRIVATE = a_note_event(visibility="followers")
STORED = StoredEvent(hook="alice", server="https://misskey.example", raw=a_note_event().body)


class Outbox:
    """Remembers what is accepted."""

    def __init__(self, *, is_known: bool = False, later: Sequence[StoredEvent] = ()) -> None:
        self.is_known = is_known
        self.later = later
        self.accepted: list[tuple[JournalEntry, RoutedEvent]] = []

    async def replay(self, entry: JournalEntry, routed: RoutedEvent) -> Sequence[str] | None:
        self.accepted.append((entry, routed))
        return None if self.is_known else ()

    async def restrictions(self, notes: Any) -> Restrictions:
        return Restrictions(events=dict.fromkeys(notes, self.later))


async def replayed(outbox: Any, *, stored: StoredEvent = STORED, event_id: str = "1") -> Any:
    return await replay(
        outbox,
        stored,
        event_id,
        choose=lambda event: {"team": "all"},
        gates={"team": Gate()},
        server_bound=(),
        now=5,
    )


async def test_an_event_is_accepted_as_another_one_without_siblings() -> None:
    outbox = Outbox()
    answer = await replayed(outbox, event_id="1/replay-3")
    assert (answer.sinks, answer.withheld) == ({"team": "all"}, {})
    ((entry, routed),) = outbox.accepted
    assert (entry.event_id, entry.raw, routed.subject_version) == ("1/replay-5", STORED.raw, None)


async def test_what_the_author_restricted_since_is_withheld() -> None:
    later = StoredEvent(hook="alice", server=STORED.server, raw=PRIVATE.body)
    outbox = Outbox(later=[later])
    answer = await replayed(outbox)
    assert (answer.sinks, answer.withheld) == ({}, {"team": LAPSED})
    assert outbox.accepted == []


async def test_what_the_gate_denies_is_withheld_with_its_reason() -> None:
    stored = StoredEvent(hook="alice", server=STORED.server, raw=PRIVATE.body)
    answer = await replayed(Outbox(), stored=stored)
    assert answer.sinks == {}
    assert answer.withheld["team"] != LAPSED


async def test_an_event_that_was_replayed_at_the_same_moment_goes_nowhere() -> None:
    assert (await replayed(Outbox(is_known=True))).sinks == {}


async def test_an_event_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(FormatError):
        await replayed(Outbox(), stored=StoredEvent(hook="alice", server="", raw=b"{"))
