"""
Events that belong together: Misskey tells one happening several times, and again when it changed.

A reply fires ``reply`` and ``mention``, two hooks bring the same note twice, an unfollow of a
remote user comes twice: of those a sink gets one message, by the kind that tells most. An edited
note comes under the same id, a resolved report too: those change the message. Pure.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from relay.misskey import kind_of
from relay.model import Event, Note, Sibling, Visibility
from relay.outbox.records import NewEvent
from relay.outcome import State


class Merge(Enum):
    """What becomes of an event of whose subject a sink was told, or will be."""

    MERGED = auto()
    """Nothing is sent for it: what it tells was told, or is out of date."""
    REPLACES = auto()
    """It is sent instead of the earlier one, which still waits."""
    EDITS = auto()
    """It changes the message of the earlier one."""


def sibling(event: Event, *, bound: Collection[str] = ()) -> Sibling | None:
    """
    What an event has in common with those that tell of the same; None if nothing else can.

    ``bound`` are the hooks that bring the events of one server only. An event says by itself from
    where it is: so what others claim of a server touches nothing that came by these.
    """
    note, user, report = event.note, event.user, event.report
    if event.is_test:  # every test has the same ids
        return None
    kind = kind_of(event.kind)
    if note is not None and note.id and kind.rank is not None:
        return Sibling(
            subject=subject(event, note, bound=bound),
            version=version(note),
            rank=kind.rank,
            updated_at=note.updated_at,
        )
    origin = _origin(event, bound)
    if report is not None and report.id:
        return Sibling(subject=f"report {origin} {report.id}", version=event.kind)
    if kind.repeated_within is not None and user is not None and user.id:
        about = f"{event.kind} {origin} {event.hook} {user.id}"
        return Sibling(subject=about, within=kind.repeated_within)
    return None


def subject(event: Event, note: Note, *, bound: Collection[str]) -> str:
    """What events have in common that tell of this note, which is somewhere in the event."""
    return f"note {_origin(event, bound)} {note.id}"


def restricts(event: Event, *, bound: Collection[str]) -> str | None:
    """The subject of the event's note, if not everybody may see it: some sinks may not show it."""
    note = event.note
    if note is None or not note.id or event.is_test:
        return None
    is_open = note.visibility is Visibility.PUBLIC and not (
        note.local_only or note.signin_only or note.is_gone
    )
    return None if is_open else subject(event, note, bound=bound)


def _origin(event: Event, bound: Collection[str]) -> str:
    return event.server if event.hook in bound else f"claimed {event.server}"


def version(note: Note) -> str:
    """
    A digest of what the author wrote, for whom, and when: an edited note is another version.

    What readers did with a note, such as reactions, is no edit.
    """
    choices = tuple(choice.text for choice in note.poll.choices) if note.poll is not None else ()
    files = tuple(file.id for file in note.files)
    more = {"signin": note.signin_only, "gone": note.is_gone}
    whom = (note.visibility, note.local_only, *(word for word, holds in more.items() if holds))
    event = () if note.event is None else (note.event,)
    said = (note.text, note.cw, files, choices, note.updated_at, *whom, *event)
    return hashlib.sha256(repr(said).encode(errors="surrogatepass")).hexdigest()[:16]


def is_change(event: Event) -> bool:
    """Whether an event by itself says that something earlier is no longer as it was told."""
    if kind_of(event.kind).changes is not None:
        return True
    return event.note is not None and event.note.updated_at is not None


def decide_merge(
    later: Sibling,
    *,
    created_at: int,
    version: str,
    rank: int,
    told_at: int,
    waits: bool,
    is_withdrawn: bool = False,
    updated_at: int | None = None,
    was_withdrawn: bool = False,
    is_lost: bool = False,
) -> Merge:
    """
    What becomes of ``later``, an event of ``created_at``; withdrawn is what may not be shown.

    ``version``, ``rank``, ``told_at`` (when it happened), ``updated_at`` and ``was_withdrawn`` are
    those of the last of its subject. That one ``waits`` if no attempt was made to send it, and
    ``is_lost`` if it was given up.
    """
    if later.version == version:
        if is_withdrawn and is_lost:
            return Merge.EDITS
        return Merge.REPLACES if waits and later.rank > rank else Merge.MERGED
    edited = later.updated_at, updated_at
    if _is_older(edited, (is_withdrawn, was_withdrawn), (created_at, told_at)):
        return Merge.MERGED
    return Merge.REPLACES if waits else Merge.EDITS


