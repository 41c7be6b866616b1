"""What comes into an outbox: an event, and who gets it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from relay.model import Event, Sibling

EVER = -(2**62)
"""Milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
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
