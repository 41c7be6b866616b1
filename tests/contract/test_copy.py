"""Copying an outbox from a file into a database on a server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from relay.errors import OutboxError
from relay.model import SubjectVersion
from relay.outbox import (
    ClaimRequest,
    ClosedSink,
    DeliverySearch,
    FileLock,
    JournalEntry,
    Outbox,
    RoutedEvent,
    SQLiteOutbox,
    copy_outbox,
)
from relay.outbox.postgres import PostgresOutbox
from relay.outbox.postgres.connection import SETTINGS
from relay.outbox.records import Cursor
from relay.outcome import Attempt, State
from tests.factories import accept, an_entry, an_event
from tests.postgres import empty

pytestmark = pytest.mark.postgres

TEAM = {"team": "to the team"}
BOTH = {"team": "to the team", "ops": "to ops"}
LEASE = 60_000
CURSOR = Cursor(hook="alice", server="https://misskey.example", list="notes", position="a")
NOTE = SubjectVersion(subject="note 5", version="a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def source(path: Path) -> str:
    return f"sqlite:{path}"


@pytest.fixture
async def target(postgres_database: str) -> str:
    await empty(postgres_database)
    return postgres_database


@asynccontextmanager
async def in_file(path: Path) -> AsyncIterator[Outbox]:
    outbox = SQLiteOutbox.open(path)
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def on_server(address: str) -> AsyncIterator[PostgresOutbox]:
    outbox = await PostgresOutbox.open(address)
    try:
        yield outbox
    finally:
        await outbox.close()


async def fill(outbox: Outbox) -> None:
    """Something in each state, and in each relation to others."""
    raw = bytes(range(256))
    for n in range(8):
        same = NOTE if n == 5 else None
        event = an_event(n, created_at=n, kind="a\0b")
        assert await accept(outbox, event, raw, BOTH, now=n, subject_version=same)
    for number, (state, changes) in enumerate(
        [
            (State.DEAD, {"reason": "400 'ひどい'"}),
            (State.DELIVERED, {"message": "m1"}),
            (State.PENDING, {"due_at": 10**6, "reason": "502", "attempt": 1}),
        ]
    ):
        claim = await outbox.claim(ClaimRequest("team", now=100, lease=LEASE, limit=2))
        assert claim is not None
        claimed = [
            *claim.deliveries,
            *await outbox.extend_claim(claim.candidates, head=claim.deliveries[0]),
        ]
        attempt = Attempt(at=number, took=5, outcome="Failed", reason=f"{number}")
        settled = [replace(one, state=state, **changes) for one in claimed]  # type: ignore[arg-type]
        assert await outbox.save(settled, claimed=claimed, attempt=attempt)
    later = SubjectVersion(subject="note 5", version="b")
    edit = an_event(9, created_at=100)
    assert await accept(outbox, edit, raw, {"team": "t"}, now=200, subject_version=later)
    assert (
        await outbox.claim(ClaimRequest("ops", now=300, lease=LEASE, limit=1)) is not None
    )  # and relay dies
    await outbox.close_sink(
        ClosedSink(name="ops", reason="410 gone", fingerprint="f", closed_at=400)
    )
    await outbox.pause_sink("team", now=500)
    await outbox.journal_polled([], CURSOR, before=None)


async def all_of(outbox: Outbox) -> object:
    """Everything that can be asked."""
    found = await outbox.deliveries(DeliverySearch(), limit=100)
    return (
        outbox.id,
        [replace(one, kind=one.kind.replace("\0", "\ufffd")) for one in found],
        [await outbox.attempts(one.id) for one in found],
        [told and told.message for told in [await outbox.posted_message(one.id) for one in found]],
        await outbox.closed_sinks(),
        await outbox.paused_sinks(),
        await outbox.cursor(CURSOR),
        await outbox.counts(),
    )


async def test_a_copy_has_all_that_the_file_had(path: Path, source: str, target: str) -> None:
    async with in_file(path) as outbox:
        await fill(outbox)
        expected = await all_of(outbox)
    numbers = await copy_outbox(source, target)
    assert numbers is not None
    assert (numbers["event"], numbers["delivery"], numbers["closed_sink"]) == (9, 17, 1)
    async with on_server(target) as outbox:
        assert await all_of(outbox) == expected


async def test_what_waits_to_be_routed_is_copied_and_what_became_of_the_rest(
    path: Path, source: str, target: str
) -> None:
    decided = iter([RoutedEvent(no_route="no"), RoutedEvent(withheld={"ops": "private"})])
    asked = list[JournalEntry]()

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        asked.extend(entries)
        return [next(decided, RoutedEvent(sinks=TEAM)) for _ in entries]

    waiting = [an_entry(n, note_id=f"n{n}") for n in (7, 5, 6)]
    async with in_file(path) as outbox:
        for entry in (an_entry(1), an_entry(2), *waiting):
            assert await outbox.journal(entry)
        await outbox.route(decide, limit=2)
        expected = [await outbox.stored_events(f"event-{n}") for n in range(1, 8)]
    await copy_outbox(source, target)
    async with on_server(target) as outbox:
        assert [await outbox.stored_events(f"event-{n}") for n in range(1, 8)] == expected
        assert (await outbox.restrictions({"note": "n6"})).has_unrouted
        assert (await outbox.route(decide, limit=9)).events == 3
        assert asked[2:] == waiting
        assert await outbox.counts() == {("team", "pending"): 3}


async def test_a_delivery_sent_without_an_answer_is_sent_again_under_the_same_key(
    path: Path, source: str, target: str
) -> None:
    async with in_file(path) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
        claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
        assert claim is not None
        key = (claim.deliveries[0].id, claim.deliveries[0].key)
        assert key[1]
    await copy_outbox(source, target)
    async with on_server(target) as outbox:
        again = await outbox.claim(ClaimRequest("team", now=LEASE, lease=LEASE))
        assert again is not None
        assert (again.deliveries[0].id, again.deliveries[0].key) == key
        assert again.deliveries[0].interrupted


async def test_a_key_is_not_used_again_after_the_copy(path: Path, source: str, target: str) -> None:
    async with in_file(path) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
        claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
        assert claim is not None
        (one,) = claim.deliveries
        await outbox.save([replace(one, state=State.DEAD)], claimed=[one])
        await outbox.drop([one.id])
    await copy_outbox(source, target)
    async with on_server(target) as outbox:
        assert await accept(outbox, an_event(2), b"{}", TEAM, now=0)
        (new,) = await outbox.deliveries(DeliverySearch())
        assert new.id > one.id


async def test_an_event_that_the_file_knew_does_not_come_twice(
    path: Path, source: str, target: str
) -> None:
    async with in_file(path) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
    await copy_outbox(source, target)
    async with on_server(target) as outbox:
        assert not await accept(outbox, an_event(), b"{}", TEAM, now=1)
        assert await accept(outbox, an_event(2), b"{}", TEAM, now=1)


async def test_a_copy_can_be_repeated_until_it_is_served(
    path: Path, source: str, target: str
) -> None:
    for n in range(2):
        async with in_file(path) as outbox:
            assert await accept(outbox, an_event(n), b"{}", TEAM, now=0)
        await copy_outbox(source, target)
    async with on_server(target) as outbox:
        assert await outbox.counts() == {("team", "pending"): 2}


async def serve(target: str) -> None:
    """What a process does first: it takes a number."""
    db = await asyncpg.connect(target, server_settings=SETTINGS)
    await db.execute("INSERT INTO node (until, groups) VALUES (now(), '{}')")
    await db.execute("DELETE FROM node")
    await db.close()


async def test_a_copy_that_was_served_is_left_alone(path: Path, source: str, target: str) -> None:
    async with in_file(path) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
    await copy_outbox(source, target)
    await serve(target)
    async with on_server(target) as outbox:
        claim = await outbox.claim(ClaimRequest("team", now=0, lease=LEASE))
        assert claim is not None
        (one,) = claim.deliveries
        await outbox.save([replace(one, state=State.DELIVERED)], claimed=[one])
        assert await copy_outbox(source, target) is None
        assert await outbox.counts() == {("team", "delivered"): 1}


async def test_events_that_came_into_the_file_after_its_copy_was_served_are_reported(
    path: Path, source: str, target: str
) -> None:
    async with in_file(path):
        pass
    await copy_outbox(source, target)
    await serve(target)
    async with in_file(path) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
    with pytest.raises(OutboxError, match="both have changed since"):
        await copy_outbox(source, target)


async def test_a_database_with_other_events_is_left_alone(
    path: Path, source: str, target: str
) -> None:
    async with in_file(path):
        pass
    async with on_server(target) as outbox:
        assert await accept(outbox, an_event(), b"{}", TEAM, now=0)
        with pytest.raises(OutboxError, match="into a new database"):
            await copy_outbox(source, target)
        assert await outbox.counts() == {("team", "pending"): 1}


async def test_a_file_that_a_process_serves_is_not_copied(
    path: Path, source: str, target: str
) -> None:
    async with in_file(path):
        lock = FileLock(path)
        with pytest.raises(OutboxError, match="another relay is running"):
            await copy_outbox(source, target)
        lock.release()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param("postgresql://a/b", "postgresql://c/d", id="from a server"),
        pytest.param("sqlite:a", "sqlite:b", id="to a file"),
    ],
)
async def test_only_a_file_is_copied_and_only_to_a_server(source: str, target: str) -> None:
    with pytest.raises(OutboxError, match="can be copied from sqlite:FILE to postgresql:"):
        await copy_outbox(source, target)


async def test_to_copy_makes_no_file(path: Path, source: str, target: str) -> None:
    with pytest.raises(OutboxError, match="no outbox in this file"):
        await copy_outbox(source, target)
    assert list(path.parent.iterdir()) == []
