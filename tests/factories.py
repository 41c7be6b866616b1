"""Nouns with defaults, and every outbox as one fixture; `conftest.py` names it in its plugins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.model import Event
from relay.outbox import Outbox, SQLiteOutbox
from relay.outcome import Delivery


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


@pytest.fixture(params=["sqlite"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    """An empty outbox of each kind. No test may ask which."""
    async with OUTBOXES[request.param](tmp_path) as made:
        yield made


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Outbox]:
    outbox = SQLiteOutbox.open(folder / "relay.db")
    try:
        yield outbox
    finally:
        await outbox.close()


OUTBOXES = {"sqlite": _sqlite}
"""A new database is one more opener here, and one more param above."""
