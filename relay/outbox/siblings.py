"""
Decides which events are about the same subject, and how their deliveries to a sink merge. Pure.

Misskey sends several events for one happening: a reply fires ``reply`` and ``mention``, two hooks
bring the same note, an unfollow of a remote user comes twice. A sink gets one message for them, of
the kind that says most. An edited note comes under the same id, and so does a resolved report:
those edit the message.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from relay.misskey import kind_of
from relay.model import Event, Note, SubjectVersion, Visibility
from relay.outbox.decisions import Decision
from relay.outcome import State


class Merge(Enum):
    """How a later event is merged with a sink's delivery of its sibling."""

    MERGED = auto()
    """Nothing is sent for it: it says nothing new, or is out of date."""
    REPLACES = auto()
    """It is sent in place of the earlier one, which is still pending."""
    EDITS = auto()
    """It edits the message of the earlier one."""


def subject_version(event: Event, *, server_bound: Collection[str] = ()) -> SubjectVersion | None:
    """
    The subject of an event and its version; None if it can have no siblings.

    ``server_bound`` are the hooks that accept events of one server only. An event itself names the
    server it is from: so events of other hooks that claim to be from a server have subjects of
    their own, and change nothing that came by one of these.
    """
    note, user, report = event.note, event.user, event.report
    if event.is_test:  # every test has the same ids
        return None
    kind = kind_of(event.kind)
    if note is not None and note.id and event.reactions:
        totals = repr(sorted(note.reactions.items())).encode(errors="surrogatepass")
        return SubjectVersion(
            subject=f"reactions {_origin(event, server_bound)} {note.id}",
            version=hashlib.sha256(totals).hexdigest()[:16],
        )
    if note is not None and note.id and kind.rank is not None:
        return SubjectVersion(
            subject=subject(event, note, server_bound=server_bound),
            version=version(note),
            rank=kind.rank,
            updated_at=note.updated_at,
        )
    origin = _origin(event, server_bound)
    if report is not None and report.id:
        return SubjectVersion(subject=f"report {origin} {report.id}", version=event.kind)
    if kind.repeated_within is not None and user is not None and user.id:
        about = f"{event.kind} {origin} {event.hook} {user.id}"
        return SubjectVersion(subject=about, within=kind.repeated_within)
    return None


def subject(event: Event, note: Note, *, server_bound: Collection[str]) -> str:
    """The subject of all events about a note, which is anywhere in ``event``."""
    return f"note {_origin(event, server_bound)} {note.id}"


def restricts(event: Event, *, server_bound: Collection[str]) -> str | None:
    """The subject of the event's note, if it is not public: some sinks may not show it."""
    note = event.note
    if note is None or not note.id or event.is_test:
        return None
    is_open = note.visibility is Visibility.PUBLIC and not (
        note.local_only or note.signin_only or note.is_gone
    )
    return None if is_open else subject(event, note, server_bound=server_bound)


def _origin(event: Event, server_bound: Collection[str]) -> str:
    return event.server if event.hook in server_bound else f"claimed {event.server}"


def version(note: Note) -> str:
    """
    A digest of a note's content, audience and time of edit: an edited note is another version.

    What readers do with a note, such as reactions, is not an edit.
    """
    choices = tuple(choice.text for choice in note.poll.choices) if note.poll is not None else ()
    files = tuple(file.id for file in note.files)
    more = {"signin": note.signin_only, "gone": note.is_gone}
    audience = (note.visibility, note.local_only, *(word for word, holds in more.items() if holds))
    event = () if note.event is None else (note.event,)
    content = (note.text, note.cw, files, choices, note.updated_at, *audience, *event)
    return hashlib.sha256(repr(content).encode(errors="surrogatepass")).hexdigest()[:16]


def is_change(event: Event) -> bool:
    """Whether an event by itself says that an earlier one has changed."""
    if kind_of(event.kind).changes is not None:
        return True
    return event.note is not None and event.note.updated_at is not None


def decide_merge(
    later: SubjectVersion,
    *,
    created_at: int,
    version: str,
    rank: int,
    last_at: int,
    waits: bool,
    is_withdrawn: bool = False,
    updated_at: int | None = None,
    was_withdrawn: bool = False,
    is_lost: bool = False,
) -> Merge:
    """
    How ``later``, an event of ``created_at``, is merged with the last delivery of its subject.

    ``version``, ``rank``, ``last_at`` (when it happened), ``updated_at`` and ``was_withdrawn`` are
    those of that delivery. It ``waits`` if it has not been attempted, and ``is_lost`` if its change
    of a message could not be made. ``is_withdrawn``: the sink may not show the later event.
    """
    if later.version == version:
        if is_withdrawn and is_lost:
            return Merge.EDITS
        return Merge.REPLACES if waits and later.rank > rank else Merge.MERGED
    edited = later.updated_at, updated_at
    if _is_older(edited, (is_withdrawn, was_withdrawn), (created_at, last_at)):
        return Merge.MERGED
    return Merge.REPLACES if waits else Merge.EDITS


