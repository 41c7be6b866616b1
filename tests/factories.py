"""Nouns with defaults, and every outbox as one fixture; `conftest.py` names it in its plugins."""

from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from relay.model import Event
from relay.outbox import JournalEntry, Outbox, RoutedEvent, SQLiteOutbox
from relay.outbox.postgres import PostgresOutbox
from relay.outcome import Delivery
from tests.postgres import empty


def an_event(n: int = 1, **changes: Any) -> Event:
    """Event `n` of a hook: the same `n` again is the same event, sent twice."""
    event = Event(
        id=f"event-{n}",
        hook="alice",
        kind="mention",
        created_at=1_795_309_533_815,
        server="https://misskey.example",
        is_moderation=False,
    )
    return replace(event, **changes)


def an_entry(n: int = 1, **changes: Any) -> JournalEntry:
    """Event `n` as the door hands it over."""
    entry = JournalEntry(
        hook="alice",
        event_id=f"event-{n}",
        kind="mention",
        server="https://misskey.example",
        created_at=1_795_309_533_815 + n,
        accepted_at=0,
        raw=b"%d" % n,
    )
    return entry._replace(**changes)


def a_delivery(**changes: Any) -> Delivery:
    """A delivery that was claimed for its first attempt."""
    delivery = Delivery(
        id=1,
        sink="team",
        route="all",
        hook="alice",
        server="https://misskey.example",
        raw=b"{}",
        accepted_at=0,
        attempt=1,
        due_at=60_000,
    )
    return replace(delivery, **changes)


DECIDED: MutableMapping[Outbox, dict[tuple[object, ...], RoutedEvent]] = WeakKeyDictionary()
"""By hook and id, since who routes an event need not be who journaled it."""


async def accept(
    outbox: Outbox, event: Event, raw: bytes, sinks: Mapping[str, str], **given: Any
) -> bool:
    """
    Journals an event and routes it; whether it was new.

    ``given``: when it came, and what else the router would decide on it.
    """
    entry = JournalEntry(
        hook=event.hook,
        event_id=event.id,
        kind=event.kind,
        server=event.server,
        created_at=event.created_at,
        accepted_at=given.pop("now"),
        raw=raw,
    )
    updated_at = None if event.note is None else event.note.updated_at
    decided = DECIDED.setdefault(outbox, {})
    decided.setdefault(entry[:2], RoutedEvent(sinks=sinks, updated_at=updated_at, **given))

    async def decide(entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        everywhere = ChainMap(decided, *reversed([*DECIDED.values()]))  # not of an earlier test
        return [everywhere[waits[:2]] for waits in entries]

    is_new = await outbox.journal(entry)
    while (await outbox.route(decide, limit=100)).has_more:
        pass
    return is_new


Opener = Callable[[Path], AbstractAsyncContextManager[Outbox]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def opener(request: pytest.FixtureRequest) -> Opener:
    """
    Opens an empty outbox of each kind, in a folder or elsewhere. No test may ask which.

    A new database is one more param.
    """
    if request.param == "sqlite":
        return _sqlite
    address: str = request.getfixturevalue("postgres_database")
    return lambda folder: _postgres(address)


@pytest.fixture
async def outbox(opener: Opener, tmp_path: Path) -> AsyncIterator[Outbox]:
    """An empty outbox of each kind."""
    async with opener(tmp_path) as made:
        yield made


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Outbox]:
    outbox = SQLiteOutbox.open(folder / "relay.db")
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def _postgres(address: str) -> AsyncIterator[Outbox]:
    await empty(address)
    outbox = await PostgresOutbox.open(address)
    try:
        yield outbox
    finally:
        await outbox.close()
