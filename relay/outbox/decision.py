"""
Events that come in together, and what becomes of each for each of its sinks. Pure.

Every outbox takes many at once, in as few statements as one: so it asks about all of a ``wave``,
decides, and writes all of it.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from relay.outbox.arrival import Arrival
from relay.outbox.sibling import Fate, fate
from relay.outcome import State


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A delivery that may come of an arrival."""

    arrival: Arrival
    event: int
    sink: str
    route: str | None
    """None: the sink gets it only where it changes what was told, by the route of that."""

    @property
    def is_withdrawn(self) -> bool:
        """Whether the sink may not show it, nor what it was told before."""
        return self.sink in self.arrival.withdrawn


def new_key() -> str:
    """
    The key under which a delivery is sent, in all its attempts.

    Random: an outbox that was restored from a backup gives the same ids again, to other deliveries.
    """
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table of deliveries."""

    event: int
    sink: str
    route: str | None
    state: State
    due_at: int
    subject: str | None
    version: str | None
    rank: int
    merged: int | None = None
    edits: int | None = None
    withdrawn: bool = False
    key: str = field(default_factory=new_key)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A delivery that still waits shall tell another event; ``merged`` is left of its own."""

    id: int
    by: Row
    merged: Row


Sinks = Collection[str]
"""Names of sinks."""

Told = Mapping[tuple[str, str], Collection[str]]
"""By subject and hook, the sinks that were told of it."""


def waiting(arrivals: Sequence[Arrival], events: Sequence[int | None], told: Told) -> Sequence[New]:
    """What may come of arrivals whose ``events`` have these ids; None: it had come before."""
    return [
        New(arrival=arrival, event=event, sink=sink, route=route)
        for arrival, event in zip(arrivals, events, strict=True)
        if event is not None
        for sink, route in _routes(arrival, told).items()
    ]


def _routes(arrival: Arrival, told: Told) -> Mapping[str, str | None]:
    if arrival.sibling is None or not (arrival.editing or arrival.withdrawn):
        return arrival.sinks
    subject, hook = arrival.sibling.subject, arrival.event.hook
    changed = [sink for sink in told.get((subject, hook), ()) if sink in arrival.editing]
    routed = set(arrival.withdrawn) - set(arrival.editing)
    return dict.fromkeys([*changed, *routed]) | {**arrival.sinks}


def taken(events: Sequence[int | None], waiting: Sequence[New]) -> Sequence[Sinks | None]:
    """Of each arrival the sinks for which something may have come of it; None: it came before."""
    found = {event: set[str]() for event in events if event is not None}
    for one in waiting:
        found[one.event].add(one.sink)
    return [None if event is None else found[event] for event in events]


def wave(waiting: Sequence[New]) -> tuple[Sequence[New], Sequence[New]]:
    """Those that do not depend on one another, of each sink and subject the first; the others."""
    seen, first, later = set[tuple[str, str]](), list[New](), list[New]()
    for one in waiting:
        sibling = one.arrival.sibling
        same = None if sibling is None else (one.sink, sibling.subject)
        (later if same in seen else first).append(one)
        if same is not None:
            seen.add(same)
    return first, later


def decision(new: New, last: Mapping[str, Any] | None) -> Row | Replacement | None:
    """
    What becomes of a new delivery, where ``last`` is what its sink was told of the same.

    None: nothing, for it could only change what was told, and nothing was.
    """
    arrival, sibling = new.arrival, new.arrival.sibling
    row = Row(
        event=new.event,
        sink=new.sink,
        route=new.route,
        state=State.PENDING,
        due_at=arrival.now + arrival.hold,
        subject=None if sibling is None else sibling.subject,
        version=None if sibling is None else sibling.version,
        rank=0 if sibling is None else sibling.rank,
        withdrawn=new.is_withdrawn,
    )
    if sibling is None:
        return row
    if last is None:
        return None if new.route is None else row
    row = replace(row, route=new.route or last["route"])
    merged = replace(row, state=State.DELIVERED, due_at=arrival.now, rank=0, merged=int(last["id"]))
    match fate(
        sibling,
        created_at=arrival.event.created_at,
        version=last["version"],
        rank=last["rank"],
        told_at=last["created_at"],
        waits=bool(last["waits"]),
        is_withdrawn=new.is_withdrawn,
        updated_at=last["updated_at"],
        was_withdrawn=bool(last["withdrawn"]),
        is_lost=bool(last["lost"]),
    ):
        case Fate.MERGED:
            return merged
        case Fate.REPLACES:
            earlier = {name: last[name] for name in ("event", "route", "version")}
            earlier["withdrawn"] = bool(last["withdrawn"])
            return Replacement(last["id"], by=row, merged=replace(merged, **earlier))
        case Fate.EDITS:
            return replace(row, edits=last["edits"] or last["id"])
