"""
Claims, extends, reads and saves deliveries in PostgreSQL.

The confirmation of a claim can be lost after the server has committed it. No process would know of
it, and the claimed deliveries would block their queue for a whole lease, because their node lives.
So such a claim is undone exactly, before the next claim for the same sink.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, replace

from relay.outbox import decisions, ordering, sql
from relay.outbox.ordering import QueuedDelivery
from relay.outbox.postgres import statements
from relay.outbox.postgres.connection import Connection, changed_rows, storable, storable_values
from relay.outbox.records import ClaimRequest, Restrictions
from relay.outbox.siblings import new_key
from relay.outbox.sql import Record, delivery_of
from relay.outcome import Attempt, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorState:
    """The state of a delivery before it was claimed."""

    id: int
    due_at: int
    claimed: bool = False
    batch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertainClaim:
    """A claim whose commit was not confirmed."""

    before: tuple[PriorState, ...]
    lease: int


class Claims:
    """The claims of one process."""

    def __init__(self) -> None:
        self._uncertain_claims: dict[str, set[UncertainClaim]] = defaultdict(set)

    async def undo(self, db: Connection, sink: str) -> None:
        """Undo the uncertain claims for a sink, while no claim for it is being made."""
        for claim in tuple(self._uncertain_claims.get(sink, ())):
            rows = ((prior.id, prior.due_at, prior.claimed, prior.batch) for prior in claim.before)
            await db.execute(statements.UNDO, *zip(*rows, strict=True), claim.lease)
            self._uncertain_claims[sink].discard(claim)

    async def claim(
        self,
        db: Connection,
        heads: Sequence[QueuedDelivery],
        request: ClaimRequest,
        *,
        node: int | None,
    ) -> Sequence[Delivery]:
        """Claim all heads; none of them if another process was faster with one."""
        before = [
            PriorState(id=head.id, due_at=head.due_at, claimed=head.claimed, batch=head.batch)
            for head in heads
        ]
        seen = zip(*((prior.id, prior.due_at, prior.claimed) for prior in before), strict=True)
        sink, due_at = request.sink, request.now + request.lease
        with self._uncertain(sink, before, lease=due_at), suppress(_IncompleteClaimError):
            async with db.transaction():
                keys, events = [new_key() for _ in before], [head.event for head in heads]
                rows = await db.fetch(statements.CLAIM, *seen, due_at, sink, node, keys, events)
                if len(rows) < len(before):
                    raise _IncompleteClaimError
            return in_order([head.id for head in before], rows)
        return ()

    async def extend_claim(
        self, db: Connection, candidates: Sequence[Delivery], *, head: Delivery, node: int | None
    ) -> Sequence[Delivery]:
        """Claim as many candidates as possible, from the first on."""
        while candidates:
            extended = await self._extended(db, candidates, head, node)
            if len(extended) == len(candidates):
                return extended
            candidates = candidates[: len(extended)]
        return []

    async def _extended(
        self, db: Connection, candidates: Sequence[Delivery], head: Delivery, node: int | None
    ) -> Sequence[Delivery]:
        """
        The candidates up to the first that cannot be claimed.

        They are claimed only if those are all.
        """
        ids = [candidate.id for candidate in candidates]
        events = [candidate.event for candidate in candidates]
        before = [PriorState(id=candidate.id, due_at=candidate.due_at) for candidate in candidates]
        keys = [candidate.key or new_key() for candidate in candidates]
        values = (ids, events, head.due_at, head.batch, head.sink, node, keys)
        claimable: set[int] = set()
        with self._uncertain(head.sink, before, lease=head.due_at), suppress(_IncompleteClaimError):
            async with db.transaction():
                claimable = {row["id"] for row in await db.fetch(statements.EXTEND_CLAIM, *values)}
                if len(claimable) < len(ids):
                    raise _IncompleteClaimError
        number = next((place for place, id in enumerate(ids) if id not in claimable), len(ids))
        return [
            replace(
                candidate,
                attempt=candidate.attempt + 1,
                due_at=head.due_at,
                batch=head.batch,
                key=key,
            )
            for candidate, key in zip(candidates[:number], keys, strict=False)
        ]

    @contextmanager
    def _uncertain(self, sink: str, before: Sequence[PriorState], *, lease: int) -> Iterator[None]:
        """Remember a claim that ends with an error: it may have been committed."""
        try:
            yield
        except BaseException:
            self._uncertain_claims[sink].add(UncertainClaim(before=tuple(before), lease=lease))
            raise


class _IncompleteClaimError(Exception):
    """Rolls back a claim of which some deliveries could not be claimed."""


async def mark_in_doubt(db: Connection, claimed: Sequence[Delivery]) -> bool:
    """See ``Outbox.mark_in_doubt``."""
    ids, leases = [delivery.id for delivery in claimed], [delivery.due_at for delivery in claimed]
    try:
        async with db.transaction():
            if changed_rows(await db.execute(statements.MARK_IN_DOUBT, ids, leases)) != len(ids):
                raise sql.LeaseLostError
    except sql.LeaseLostError:
        return False
    return True


async def save(
    db: Connection,
    settled: Sequence[Delivery],
    *,
    claimed: Sequence[Delivery],
    attempt: Attempt | None,
) -> bool:
    """See ``Outbox.save``."""
    rows = [
        tuple(storable_values(sql.saved_row(after, lease=before.due_at)))
        for after, before in zip(settled, claimed, strict=True)
    ]
    values = (*zip(*rows, strict=True), *_attempt_values(attempt), sql.KEPT_ATTEMPTS)
    try:
        async with db.transaction():
            if await db.fetchval(statements.SAVE, *values) != len(claimed):
                raise sql.LeaseLostError
    except sql.LeaseLostError:
        return False
    return True


def _attempt_values(attempt: Attempt | None) -> tuple[object, ...]:
    if attempt is None:
        return (None, None, None, None)
    return tuple(storable_values(astuple(attempt)))


async def queue_of(db: Connection, sink: str) -> Sequence[QueuedDelivery]:
    """The first deliveries that wait for a sink, in the order of their ids."""
    rows = await db.fetch(statements.QUEUE, sink, ordering.LOOKAHEAD)
    return [QueuedDelivery._make(row) for row in rows]


async def several(db: Connection, ids: Sequence[int]) -> Sequence[Delivery]:
    """Deliveries in the order of ``ids``, without those that are gone."""
    if not ids:
        return ()
    return in_order(ids, await db.fetch(statements.SEVERAL, ids))


def in_order(ids: Sequence[int], rows: Sequence[Record]) -> Sequence[Delivery]:
    """RETURNING and ANY have no order."""
    by_id = {row["id"]: delivery_of(row) for row in rows}
    return [by_id[id] for id in ids if id in by_id]


async def last_edits(db: Connection, ids: Sequence[int]) -> Mapping[int, Delivery]:
    """By the id of a delivery, the last edit of it that was delivered."""
    return {row["edits"]: delivery_of(row) for row in await db.fetch(statements.LAST_EDITS, ids)}


async def newest_edits(db: Connection, roots: Mapping[int, int]) -> Mapping[int, Delivery]:
    """By id, the newest edit of its root that came after it, whatever its state."""
    if not roots:
        return {}
    rows = await db.fetch(statements.NEWEST_EDITS, [*roots], [*roots.values()])
    return {row.pop("head"): delivery_of(row) for row in map(dict, rows)}


async def restrictions(db: Connection, notes: Mapping[str, str]) -> Restrictions:
    """See ``Outbox.restrictions``."""
    subjects = {storable(subject): subject for subject in notes}
    ids = [storable(id) for id in notes.values()]
    rows = [dict(row) for row in await db.fetch(statements.RESTRICTIONS, list(subjects), ids)]
    (has_unrouted,) = {row.pop("has_unrouted") for row in rows}
    events = decisions.restricting(
        row | {"subject": subjects[row["subject"]]} for row in rows if row["subject"] is not None
    )
    return Restrictions(events=events, has_unrouted=has_unrouted)
