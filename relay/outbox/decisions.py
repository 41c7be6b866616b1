"""The router's decisions on the events of the journal, as both databases store and read them."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay.errors import OutboxError
from relay.outbox.records import Decide, JournalEntry, RoutedBatch, RoutedEvent, StoredEvent

logger = logging.getLogger(__name__)

ROUTED_BYTES = 4 * 2**20
"""The size of the events of one batch, unless the first is larger: bounds memory."""
EVER = -(2**62)
"""Earlier than any time, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The router's decision on the event ``id`` of the outbox."""

    id: int
    entry: JournalEntry
    routed: RoutedEvent

    @property
    def since(self) -> int:
        """The earliest time, by Misskey's clock, at which a sibling can have happened."""
        version = self.routed.subject_version
        within = None if version is None else version.within
        return EVER if within is None else self.entry.created_at - within


class UnstorableError(OutboxError):
    """A decision of the router cannot be stored, whatever the state of the database."""


async def decided(
    ids: Sequence[int], entries: Sequence[JournalEntry], decide: Decide
) -> Sequence[Decision]:
    """The router's decisions on events of the journal."""
    answers = await decide(entries)
    return [Decision(*values) for values in zip(ids, entries, answers, strict=True)]


def routed_batch(
    entries: Sequence[JournalEntry], sinks: Collection[str], *, limit: int
) -> RoutedBatch:
    """The result of routing all ``entries``, of which ``limit`` were asked for."""
    size = sum(len(entry.raw) for entry in entries)
    has_more = len(entries) >= limit or size >= ROUTED_BYTES
    return RoutedBatch(events=len(entries), sinks=sinks, has_more=has_more)


def facts(
    decisions: Sequence[Decision],
) -> Sequence[tuple[int, int | None, str | None, str | None]]:
    """The id of each event of which routing has found something out, and that."""
    rows = (
        (
            decision.id,
            decision.routed.updated_at,
            decision.routed.restricts,
            decision.routed.no_route,
        )
        for decision in decisions
    )
    return [row for row in rows if row[1:] != (None, None, None)]


def withheld(decisions: Sequence[Decision]) -> Sequence[tuple[int, str, str]]:
    """The event, the sink and the reason of everything that a sink may not show."""
    return [
        (decision.id, sink, reason)
        for decision in decisions
        for sink, reason in decision.routed.withheld.items()
    ]


def stored_events(rows: Iterable[Mapping[str, Any]]) -> Sequence[StoredEvent]:
    """Events from their rows: one row for each sink from which an event is withheld, or one."""
    events = dict[int, StoredEvent]()
    for row in rows:
        values = dict(row)
        id, sink, reason = (values.pop(name) for name in ("id", "sink", "reason"))
        values["is_routed"] = bool(values["is_routed"])
        withheld = {} if sink is None else {sink: reason}
        if id in events:
            withheld |= events[id].withheld
        events[id] = StoredEvent(**values, withheld=withheld)
    return list(events.values())


def restricting(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Sequence[StoredEvent]]:
    """Events that restrict notes, by subject."""
    events = defaultdict[str, list[StoredEvent]](list)
    for row in map(dict, rows):
        events[row.pop("subject")].append(StoredEvent(**row))
    return events


async def route(
    step: Callable[[Decide, int], Awaitable[RoutedBatch]], decide: Decide, *, limit: int
) -> RoutedBatch:
    """
    Route a batch by ``step``, and a smaller one if a decision in it cannot be stored.

    Once that is alone, the event counts as routed, with the reason: it holds up no other.
    """
    batch: Sequence[JournalEntry] = ()

    async def remember(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        nonlocal batch
        batch = entries
        return await decide(entries)

    try:
        return await step(remember, limit)
    except UnstorableError as error:
        if limit > 1:
            return await route(step, decide, limit=limit // 2)
        logger.error("an event cannot be routed", extra={"action": "route", "reason": str(error)})
        refused = RoutedEvent(no_route=f"cannot be stored: {error}")

    async def refuse(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        if entries != batch:  # another process has refused it meanwhile
            return await decide(entries)
        await decide(())  # the router forgets its decision, which was not stored
        return [refused]

    return await step(refuse, 1)
