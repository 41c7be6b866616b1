"""The durable queue, as the other stages see it."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from relay.outbox.records import (
    Backlog,
    Claim,
    ClaimRequest,
    ClosedSink,
    DeadGroup,
    DeliverySearch,
    NewEvent,
    PostedMessage,
    Pruned,
    StoredEvent,
)
from relay.outcome import Attempt, Delivery


class Outbox(Protocol):
    """
    Events and their deliveries. ``now`` and ``lease`` are in milliseconds.

    Every method raises OutboxError when the outbox cannot be read or written now.
    """

    id: str
    """Random, made with the outbox: a copy on another database keeps it."""

    async def run(
        self,
        lanes: "Lanes",
        *,
        clock: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        """
        Tell a lanes which sinks to carry, and for which of them something waits, until ``stop``.

        Each sink is carried by one process at a time, and those of a group by the same one, for
        they share a limit. ``clock`` gives Unix milliseconds.
        """
        ...

    def owns(self, sink: str) -> bool:
        """
        Whether a lanes of this process may send for a sink now, for no other does.

        To be asked right before each request: between claim and request a process can be stopped
        for longer than the others wait for it.
        """
        ...

    async def accept(self, new_event: NewEvent) -> Collection[str] | None:
        """
        Commit an event with one delivery for each sink.

        Where a sibling has been told to a sink already, or waits for it, theirs become one: the
        other is delivered too, as ``merged``; or, where it tells of a later version, the delivery
        ``edits`` that message: relay.outbox.siblings.decide_merge. Returns the sinks for which
        something may have come of it; None if the hook had brought this event before: then nothing
        changes.
        """
        ...

    async def claim(self, request: ClaimRequest) -> Claim | None:
        """
        Claim the head of a sink's queue for ``request.lease``, if it is due; counts the attempt.

        A delivery that was claimed and never saved continues that attempt, and counts a crash.

        Deliveries that shared its request before are claimed with it. Otherwise the claim names
        others that are due as candidates for ``extend_claim``, ``request.limit`` altogether.
        None also if the sink is closed or paused. A later delivery never overtakes a waiting head,
        except for first attempts of events that came within one hold: those go by the time they
        happened.
        """
        ...

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        """
        Claim others too, for the request and the lease of a claimed head: as many as still can.

        From then on they share all its attempts, so that a repeated request has the same content.
        """
        ...

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        """
        Write that what was claimed is in doubt, right before a request that must not be repeated.

        False if the lease was lost: then nothing may be sent. What is saved afterwards takes the
        doubt away, or confirms it.
        """
        ...

    async def expedite(self, batch: int, *, now: int) -> None:
        """Let those of a batch that wait for their next attempt be due at once."""
        ...

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        """
        Write what became of what was claimed together, and how the attempt ended.

        False if the lease was lost meanwhile: then nothing changes.
        """
        ...

    async def posted_message(self, delivery_id: int, *, hold: int = 0) -> PostedMessage | None:
        """
        The message in which a delivery arrived, its parts in the order in which they were claimed.

        None if the message's id or one of its parts is lost.
        """
        ...

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        """The last attempts at a delivery (those that ended), the newest last."""
        ...

    async def due_at(
        self,
        sink: str,
        *,
        now: int | None = None,
        hold: int = 0,
        skip_batches: Collection[int] = (),
    ) -> int | None:
        """
        When the head of a queue is due; None if nothing waits, or may go.

        What ``claim`` would give ``now`` is due now, though another clock had it due later.
        """
        ...

    async def recover(self, *, now: int) -> int:
        """
        At the start of the only process: let all that was tried before be due, and return how many.

        That ends the leases of a process that died, and the waits for another attempt.
        """
        ...

    async def close_sink(self, closed: ClosedSink) -> None:
        """
        Let ``claim`` give nothing until ``open_sink``.

        The fingerprint is that of the sink's configuration: a changed one opens it again.
        """
        ...

    async def postpone_probe(self, closed: ClosedSink) -> None:
        """Keep another reason and time of the next probe, unless it was opened meanwhile."""
        ...

    async def sink_to_probe(self, sink: str) -> ClosedSink | None:
        """A closed sink, if it is to be probed: something waits, and nobody has paused it."""
        ...

    async def open_sink(self, sink: str, *, now: int) -> bool:
        """
        Let a closed sink go on; False if it was not closed.

        What waits for its next attempt is due at once: whoever opens a sink has mended something.
        """
        ...

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        """The sinks that refused us."""
        ...

    async def pause_sink(self, sink: str, *, now: int) -> bool:
        """Let ``claim`` give nothing until ``resume_sink``; False if it was paused before."""
        ...

    async def resume_sink(self, sink: str) -> bool:
        """Let a paused sink go on, unless it is closed, too; False if it was not paused."""
        ...

    async def paused_sinks(self) -> Mapping[str, int]:
        """The sinks that a person has paused, and since when."""
        ...

    async def last_failures(self) -> Mapping[str, Attempt]:
        """The last attempt for each sink that went wrong, among the last ten thousand of all."""
        ...

    async def stored_events(self, event_id: str) -> Sequence[StoredEvent]:
        """The events with Misskey's id: one, or one of each hook that was told the same."""
        ...

    async def restricted(self, subjects: Collection[str]) -> Mapping[str, Sequence[StoredEvent]]:
        """By subject the last events that ``restrict`` it; without those that nothing restricts."""
        ...

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        """Dead letters, the newest first."""
        ...

    async def dead_groups(self) -> Sequence[DeadGroup]:
        """Dead letters by sink and reason, at most a few hundred groups; the newest first."""
        ...

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery in any state."""
        ...

    async def deliveries(self, wanted: DeliverySearch, *, limit: int = 50) -> Sequence[Delivery]:
        """What a search finds, the newest first."""
        ...

    async def give_up(self, sink: str, *, reason: str, now: int, limit: int) -> int:
        """
        Make dead letters of the first that wait for a sink, at most so many; how many it were.

        What is under way is left alone: who sends it will tell how that ended.
        """
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

    async def backlog(self) -> Mapping[str, Backlog]:
        """What waits, by sink; a sink for which nothing does is not in it."""
        ...

    async def touch(self, size: int = 0) -> None:
        """Write so many bytes that change nothing, to learn whether such events can be stored."""
        ...

    async def pending_count(self) -> int:
        """The number of deliveries that wait, of all sinks."""
        ...

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        """
        Delete events of which nothing waits any more since ``before``.

        One step looks at no more than ``limit`` events, those that follow on ``after``.
        """
        ...


class Lanes(Protocol):
    """Carries sinks, as the outbox tells it to."""

    regrouped: asyncio.Event
    """Set when the groups have changed."""

    @property
    def groups(self) -> Sequence[Collection[str]]:
        """The sinks that it can carry; those that share a limit together."""
        ...

    def acquire(self, sinks: Mapping[str, float]) -> None:
        """
        Be ready to carry these.

        Of each the seconds since another process may have sent for it: its limit is not fresh.
        """
        ...

    def release(self, sink: str) -> bool:
        """Begin nothing new for a sink; True once nothing is under way. To be asked until then."""
        ...

    def wake(self, sinks: Collection[str]) -> None:
        """There may be something to carry for these; who was not taken is passed over."""
        ...
