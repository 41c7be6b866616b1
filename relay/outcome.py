"""A delivery, and how an attempt at it can end."""

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto


class State(StrEnum):
    """A delivery waits, has arrived, or was given up: there is no state in between."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    One event on its way to one sink.

    ``due_at`` is schedule, pause and lease in one: who claims a delivery moves it into the future.
    """

    id: int
    sink: str
    route: str
    hook: str
    server: str
    raw: bytes = field(repr=False)
    """The body of the webhook, as it came."""
    accepted_at: int
    event_id: str = ""
    """Misskey's: the same in all its attempts to bring the event."""
    kind: str = ""
    state: State = State.PENDING
    attempt: int = 0
    due_at: int = 0
    reason: str | None = None
    merged: int | None = None
    """The delivery that told the same, so that this one was not sent."""
    batch: int | None = None
    """The first of those with which it shares its request, in all attempts; itself if alone."""
    edits: int | None = None
    """The delivery whose message this one changes."""
    message: str | None = None
    """The vendor's id of the message in which it was delivered."""
    key: str | None = None
    """Random: vendors that can tell a repetition know it by this. None: see the claim."""
    interrupted: bool = False
    """Whether an earlier attempt never told its outcome: relay ended in the middle of it."""
    crashes: int = 0
    """How many attempts in a row ended so."""
    in_doubt: bool = False
    """Whether it may have arrived by an attempt that got no answer."""
    counts_at: int | None = None
    """From when on an attempt counts: those before come between two that the schedule wants."""


MAY_HAVE_ARRIVED = "may have arrived"
"""How the reason of a dead letter begins of which nobody knows whether its chat shows it."""
WITHHELD = "the sink may not show this event any more"
"""How the reason of one begins that the gate stopped after it had been accepted."""
STILL_SHOWN = "the chat may still show what became private"
"""How the reason of a change begins that should have taken a message back, and could not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The vendor has it; ``pause`` in seconds is the rest it asks for before the next."""

    pause: float = 0.0
    message: str = ""
    """The vendor's id of the message, by which it can be changed; empty where there is none."""


class LimitScope(Enum):
    """How much a limit of a vendor's meets."""

    MESSAGE = auto()
    """The change of this one message."""
    EDITS = auto()
    """All changes of messages; new ones may go."""
    SINK = auto()
    VENDOR = auto()
    """All sinks of the vendor's, as a ban of our address does."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Not posted, and not the message's fault; ``pause`` in seconds."""

    pause: float
    scope: LimitScope = LimitScope.SINK
    reason: str | None = field(default=None, compare=False)
    """The vendor's words, if it has any."""
    is_named: bool = field(default=True, compare=False)
    """Whether the vendor says how long to wait; if not, the pauses grow."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It may work later."""

    reason: str
    ambiguous: bool = False
    """The request may have arrived: to repeat it can show it twice."""
    unsent: bool = False
    """Nothing of the message was written: its chat has never seen it, so no attempt counts."""
    alone: bool = False
    """It tells of this message only, and nothing of its sink."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """This message will never be accepted."""

    reason: str
    is_removed: bool = False
    """Whether it is the change of a message that somebody has removed from the chat."""
    refused: frozenset[str] = frozenset()
    """The addresses that the vendor names as what it refuses: without them it may be accepted."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The destination is gone or refuses us."""

    reason: str
    is_lasting: bool = False
    """Whether only other settings, or a person, can mend it: no probe can see that it is well."""
    is_taken: bool = False
    """Whether the request did something, though not what was wanted: it is never repeated."""


Outcome = Sent | RateLimited | Failed | Rejected | Closed
"""How an attempt can end. There is no sixth way; a bug counts as Failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try, for people; times are Unix milliseconds."""

    at: int
    took: int
    outcome: str
    """The name of its class."""
    reason: str | None = None
