"""
Events come into PostgreSQL: as new deliveries, or as more of what a sink was told before.

Many at once take as many round trips as one.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from relay.model import Event, Sibling
from relay.outbox.postgres import statement
from relay.outbox.postgres.connection import Connection
from relay.outcome import State
from relay.sibling import Fate, fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What ``Outbox.accept`` was given."""

    event: Event
    raw: bytes
    sinks: Mapping[str, str]
    now: int
    hold: int = 0
    sibling: Sibling | None = None
    editing: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A delivery that may come of an arrival."""

    arrival: Arrival
    event: int
    sink: str
    route: str | None
    """None: the sink gets it only where it changes what was told, by the route of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table, in the order of its columns in ADD_DELIVERIES."""

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


@dataclass(frozen=True, slots=True)
class Replacement:
    """A delivery that still waits shall tell another event; ``merged`` is left of its own."""

    id: int
    by: Row
    merged: Row


async def accepted(db: Connection, arrivals: Sequence[Arrival]) -> Sequence[bool]:
    """See ``Outbox.accept``, of each. In a transaction."""
    subjects = {one.sibling.subject for one in arrivals if one.sibling is not None}
    if subjects:
        # In one order everywhere, so that two processes never wait for one another.
        await db.execute(statement.LOCK_SUBJECTS, sorted(map(_key, subjects)))
    events = await _add_events(db, arrivals)
    told = await _told(db, arrivals)
    waiting = [
        New(arrival=arrival, event=event, sink=sink, route=route)
        for arrival, event in zip(arrivals, events, strict=True)
        if event is not None
        for sink, route in _routes(arrival, told).items()
    ]
    while waiting:
        wave, later = _wave(waiting)
        waiting = [*await _add(db, wave), *later]
    return [event is not None for event in events]


def _key(subject: str) -> int:
    """The number of a lock. Two subjects may share one: then they wait for one another."""
    digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


async def _add_events(db: Connection, arrivals: Sequence[Arrival]) -> Sequence[int | None]:
    """The id of each; None for those that had come before, also earlier in the same batch."""
    # In one order everywhere, for one process waits for the other's row of the same event.
    rows = sorted(
        (storable(one.hook), storable(one.id), one.kind, one.server, one.created_at, place)
        for place, one in enumerate(arrival.event for arrival in arrivals)
    )
    hooks, ids, kinds, servers, created, places = zip(*rows, strict=True)
    added = await db.fetch(
        statement.ADD_EVENTS,
        hooks,
        ids,
        [storable(kind) for kind in kinds],
        [storable(server) for server in servers],
        created,
        [arrivals[place].now for place in places],
        [arrivals[place].raw for place in places],
    )
    new = {(row["hook"], row["event_id"]): row["id"] for row in added}
    first = {place: new.pop((hook, id), None) for hook, id, *_, place in rows}
    return [first[place] for place in range(len(arrivals))]


async def _told(db: Connection, arrivals: Sequence[Arrival]) -> Collection[tuple[str, str, str]]:
    """Of the subjects that could only change something: by which hook which sink was told of it."""
    subjects = {one.sibling.subject for one in arrivals if one.sibling is not None and one.editing}
    if not subjects:
        return ()
    rows = await db.fetch(statement.SINKS_TOLD, [storable(one) for one in subjects])
    return {(row["subject"], row["hook"], row["sink"]) for row in rows}


def _routes(arrival: Arrival, told: Collection[tuple[str, str, str]]) -> Mapping[str, str | None]:
    if arrival.sibling is None:
        return arrival.sinks
    subject, hook = storable(arrival.sibling.subject), storable(arrival.event.hook)
    changed = (sink for sink in arrival.editing if (subject, hook, sink) in told)
    return dict.fromkeys(changed) | {**arrival.sinks}


def _wave(waiting: Sequence[New]) -> tuple[Sequence[New], Sequence[New]]:
    """Those that do not depend on one another, of each sink and subject the first; the others."""
    seen, wave, later = set[tuple[str, str]](), list[New](), list[New]()
    for one in waiting:
        sibling = one.arrival.sibling
        same = None if sibling is None else (one.sink, sibling.subject)
        (later if same in seen else wave).append(one)
        if same is not None:
            seen.add(same)
    return wave, later


async def _add(db: Connection, wave: Sequence[New]) -> Sequence[New]:
    """Write what becomes of a wave; those for which something was claimed meanwhile remain."""
    last = await _last(db, [one for one in wave if one.arrival.sibling is not None])
    decided = [(one, decision(one, last.get((one.event, one.sink)))) for one in wave]
    wanted = [what for _, what in decided if isinstance(what, Replacement)]
    replaced = await _replace(db, wanted)
    rows, missed = list[Row](), list[New]()
    for one, what in decided:
        if isinstance(what, Row):
            rows.append(what)
        elif what.id in replaced:
            rows.append(what.merged)
        else:
            missed.append(one)
    if rows:
        columns = zip(*(_values(row) for row in rows), strict=True)
        await db.execute(statement.ADD_DELIVERIES, *columns)
    return missed


async def _last(db: Connection, wave: Sequence[New]) -> Mapping[tuple[int, str], Mapping[str, Any]]:
    """What each was told last of the same, by event and sink."""
    wanted = [
        (one.sink, storable(sibling.subject), 0 if sibling.within is None else now - sibling.within)
        for one in wave
        if (sibling := one.arrival.sibling) is not None
        for now in [one.arrival.now]
    ]
    if not wanted:
        return {}
    rows = await db.fetch(statement.LAST, *zip(*wanted, strict=True))
    return {(wave[row["place"] - 1].event, wave[row["place"] - 1].sink): row for row in rows}


def decision(new: New, last: Mapping[str, Any] | None) -> Row | Replacement:
    """What becomes of a new delivery, where ``last`` is what its sink was told of the same."""
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
    )
    if sibling is None or last is None:
        return row
    row = replace(row, route=new.route or last["route"])
    merged = replace(row, state=State.DELIVERED, due_at=arrival.now, rank=0, merged=int(last["id"]))
    match fate(
        sibling,
        created_at=arrival.event.created_at,
        version=last["version"],
        rank=last["rank"],
        told_at=last["created_at"],
        waits=last["waits"],
    ):
        case Fate.MERGED:
            return merged
        case Fate.REPLACES:
            earlier = {name: last[name] for name in ("event", "route", "version")}
            return Replacement(last["id"], by=row, merged=replace(merged, **earlier))
        case Fate.EDITS:
            return replace(row, edits=last["edits"] or last["id"])


async def _replace(db: Connection, wanted: Sequence[Replacement]) -> Collection[int]:
    """The ids of those that still waited, and tell another event now."""
    if not wanted:
        return ()
    columns = zip(
        *((one.id, one.by.event, one.by.route, one.by.version, one.by.rank) for one in wanted),
        strict=True,
    )
    return {row["id"] for row in await db.fetch(statement.REPLACE, *columns)}


def _values(row: Row) -> tuple[object, ...]:
    subject = None if row.subject is None else storable(row.subject)
    return (
        row.event, row.sink, row.route, row.state, row.due_at,
        subject, row.version, row.rank, row.merged, row.edits,
    )  # fmt: skip


def storable(text: str) -> str:
    """PostgreSQL keeps any text, but for NUL: https://www.postgresql.org/docs/current/datatype-character.html"""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
