"""What an outbox holds, as it is claimed, searched and counted."""

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field

from relay.model import Event, Sibling
from relay.outcome import Delivery, State


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """
    Which deliveries of a sink a lane asks for. Times are in milliseconds.

    ``hold``: first attempts of events that came within so long of each other go by the time they
    happened. ``limit``: the most deliveries that may go in one request. ``skip_batches``: batches
    to be left out.
    """

    sink: str
    _: KW_ONLY
    now: int
    lease: int
    hold: int = 0
    limit: int = 1
    skip_batches: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The deliveries claimed for one request, and others that are due and may go with them."""

    deliveries: tuple[Delivery, ...]
    candidates: tuple[Delivery, ...] = ()
    later_edits: Mapping[int, Delivery] = field(default_factory=dict)
    """By the id of one that was tried before: the last edit of the same that came since then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPart:
    """One delivery in a message, and the last edit of it that the message shows."""

    delivery: Delivery
    edit: Delivery | None = None
    newest_edit: Delivery | None = None
    """The last edit that came, whatever has become of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMessage:
    """A message that a chat shows: its id, and what it was made of, in order."""

    message: str
    parts: tuple[PostedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySearch:
    """Which deliveries are wanted; None: any. Times are Unix milliseconds, of acceptance."""

    sink: str | None = None
    state: State | None = None
    kind: str | None = None
    event_id: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    """Only deliveries with a smaller id: the next page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a step of pruning has done, and where the next one begins."""

    events: int
    next: int | None
    """None: nothing is left that is old enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as it came, whether or not it had to go anywhere."""

    hook: str
    server: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSink:
    """
    A sink that refused us, why, since when, and with which configuration.

    ``probe_at``: when it is asked whether it is well again; None: never, for no answer can tell.
    """

    name: str
    reason: str
    fingerprint: str
    closed_at: int
    probe_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadGroup:
    """Dead letters that died of the same: how many, and the id of the newest."""

    sink: str
    reason: str
    number: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many deliveries wait for a sink, and when the first of them was accepted."""

    number: int
    since: int


EVER = -(2**62)
"""Milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """
    An event with its bytes, as it came at ``now`` (Unix milliseconds).

    Its deliveries are due after ``hold`` (milliseconds).
    """

    event: Event
    raw: bytes
    sinks: Mapping[str, str]
    """Those that get it, each to the name of the route that chose it."""
    now: int
    hold: int = 0
    restricts: str | None = None
    """The subject of its note, if not everybody may see that."""
    sibling: Sibling | None = None
    """What it has in common with others that tell of the same: see ``relay.outbox.sibling``."""
    editing: Collection[str] = ()
    """Those that get it only as an edit of what the same hook told them, by the route of that."""
    withdrawn: Collection[str] = ()
    """
    Those that may not show it: they, too, get it only as an edit, though also of what was given
    up, so that nobody revives what others may not see.
    """

    @property
    def updated_at(self) -> int | None:
        """When the author of its note changed it."""
        return None if self.event.note is None else self.event.note.updated_at

    @property
    def since(self) -> int:
        """From when on something can be a sibling of it, by the clock of Misskey: there is one."""
        within = None if self.sibling is None else self.sibling.within
        return EVER if within is None else self.event.created_at - within
