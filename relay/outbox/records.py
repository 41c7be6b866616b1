"""The values that go into an outbox and come out of it: claims, messages, searches, counts."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import NamedTuple

from relay import misskey
from relay.model import SubjectVersion
from relay.outcome import Delivery, State


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """
    Which deliveries of a sink a lane asks for. Times are in milliseconds.

    ``hold``: first attempts of events that came within so long of each other go by the time they
    happened. ``limit``: the most deliveries to be named, claimed or as candidates.
    ``skip_batches``: batches to be left out. ``fitting``: unclaimed deliveries that fit into one
    request as they are here; if they still go next, they are claimed together.
    """

    sink: str
    _: KW_ONLY
    now: int
    lease: int
    hold: int = 0
    limit: int = 1
    skip_batches: Collection[int] = ()
    fitting: Sequence[Delivery] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The deliveries claimed for one request, and others that are due and may go with them."""

    deliveries: tuple[Delivery, ...]
    before: tuple[tuple[int, int | None], ...]
    """When each of the deliveries was due, and its batch, before it was claimed."""
    candidates: tuple[Delivery, ...] = ()
    later_edits: Mapping[int, Delivery] = field(default_factory=dict)
    """By the id of a delivery that was attempted before, the newest edit of the same message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPart:
    """One delivery in a posted message, and the last edit of it that the message shows."""

    delivery: Delivery
    edit: Delivery | None = None
    newest_edit: Delivery | None = None
    """The newest edit that came, whatever its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMessage:
    """A message in a chat: the vendor's id of it, and the deliveries it consists of, in order."""

    message: str
    parts: tuple[PostedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySearch:
    """Conditions for deliveries; None: any. Times are Unix milliseconds, of acceptance."""

    sink: str | None = None
    state: State | None = None
    kind: str | None = None
    event_id: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    """Only deliveries with a smaller id, for the next page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many events a step of pruning deleted, and the id where the next one begins."""

    events: int
    next: int | None
    """None: no older events are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as it came, whether or not a route matched it, and what became of it."""

    hook: str
    server: str
    raw: bytes = field(repr=False)
    is_routed: bool = True
    no_route: str | None = None
    """The reason why no route selects a sink, if none did."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """The sinks that may not show it, each with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """The events that bind a message about notes."""

    events: Mapping[str, Sequence[StoredEvent]] = field(default_factory=dict)
    """By subject, the last events that restrict it; unrestricted subjects are left out."""
    has_unrouted: bool = False
    """Whether an event about one of the notes still waits to be routed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSink:
    """
    A sink that refused relay, with the reason, the time and its configuration's fingerprint.

    ``probe_at``: when the sink is probed; None: never, because no probe could show a change.
    """

    name: str
    reason: str
    fingerprint: str
    closed_at: int
    probe_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadGroup:
    """Dead letters of one sink with the same reason: their number, and the newest's id."""

    sink: str
    reason: str
    number: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The number of pending deliveries of a sink, and when the first of them was accepted."""

    number: int
    since: int


class JournalEntry(NamedTuple):
    """An event as it came, before it is routed. Times are Unix milliseconds."""

    hook: str
    event_id: str
    kind: str
    server: str
    created_at: int
    accepted_at: int
    raw: bytes
    note_id: str | None = None
    """The id of the note that it is about."""

    def __repr__(self) -> str:  # without the body, which can be private
        return f"JournalEntry({self.hook!r}, {self.event_id!r}, {self.kind!r})"


def journal_entry(raw: bytes, *, hook: str, server: str = "", now: int) -> JournalEntry:
    """The entry of a body that arrived ``now``, by a hook. Raises FormatError."""
    envelope = misskey.open_envelope(raw, server=server, now=now)
    return JournalEntry(
        hook=hook,
        event_id=envelope.event_id,
        kind=envelope.kind,
        server=envelope.server,
        created_at=envelope.created_at,
        accepted_at=now,
        note_id=envelope.note_id,
        raw=raw,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedEvent:
    """
    The router's decision on an event of the journal.

    Its deliveries are due ``hold`` milliseconds after the event came.
    """

    sinks: Mapping[str, str] = field(default_factory=dict)
    """The sinks that get the event, each with the name of the route that matched."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """The sinks that a route selects, but that may not show it, each with the reason."""
    no_route: str | None = None
    """The reason why no route selects a sink, if none does."""
    hold: int = 0
    updated_at: int | None = None
    """When the author last edited its note (Unix milliseconds)."""
    restricts: str | None = None
    """The subject of its note, if the note is not public."""
    subject_version: SubjectVersion | None = None
    """Its subject, if other events can have the same: see ``relay.outbox.siblings``."""
    editing: Collection[str] = ()
    """Sinks that get it only as an edit of an earlier post, by the same hook and route."""
    withdrawn: Collection[str] = ()
    """
    Sinks that may not show it. They get it only as an edit of an earlier delivery, even of a dead
    letter, whose message is then not shown when an operator revives it.
    """


Decide = Callable[[Sequence[JournalEntry]], Awaitable[Sequence[RoutedEvent]]]
"""Decides on events of the journal; one answer each, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedBatch:
    """The result of one step of routing."""

    events: int
    """The number of events that it has taken from the journal."""
    sinks: Collection[str] = ()
    """The sinks that may have something to send now."""
    has_more: bool = False
    """Whether more events may wait to be routed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a list of a hook's server has been read."""

    hook: str
    server: str
    list: str
    position: str = ""
    """The highest id that was read; empty: none."""
    since: int = 0
    """Items that were created earlier are the past, and are not read (Unix milliseconds)."""
