"""A delivery, its states, and the outcomes of an attempt at it."""

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto


class State(StrEnum):
    """The state of a delivery: a claimed one is still pending."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    An event to be sent to a sink. Times are Unix milliseconds.

    ``due_at`` is schedule, pause and lease in one: a claim moves it into the future.
    """

    id: int
    sink: str
    route: str
    hook: str
    server: str
    raw: bytes = field(repr=False)
    """The body of the webhook, as it came."""
    accepted_at: int
    event: int = 0
    """The number of its event in the outbox."""
    event_id: str = ""
    """Misskey's id, the same in all its attempts to deliver the event to relay."""
    kind: str = ""
    state: State = State.PENDING
    attempt: int = 0
    due_at: int = 0
    reason: str | None = None
    merged: int | None = None
    """The delivery that was sent in place of this one."""
    batch: int | None = None
    """The first of the deliveries that share its request, in all attempts; itself if alone."""
    edits: int | None = None
    """The delivery whose message this one edits."""
    message: str | None = None
    """The vendor's id of the message in which it was posted."""
    key: str | None = None
    """Random idempotency key, for vendors that have one. None before the first claim."""
    interrupted: bool = False
    """Whether the last attempt has no outcome, because relay ended during it."""
    crashes: int = 0
    """The number of consecutive attempts without an outcome."""
    in_doubt: bool = False
    """Whether it may have arrived by an attempt whose answer was lost."""
    counts_at: int | None = None
    """When the next scheduled attempt is; those before it do not count."""


MAY_HAVE_ARRIVED = "may have arrived"
"""Prefix of the reason of a dead letter that its chat may show."""
WITHHELD = "the sink may not show this event any more"
"""Prefix of the reason of a dead letter that the gate denied after it was accepted."""
STILL_SHOWN = "the chat may still show what became private"
"""Prefix of the reason of an edit that failed to withdraw a message."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Accepted by the vendor, which asks for a ``pause`` in seconds before the next request."""

    pause: float = 0.0
    message: str = ""
    """The vendor's id of the message, needed to edit it; empty if there is none."""


class Cause(StrEnum):
    """The meaning of a failure or refusal; vendors translate their codes into it."""

    TOKEN = "token"  # noqa: S105
    """The key, token or address is not valid any more."""
    GONE = "gone"
    """The destination does not exist any more."""
    RIGHT = "right"
    """The account lacks a permission."""
    LIMIT = "limit"
    """The vendor limits requests."""
    MESSAGE = "message"
    """The vendor refuses this message."""
    SICK = "sick"
    """The vendor has an outage."""
    CONNECTION = "connection"
    """There is no connection to the vendor, or it broke before the answer."""
    PROXY = "proxy"
    """The proxy cannot be reached, or does not connect."""
    MOVED = "moved"
    """The address has moved for good."""
    ELSEWHERE = "elsewhere"
    """Another vendor, or another API of the vendor, answers at the address."""
    NO_API = "no_api"
    """The vendor's API is not at the address."""
    ACCOUNT = "account"
    """The account is locked, suspended or deactivated."""
    OUTSIDE = "outside"
    """The account is not in the room or channel."""
    MUTED = "muted"
    """The account is in the room, but may not speak."""
    ARCHIVED = "archived"
    """The channel is archived."""
    ENCRYPTED = "encrypted"
    """The room is encrypted, and relay cannot encrypt; or the other way round."""
    DEVICE = "device"
    """The account's device lacks keys that clients trust."""
    READERS = "readers"
    """Nobody could decrypt the message."""
    UPGRADED = "upgraded"
    """The room was replaced by another."""
    SCOPE = "scope"
    """The token lacks the scope to write."""
    WORKFLOW = "workflow"
    """The address starts a workflow, and shows no messages."""
    ADDRESS_FORM = "address_form"
    """The address is that of an interface for other services."""
    FORUM = "forum"
    """The settings of a thread do not fit the kind of the channel."""
    TAGS = "tags"
    """The forum needs other tags."""
    THREAD_CLOSED = "thread_closed"
    """The thread is archived or locked."""
    THREADS_FULL = "threads_full"
    """The server has as many open threads as it may have."""


class LimitScope(Enum):
    """The scope of a vendor's rate limit."""

    MESSAGE = auto()
    """Edits of this message."""
    EDITS = auto()
    """All edits; new messages may be sent."""
    SINK = auto()
    VENDOR = auto()
    """All sinks of the vendor, for example if it has banned relay's address."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Refused by a rate limit, for ``pause`` seconds."""

    pause: float
    scope: LimitScope = LimitScope.SINK
    reason: str | None = field(default=None, compare=False)
    """The vendor's error text, if any."""
    is_pause_stated: bool = field(default=True, compare=False)
    """Whether the vendor states the pause; if not, the pauses grow."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Failed, but another attempt may succeed."""

    reason: str
    ambiguous: bool = False
    """The request may have arrived: repeating it may post the message twice."""
    unsent: bool = False
    """Nothing of the message was sent, so the attempt does not count."""
    alone: bool = False
    """The failure concerns this message only, and says nothing about its sink."""
    cause: Cause | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The vendor will never accept this message."""

    reason: str
    is_removed: bool = False
    """Whether it is an edit of a message that was deleted from the chat."""
    refused: frozenset[str] = frozenset()
    """The URLs that the vendor refuses: without them it may accept the message."""
    cause: Cause | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Closed:
    """The destination is gone or refuses relay."""

    reason: str
    is_lasting: bool = False
    """Whether only other settings or a person can fix it, which a probe cannot detect."""
    is_taken: bool = False
    """Whether the request had an effect, though not the intended one: it is never repeated."""
    cause: Cause | None = field(default=None, compare=False, kw_only=True)


Outcome = Sent | RateLimited | Failed | Rejected | Closed
"""How an attempt can end; a bug in relay counts as Failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A record of an ended attempt, for people; times are in milliseconds."""

    at: int
    took: int
    outcome: str
    """The name of the outcome's class."""
    reason: str | None = None
