"""The interface of an outbox, and of the lanes that it assigns sinks to."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from relay.outbox.cursors import Cursors
from relay.outbox.records import (
    Backlog,
    Claim,
    ClaimRequest,
    ClosedSink,
    DeadGroup,
    Decide,
    DeliverySearch,
    JournalEntry,
    PostedMessage,
    Pruned,
    Restrictions,
    RoutedBatch,
    RoutedEvent,
    StoredEvent,
)
from relay.outcome import Attempt, Delivery


class Outbox(Cursors, Protocol):
    """
    Stores events and their deliveries. ``now``, ``lease`` and ``hold`` are in milliseconds.

    Every method raises OutboxError while the outbox cannot be read or written.
    """

    id: str
    """Random, created with the outbox; a copy on another database keeps it."""

    async def run(self, lanes: "Lanes", *, clock: Callable[[], int], stop: asyncio.Event) -> None:
        """
        Assign sinks to the lanes of this process, and wake those with a backlog, until ``stop``.

        Each sink is owned by one process at a time. The sinks of a group are owned by the same
        process, because they share a rate limit. ``clock`` returns Unix milliseconds.
        """
        ...

    def owns(self, sink: str) -> bool:
        """
        Whether this process, and no other, may send for a sink now.

        To be asked right before each request: between claim and request a process can be suspended
        for longer than the others wait for it.
        """
        ...

    async def journal(self, entry: JournalEntry) -> bool:
        """
        Commit an event as it came; it waits to be routed.

        False if the hook had brought this event before: then nothing is stored.
        """
        ...

    async def route(self, decide: Decide, *, limit: int) -> RoutedBatch:
        """
        Route the oldest events of the journal, at most ``limit``, in the order in which they came.

        Commits all that follows from the decisions together: a delivery for each sink, what is
        withheld, and that the events are routed. If a sink has a delivery of a sibling event,
        posted or pending, both become one message: the new delivery is stored as delivered and
        ``merged``, or, if its event is a later version, it ``edits`` that message (see
        relay.outbox.siblings.decide_merge). Several processes take turns. ``decide`` must be
        quick, since the others wait, and can be called again for the same events.
        """
        ...

    async def replay(self, entry: JournalEntry, routed: RoutedEvent) -> Collection[str] | None:
        """
        Commit an event that is already routed, with its deliveries.

        Returns the sinks to wake; None if the event is not new.
        """
        ...

    async def claim(self, request: ClaimRequest) -> Claim | None:
        """
        Claim the head of a sink's queue for ``request.lease`` if it is due, and count the attempt.

        A delivery that was claimed and never saved continues that attempt, and counts a crash.
        Deliveries that shared its request before are claimed with it. Otherwise the claim names
        other due deliveries as candidates for ``extend_claim``, ``request.limit`` altogether.

        None also if the sink is closed or paused. A later delivery never overtakes a waiting head,
        except for first attempts of events that came within one hold: those go by the time they
        happened.
        """
        ...

    async def extend_claim(
        self, candidates: Sequence[Delivery], *, head: Delivery
    ) -> Sequence[Delivery]:
        """
        Claim as many candidates as possible for the request and the lease of a claimed head.

        From then on they share all its attempts, so that a repeated request has the same content.
        """
        ...

    async def mark_in_doubt(self, claimed: Sequence[Delivery]) -> bool:
        """
        Record that claimed deliveries may arrive, right before a request that must not be repeated.

        False if the lease was lost: then nothing may be sent. A later ``save`` clears or confirms
        the doubt.
        """
        ...

    async def expedite(self, batch: int, *, now: int) -> None:
        """Make the deliveries of a batch that wait for their next attempt due at once."""
        ...

    async def save(
        self,
        settled: Sequence[Delivery],
        *,
        claimed: Sequence[Delivery],
        attempt: Attempt | None = None,
    ) -> bool:
        """
        Store the new state of deliveries that were claimed together, and how the attempt ended.

        False if the lease was lost meanwhile: then nothing changes.
        """
        ...

    async def posted_message(self, delivery_id: int, *, hold: int = 0) -> PostedMessage | None:
        """
        The message in which a delivery was posted, with its parts in the order of their claim.

        None if the message's id is unknown, or if one of its parts has been pruned.
        """
        ...

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        """The last ended attempts at a delivery, the newest last."""
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
        When the head of a sink's queue is due; None if the sink has no backlog or may not send.

        Returns ``now`` if ``claim`` would return it now, although another node's clock put its due
        time later.
        """
        ...

    async def recover(self, *, now: int) -> int:
        """
        Make all deliveries that have been attempted due, and return their number.

        Called when the only process on an outbox starts: ends the leases of the process before it,
        and the waits for another attempt.
        """
        ...

    async def close_sink(self, closed: ClosedSink) -> None:
        """
        Make ``claim`` return None until ``open_sink``.

        The fingerprint is that of the sink's configuration: a changed configuration opens it again.
        """
        ...

    async def postpone_probe(self, closed: ClosedSink) -> None:
        """Store a new reason and time of the next probe, unless the sink was opened meanwhile."""
        ...

    async def sink_to_probe(self, sink: str) -> ClosedSink | None:
        """The sink if it is closed, can be probed, has a backlog and is not paused."""
        ...

    async def open_sink(self, sink: str, *, now: int) -> bool:
        """
        Open a closed sink; False if it was not closed.

        Deliveries that wait for another attempt become due at once: whatever was wrong is fixed.
        """
        ...

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        """The sinks that have refused relay, by name."""
        ...

    async def pause_sink(self, sink: str, *, now: int) -> bool:
        """Make ``claim`` return None until ``resume_sink``; False if it was paused already."""
        ...

    async def resume_sink(self, sink: str) -> bool:
        """End a pause, though the sink may be closed as well; False if it was not paused."""
        ...

    async def paused_sinks(self) -> Mapping[str, int]:
        """The sinks that an operator has paused, and since when (Unix milliseconds)."""
        ...

    async def last_failures(self) -> Mapping[str, Attempt]:
        """The last failed attempt of each sink, among the last 10 000 failed attempts."""
        ...

    async def stored_events(self, event_id: str) -> Sequence[StoredEvent]:
        """The events with an id of Misskey's, one for each hook that brought it."""
        ...

    async def restrictions(self, notes: Mapping[str, str]) -> Restrictions:
        """Read once all that binds a message about notes, given by subject with the id of each."""
        ...

    async def dead(self, *, sink: str | None = None, limit: int = 100) -> Sequence[Delivery]:
        """Dead letters, the newest first."""
        ...

    async def dead_groups(self) -> Sequence[DeadGroup]:
        """Dead letters by sink and reason, at most 300 groups, the newest first."""
        ...

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery, in any state."""
        ...

    async def deliveries(self, search: DeliverySearch, *, limit: int = 50) -> Sequence[Delivery]:
        """The deliveries that match a search, the newest first."""
        ...

    async def give_up(self, sink: str, *, reason: str, now: int, limit: int) -> int:
        """
        Make dead letters of the first pending deliveries of a sink, and return their number.

        Deliveries in flight are left alone: the lane that sends them saves how that ended.
        """
        ...

    async def revive(self, ids: Iterable[int], *, now: int) -> int:
        """Make dead letters pending with all their attempts left; the number of those revived."""
        ...

    async def drop(self, ids: Iterable[int]) -> int:
        """Delete dead letters; the number of those deleted."""
        ...

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """The number of deliveries by sink and state."""
        ...

    async def backlog(self) -> Mapping[str, Backlog]:
        """The backlog of each sink that has one."""
        ...

    async def touch(self, size: int = 0) -> None:
        """Write and delete ``size`` bytes, to find out whether such an event can be stored."""
        ...

    async def pending_count(self) -> int:
        """The number of pending deliveries of all sinks, and of events to be routed."""
        ...

    async def prune(self, *, before: int, limit: int, after: int = 0) -> Pruned:
        """
        Delete routed events that came, and whose deliveries all ended, earlier than ``before``.

        One call looks at the next ``limit`` events after the id ``after``.
        """
        ...


class Lanes(Protocol):
    """The lanes of a process, as the outbox assigns sinks to them."""

    regrouped: asyncio.Event
    """Set when ``groups`` has changed."""

    @property
    def groups(self) -> Sequence[Collection[str]]:
        """The configured sinks, by common rate limits, and each hook that Misskey is asked for."""
        ...

    def acquire(self, sinks: Mapping[str, float]) -> None:
        """
        Get ready to send for sinks.

        The values are seconds since another process may have sent for the sink: its rate limit may
        be partly used up.
        """
        ...

    def release(self, sink: str) -> bool:
        """Start nothing new for a sink; True once nothing is in flight. To be called until then."""
        ...

    def wake(self, sinks: Collection[str]) -> None:
        """Start the lanes of these sinks, which may have a backlog; others' sinks are ignored."""
        ...