def _is_older(
    edited: tuple[int | None, int | None],
    withdrawn: tuple[bool, bool],
    happened: tuple[int, int],
) -> bool:
    """
    Whether the first of two versions is out of date, though it came later.

    The network reorders events, and Misskey repeats them for minutes. The times of the author's
    edits decide first, because the clocks of servers may differ. If both are equal or one is
    missing, the version that may not be shown counts as the newer one; if that holds for both or
    for neither, an edited version does. The times of the events decide last.
    """
    match edited:
        case int(first), int(second) if first != second:
            return first < second
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
    """A delivery that a routed event may need."""

    decision: Decision
    sink: str
    route: str | None
    """None: the sink gets it only as an edit of an earlier message, by the route of that."""

    @property
    def subject_version(self) -> SubjectVersion | None:
        return self.decision.routed.subject_version

    @property
    def is_withdrawn(self) -> bool:
        """Whether the sink may show neither it nor its earlier versions."""
        return self.sink in self.decision.routed.withdrawn


def new_key() -> str:
    """
    The idempotency key of a delivery, the same in all its attempts.

    Random, because an outbox restored from a backup gives the same ids to other deliveries.
    """
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A new row of the delivery table."""

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
    """A pending delivery that is to carry another event; ``merged`` is the row of its own event."""

    id: int
    by: DeliveryRow
    merged: DeliveryRow


PostedSinks = Mapping[tuple[str, str], Collection[str]]
"""By subject and hook, the sinks that have deliveries of it."""


def pending_deliveries(decisions: Sequence[Decision], posted: PostedSinks) -> Sequence[Pending]:
    """The deliveries that events may need, in the order of the events."""
    return [
        Pending(decision=decision, sink=sink, route=route)
        for decision in decisions
        for sink, route in _routes(decision, posted).items()
    ]


def _routes(decision: Decision, posted: PostedSinks) -> Mapping[str, str | None]:
    routed = decision.routed
    if routed.subject_version is None or not (routed.editing or routed.withdrawn):
        return routed.sinks
    subject, hook = routed.subject_version.subject, decision.entry.hook
    changed = [sink for sink in posted.get((subject, hook), ()) if sink in routed.editing]
    withheld = set(routed.withdrawn) - set(routed.editing)
    return dict.fromkeys([*changed, *withheld]) | {**routed.sinks}


def independent(deliveries: Sequence[Pending]) -> tuple[Sequence[Pending], Sequence[Pending]]:
    """Split off the first delivery of each sink and subject: they do not depend on each other."""
    seen, first, later = set[tuple[str, str]](), list[Pending](), list[Pending]()
    for pending in deliveries:
        subject_version = pending.subject_version
        same = None if subject_version is None else (pending.sink, subject_version.subject)
        (later if same in seen else first).append(pending)
        if same is not None:
            seen.add(same)
    return first, later


def decide(pending: Pending, last: Mapping[str, Any] | None) -> DeliveryRow | Replacement | None:
    """
    The row of a new delivery, where ``last`` is the sink's last delivery of the same subject.

    None: nothing is stored, because it could only edit a message, and there is none.
    """
    entry, subject_version = pending.decision.entry, pending.subject_version
    row = DeliveryRow(
        event=pending.decision.id,
        sink=pending.sink,
        route=pending.route,
        state=State.PENDING,
        due_at=entry.accepted_at + pending.decision.routed.hold,
        subject=None if subject_version is None else subject_version.subject,
        version=None if subject_version is None else subject_version.version,
        rank=0 if subject_version is None else subject_version.rank,
        withdrawn=pending.is_withdrawn,
    )
    if subject_version is None:
        return row
    if last is None:
        return None if pending.route is None else row
    row = replace(row, route=pending.route or last["route"])
    merged = replace(
        row, state=State.DELIVERED, due_at=entry.accepted_at, rank=0, merged=int(last["id"])
    )
    match decide_merge(
        subject_version,
        created_at=entry.created_at,
        version=last["version"],
        rank=last["rank"],
        last_at=last["created_at"],
        waits=bool(last["waits"]),
        is_withdrawn=pending.is_withdrawn,
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