def _is_older(
    edited: tuple[int | None, int | None],
    withdrawn: tuple[bool, bool],
    happened: tuple[int, int],
) -> bool:
    """
    Whether the first of two versions is out of date, of which the first came later.

    The network shuffles events, and Misskey repeats them for minutes. What their author did tells
    the order; clocks may be wrong. In doubt what may not be shown is the newer one.
    """
    match edited:
        case int(one), int(other) if one != other:
            return one < other
    if withdrawn[0] != withdrawn[1]:
        return withdrawn[1]
    match edited:
        case int(), None:
            return False
        case None, int():
            return True
    return happened[0] < happened[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A delivery that may come of an arrival."""

    new_event: NewEvent
    event: int
    sink: str
    route: str | None
    """None: the sink gets it only where it changes what was told, by the route of that."""

    @property
    def is_withdrawn(self) -> bool:
        """Whether the sink may not show it, nor what it was told before."""
        return self.sink in self.new_event.withdrawn


def new_key() -> str:
    """
    The key under which a delivery is sent, in all its attempts.

    Random: an outbox that was restored from a backup gives the same ids again, to other deliveries.
    """
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
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
    by: DeliveryRow
    merged: DeliveryRow


Sinks = Collection[str]
"""Names of sinks."""

PostedSinks = Mapping[tuple[str, str], Collection[str]]
"""By subject and hook, the sinks that were told of it."""


def pending_deliveries(
    new_events: Sequence[NewEvent], events: Sequence[int | None], told: PostedSinks
) -> Sequence[Pending]:
    """What may come of arrivals whose ``events`` have these ids; None: it had come before."""
    return [
        Pending(new_event=new_event, event=event, sink=sink, route=route)
        for new_event, event in zip(new_events, events, strict=True)
        if event is not None
        for sink, route in _routes(new_event, told).items()
    ]


def _routes(new_event: NewEvent, told: PostedSinks) -> Mapping[str, str | None]:
    if new_event.sibling is None or not (new_event.editing or new_event.withdrawn):
        return new_event.sinks
    subject, hook = new_event.sibling.subject, new_event.event.hook
    changed = [sink for sink in told.get((subject, hook), ()) if sink in new_event.editing]
    routed = set(new_event.withdrawn) - set(new_event.editing)
    return dict.fromkeys([*changed, *routed]) | {**new_event.sinks}


def accepted_sinks(
    events: Sequence[int | None], waiting: Sequence[Pending]
) -> Sequence[Sinks | None]:
    """Of each arrival the sinks for which something may have come of it; None: it came before."""
    found = {event: set[str]() for event in events if event is not None}
    for one in waiting:
        found[one.event].add(one.sink)
    return [None if event is None else found[event] for event in events]


def independent(waiting: Sequence[Pending]) -> tuple[Sequence[Pending], Sequence[Pending]]:
    """Those that do not depend on one another, of each sink and subject the first; the others."""
    seen, first, later = set[tuple[str, str]](), list[Pending](), list[Pending]()
    for one in waiting:
        sibling = one.new_event.sibling
        same = None if sibling is None else (one.sink, sibling.subject)
        (later if same in seen else first).append(one)
        if same is not None:
            seen.add(same)
    return first, later


def decide(new: Pending, last: Mapping[str, Any] | None) -> DeliveryRow | Replacement | None:
    """
    What becomes of a new delivery, where ``last`` is what its sink was told of the same.

    None: nothing, for it could only change what was told, and nothing was.
    """
    new_event, sibling = new.new_event, new.new_event.sibling
    row = DeliveryRow(
        event=new.event,
        sink=new.sink,
        route=new.route,
        state=State.PENDING,
        due_at=new_event.now + new_event.hold,
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
    merged = replace(
        row, state=State.DELIVERED, due_at=new_event.now, rank=0, merged=int(last["id"])
    )
    match decide_merge(
        sibling,
        created_at=new_event.event.created_at,
        version=last["version"],
        rank=last["rank"],
        told_at=last["created_at"],
        waits=bool(last["waits"]),
        is_withdrawn=new.is_withdrawn,
        updated_at=last["updated_at"],
        was_withdrawn=bool(last["withdrawn"]),
        is_lost=bool(last["lost"]),
    ):
        case Merge.MERGED:
            return merged
        case Merge.REPLACES:
            earlier = {name: last[name] for name in ("event", "route", "version")}
            earlier["withdrawn"] = bool(last["withdrawn"])
            return Replacement(last["id"], by=row, merged=replace(merged, **earlier))
        case Merge.EDITS:
            return replace(row, edits=last["edits"] or last["id"])
