"""How one sink's deliveries are rendered, ordered and repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from relay.i18n import Language
from relay.model import Display, Gate
from relay.sinks.pacing import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """The rules of one sink: its gate and display, and how failed attempts are repeated."""

    gate: Gate = field(default_factory=Gate)
    display: Display = field(default_factory=Display)
    schedule: Sequence[float] = ()
    resend: bool = True
    is_idempotent: bool = False
    """Whether repeating a request shows nothing twice."""
    hold: int = 0
    """Milliseconds within which events are ordered by the time they happened."""
    pace: Pace = field(default_factory=Pace)
    language: Language = field(default_factory=Language)
