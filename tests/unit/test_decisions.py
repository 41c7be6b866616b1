"""A decision that cannot be stored: which event it is blamed on."""

from collections.abc import Sequence

from relay.outbox import Decide, JournalEntry, RoutedBatch, RoutedEvent
from relay.outbox.decisions import UnstorableError, route
from tests.factories import an_entry

BROKEN = an_entry(1)


async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
    return [RoutedEvent(sinks={"team": entry.event_id}) for entry in entries]


class Journal:
    """Stores whatever is decided, but for the broken event, unless that gets no sinks."""

    def __init__(self, *batches: Sequence[JournalEntry]) -> None:
        self._batches = iter(batches)
        self.stored: dict[str, RoutedEvent] = {}

    async def step(self, decide: Decide, limit: int) -> RoutedBatch:
        entries = next(self._batches)[:limit]
        decisions = await decide(entries)
        if any(decision.sinks for decision in decisions if BROKEN in entries):
            raise UnstorableError("too large")
        self.stored |= {entry.event_id: one for entry, one in zip(entries, decisions, strict=True)}
        return RoutedBatch(events=len(entries))


async def test_it_counts_as_routed_with_the_reason_once_it_is_alone() -> None:
    journal = Journal([BROKEN, an_entry(2)], [BROKEN], [BROKEN])
    assert (await route(journal.step, decide, limit=2)).events == 1
    assert journal.stored == {"event-1": RoutedEvent(no_route="cannot be stored: too large")}


async def test_if_another_process_refuses_it_meanwhile_the_next_event_is_not_refused() -> None:
    journal = Journal([BROKEN], [an_entry(2)])
    await route(journal.step, decide, limit=1)
    assert journal.stored == {"event-2": RoutedEvent(sinks={"team": "event-2"})}


async def test_who_decides_forgets_what_was_not_stored() -> None:
    decided = list[int]()

    async def counting(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        decided.append(len(entries))
        return await decide(entries)

    await route(Journal([BROKEN], [BROKEN]).step, counting, limit=1)
    assert decided == [1, 0]
