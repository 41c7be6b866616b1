"""A Matrix sink between plain and encrypted rooms, at a homeserver that says what it likes."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from relay.outcome import Cause, Closed
from relay.sinks.http import open_session
from relay.sinks.matrix import client
from relay.sinks.matrix.client import DOWNGRADED, NO_KEYS, NOT_ENCRYPTED, MatrixSink
from relay.sinks.matrix.room import Place
from relay.sinks.matrix.settings import MatrixSettings
from relay.text.message import Message

PLAIN = Place("!a:b", None)
ENCRYPTED = Place("!a:b", {"algorithm": "m.megolm.v1.aes-sha2"})
MESSAGES = [Message()]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


def opened(session: aiohttp.ClientSession, **settings: Any) -> MatrixSink:
    place = {"homeserver": "https://b.example", "room": "!a:b", "token": "t"}
    sink = MatrixSettings.model_validate({"type": "matrix"} | place | settings).open(session)
    assert isinstance(sink, MatrixSink)
    return sink


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """What the homeserver says of the room, one after the other."""
    places: list[Place] = []

    async def usable(home: Any, name: str, *, known: str | None = None) -> Place:
        return places.pop(0)

    monkeypatch.setattr(client, "usable", usable)
    return places


async def test_a_room_that_was_encrypted_never_gets_plain_text(
    session: aiohttp.ClientSession, room: list[Place]
) -> None:
    room += [ENCRYPTED, PLAIN, PLAIN]
    sink = opened(session)
    layout = sink.layout(MESSAGES)
    assert await sink.send(layout, key="1") == Closed(NO_KEYS)
    for key in ("2", "3"):
        outcome = await sink.send(layout, key=key)
        assert outcome == Closed(DOWNGRADED)
        assert isinstance(outcome, Closed)
        assert outcome.cause is Cause.ENCRYPTED


async def test_where_encryption_is_required_a_plain_room_gets_nothing(
    session: aiohttp.ClientSession, room: list[Place]
) -> None:
    room += [PLAIN, PLAIN]
    sink = opened(session, encryption="required")
    assert await sink.send(sink.layout(MESSAGES), key="1") == Closed(NOT_ENCRYPTED)
    assert await sink.probe() == Closed(NOT_ENCRYPTED)


async def test_without_keys_the_room_is_not_asked_before_pictures(
    session: aiohttp.ClientSession, room: list[Place]
) -> None:
    assert await opened(session).prepare(MESSAGES) is MESSAGES
    room += [ENCRYPTED]
    assert await opened(session, keys="relaykeys1.e30=").prepare(MESSAGES) is MESSAGES
    assert room == []


def test_what_may_be_encrypted_is_shorter() -> None:
    from relay.text.tree import Text

    place = {"type": "matrix", "homeserver": "https://b.example", "room": "!a:b", "token": "t"}
    long = [Message(body=(Text("x" * 100_000),))]
    lengths = [
        len(str(MatrixSettings.model_validate(place | keys).layout(long).payload))
        for keys in ({}, {"keys": "relaykeys1.e30="})
    ]
    assert 58_000 < lengths[0] < 61_000
    assert 44_000 < lengths[1] < 47_000
