"""An outbox is restored from a backup that is older than what it has sent since."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import pytest

from relay import misskey
from relay.app.plan import policy
from relay.config import Config
from relay.delivery.lane import Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.renderer import Renderer
from relay.outbox import ClaimRequest, Outbox, SQLiteOutbox, backup
from relay.outbox.postgres import PostgresOutbox
from relay.outcome import State
from relay.rendering.templates import Templates
from relay.sinks.http import open_session
from relay.sinks.matrix.settings import MatrixSettings
from tests.factories import accept
from tests.fakes.misskey import a_note_event
from tests.fakes.synapse import Synapse
from tests.postgres import empty

pytestmark = pytest.mark.synapse

NOW = 1_795_309_533_815


class File:
    """An outbox in a file, and what may become of the file."""

    def __init__(self, folder: Path) -> None:
        self._path, self._copy = folder / "relay.db", folder / "backup.db"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Outbox]:
        outbox = SQLiteOutbox.open(self._path)
        try:
            yield outbox
        finally:
            await outbox.close()

    async def back_up(self) -> None:
        backup(self._path, self._copy)

    async def restore(self) -> None:
        self._copy.replace(self._path)


class Database:
    """The same on a server: https://www.postgresql.org/docs/current/manage-ag-templatedbs.html"""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._name = parts.path.lstrip("/")
        self._address, self._server = address, urlunsplit(parts._replace(path="/postgres"))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Outbox]:
        outbox = await PostgresOutbox.open(self._address)
        try:
            yield outbox
        finally:
            await outbox.close()

    async def back_up(self) -> None:
        await self._copy(self._name, f"{self._name}_backup")

    async def restore(self) -> None:
        await self._copy(f"{self._name}_backup", self._name)
        await self._execute(f"DROP DATABASE {self._name}_backup")

    async def _copy(self, source: str, target: str) -> None:
        await self._execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        await self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", source
        )
        await self._execute(f"CREATE DATABASE {target} TEMPLATE {source}")

    async def _execute(self, command: str, *values: str) -> None:
        db = await asyncpg.connect(self._server)
        try:
            await db.execute(command, *values) if not values else await db.fetch(command, *values)
        finally:
            await db.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> File | Database:
    if request.param == "sqlite":
        return File(tmp_path)
    address: str = request.getfixturevalue("postgres_database")
    await empty(address)
    return Database(address)


def lane_to(sink: MatrixSettings, outbox: Outbox, session: aiohttp.ClientSession) -> Lane:
    return Lane(
        "room",
        LaneConfig(
            sink=sink.open(session),
            policy=policy(Config(), sink),
            renderer=Renderer(Templates(), {}),
            fingerprint="",
        ),
        outbox=outbox,
        clock=lambda: NOW,
    )


async def take(outbox: Outbox, *numbers: int) -> None:
    for number in numbers:
        raw = a_note_event(number, text=f"note {number}").body
        event = misskey.parse(raw, hook="alice")
        assert await accept(outbox, event, raw, {"room": "all"}, now=NOW)


async def send(lane: Lane, outbox: Outbox) -> None:
    while await outbox.pending_count():
        await lane.step()
    assert (await outbox.counts()).keys() == {("room", State.DELIVERED)}


@pytest.mark.parametrize("together", [1, 3])
async def test_after_a_restored_backup_every_new_message_arrives(
    stored: File | Database, synapse: Synapse, together: int
) -> None:
    room = await synapse.create_room()
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    sink = MatrixSettings.model_validate(
        {"type": "matrix", "room": room, "rate": "unlimited"} | account
    )
    async with open_session() as session:
        async with stored.open() as outbox:
            await take(outbox, 0)
            await send(lane_to(sink, outbox, session), outbox)
        await stored.back_up()
        async with stored.open() as outbox:
            for first in range(1, 7, together):
                await take(outbox, *range(first, first + together))
                await send(lane_to(sink, outbox, session), outbox)
        await stored.restore()
        async with stored.open() as outbox:
            for first in range(11, 17, together):
                await take(outbox, *range(first, first + together))
                await send(lane_to(sink, outbox, session), outbox)
    bodies = "\n".join(event["content"]["body"] for event in await synapse.messages(room))
    told = [n for n in range(20) if f"note {n}\n" in f"{bodies}\n"]
    assert told == [*range(7), *range(11, 17)]


async def test_what_a_backup_found_on_its_way_arrives_once(
    stored: File | Database, synapse: Synapse
) -> None:
    room = await synapse.create_room()
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    sink = MatrixSettings.model_validate(
        {"type": "matrix", "room": room, "rate": "unlimited"} | account
    )
    async with open_session() as session:
        async with stored.open() as outbox:
            await take(outbox, 1)
            assert await outbox.claim(ClaimRequest("room", now=NOW, lease=1)) is not None
        await stored.back_up()
        for is_first in (True, False):
            async with stored.open() as outbox:
                await outbox.recover(now=NOW)
                await send(lane_to(sink, outbox, session), outbox)
            if is_first:
                await stored.restore()
    bodies = [event["content"]["body"] for event in await synapse.messages(room)]
    assert len([one for one in bodies if "note 1" in one]) == 1


async def test_what_waited_in_a_backup_takes_other_company_with_it(
    stored: File | Database, synapse: Synapse
) -> None:
    room = await synapse.create_room()
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    sink = MatrixSettings.model_validate(
        {"type": "matrix", "room": room, "rate": "unlimited"} | account
    )
    async with open_session() as session:
        async with stored.open() as outbox:
            await take(outbox, 1)
        await stored.back_up()
        for is_first in (True, False):
            async with stored.open() as outbox:
                await take(outbox, 2 if is_first else 12)  # the same number in the outbox
                await send(lane_to(sink, outbox, session), outbox)
            if is_first:
                await stored.restore()
    bodies = "\n".join(event["content"]["body"] for event in await synapse.messages(room))
    assert [n for n in (1, 2, 12) if f"note {n}\n" in f"{bodies}\n"] == [1, 2, 12]
