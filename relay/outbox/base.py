"""The durable queue, as the other stages see it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from relay.model import Event, Sibling
from relay.outcome import Delivery


class Outbox(Protocol):
    """
    Events and their deliveries. ``now`` and ``lease`` are in milliseconds.

    Every method raises OutboxError when the outbox cannot be read or written now.
    """

    id: str
    """Random, made with the outbox: a new database never repeats another's delivery keys."""

    async def accept(
        self,
        event: Event,
        raw: bytes,
        sinks: Mapping[str, str],
        *,
        now: int,
        hold: int = 0,
        sibling: Sibling | None = None,
    ) -> bool:
        """
        Commit an event with one delivery for each sink (to the name of the route that chose it).

        A delivery is due after ``hold``. Where a ``sibling`` has been told to a sink already, or
        waits for it, theirs become one: the other is delivered too, as ``merged``.
        False if the hook had brought this event before: then nothing changes.
        """
        ...

    async def claim(
        self, sink: str, *, now: int, lease: int, hold: int = 0, behind: int | None = None
    ) -> Delivery | None:
        """
        Take the head of a sink's line for ``lease``, if it is due, and count the attempt.

        ``behind``: the head of those without this delivery.

        None too if the sink is closed. Who comes later never overtakes a head that waits, but for
        the first attempts of what came within one ``hold``: those go by the time they happened.
        """
        ...

    async def expedite(self, delivery_id: int, *, now: int) -> None:
        """Let a delivery that waits for its next attempt be due at once."""
        ...

    async def save(self, settled: Delivery, *, claimed: Delivery) -> bool:
        """Write what became of a claimed delivery; False if its lease was lost meanwhile."""
        ...

    async def due_at(self, sink: str, *, hold: int = 0) -> int | None:
        """When the head of a sink's line is due; None if nothing waits or the sink is closed."""
        ...

    async def recover(self, *, now: int) -> int:
        """
        At the start of the only process: let all that was tried before be due, and return how many.

        That ends the leases of a process that died, and the waits for another attempt.
        """
        ...

    async def close_sink(self, sink: str, *, reason: str, fingerprint: str, now: int) -> None:
        """
        Let ``claim`` give nothing until ``open_sink``.

        ``fingerprint`` is that of the sink's configuration: a changed one opens it again.
        """
        ...

    async def open_sink(self, sink: str) -> bool:
        """Let a closed sink go on; False if it was not closed."""
        ...

    async def closed_sinks(self) -> Sequence["ClosedSink"]:
        """The sinks that refused us."""
        ...

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        """Dead letters, the newest first."""
        ...

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery in any state."""
        ...

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        """Dead to pending, with all attempts anew; the number of those that were dead."""
        ...

    async def drop(self, ids: Iterable[int]) -> int:
        """Delete dead letters for good; the number of those that were dead."""
        ...

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """The number of deliveries by sink and state."""
        ...

    async def backlog(self) -> Mapping[str, "Backlog"]:
        """What waits, by sink; a sink for which nothing does is not in it."""
        ...

    async def touch(self) -> None:
        """Write something that changes nothing, to learn whether events can be stored."""
        ...

    async def prune(self, *, before: int, limit: int) -> int:
        """Delete at most ``limit`` events of which nothing waits any more since ``before``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSink:
    """A sink that refused us, why, since when, and with which configuration."""

    name: str
    reason: str
    fingerprint: str
    closed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many deliveries wait for a sink, and when the first of them was accepted."""

    number: int
    since: int
