"""
Matrix, over the client-server API.

https://spec.matrix.org/v1.19/client-server-api/
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp

from relay.outcome import Cause, Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import Layout, Payload, Sink
from relay.sinks.matrix.address import missing_extra
from relay.sinks.matrix.emoji import Pictures
from relay.sinks.matrix.errors import classify
from relay.sinks.matrix.homeserver import Homeserver
from relay.sinks.matrix.layout import MESSAGES, NOTICE, change
from relay.sinks.matrix.room import (
    Place,
    enter,
    is_forbidden,
    is_removed,
    refused,
    standing,
    usable,
)
from relay.sinks.matrix.settings import MatrixSettings
from relay.text.message import Message

if TYPE_CHECKING:
    from relay.sinks.matrix.crypto.megolm import Encryption

PREPARATION = 20.0  # seconds for all that is asked before a message; with it a lease has to suffice

OFF = "the room is encrypted, and encryption is off: use a room without it, or encryption: auto"
NO_KEYS = (
    "the room is encrypted, and relay has no keys for it: run relay matrix login, "
    "and take the token and the keys that it writes"
)
NOT_ENCRYPTED = "the room is not encrypted, and encryption is required: switch it on in the room"
DOWNGRADED = "the homeserver says that the room is not encrypted any more, which cannot be"


class MatrixSink(Sink):
    """Posts to one room, with the pictures of emoji that it has uploaded."""

    can_edit = True
    max_batch = MESSAGES

    def __init__(self, settings: MatrixSettings, session: aiohttp.ClientSession) -> None:
        self.settings: MatrixSettings = settings
        self._home = Homeserver(settings.homeserver, settings.token, session)
        self._pictures = Pictures()
        self._known: Place | None = None
        """The room, as far as it is known."""
        self._encryption: Encryption | None = None
        self._encrypted_rooms: set[str] = set()
        """The ids of rooms that were encrypted: they are for ever."""

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        """
        With pictures of emoji, which take twenty times the room of names.

        They are uploaded as they are, so that they would give away what is encrypted.
        """
        if self.settings.emojis == "names" or await self._is_encrypted():
            return messages
        return await self._pictures.with_pictures(messages, self._home.session, self._home.upload)

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        return await self._put(key, layout.payload)

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        place, event, *kind = posted.split(" ")
        removed = await is_removed(self._home, place, event)
        if not isinstance(removed, bool):
            return removed
        if removed:
            return Rejected("somebody has removed the message", is_removed=True)
        body = change(event, layout.payload, kind=kind[0] if kind else NOTICE)
        outcome = await self._put(key, body, place=place)
        return replace(outcome, message=posted) if isinstance(outcome, Sent) else outcome

    async def _put(self, key: str, body: Payload, *, place: str | None = None) -> Outcome:
        """
        Say it in the room, or in ``place``, if that still is the room.

        Right before that the room is asked whether it is encrypted: also once more where the
        account has entered it in between.
        """
        room = await self._usable()
        if not isinstance(room, Place):
            return room
        if place not in {None, room.id}:
            return Rejected("it was sent to another room")
        outcome = await self._post(room, key, body)
        if not is_forbidden(outcome):
            return outcome
        if (entry := await enter(self._home, self.settings.room)) is not None:
            # The refusal says more than the join that was refused, too, but not than its failure.
            late = classify(entry)
            is_late = isinstance(late, Failed | RateLimited)
            return late if is_late else await refused(self._home, room, outcome)
        again = await self._usable()
        if not isinstance(again, Place):
            return again
        if again.id != room.id:
            return Failed("the room has changed")
        outcome = await self._post(again, key, body)
        return await refused(self._home, again, outcome) if is_forbidden(outcome) else outcome

    async def _post(self, room: Place, key: str, body: Payload) -> Outcome:
        """Post a message as the room has them, plain or encrypted."""
        content = body
        if room.encryption is not None:
            try:
                async with asyncio.timeout(PREPARATION):
                    encrypted = await self._encrypted(room.id, room.encryption, body)
            except TimeoutError:
                return Failed("the homeserver is slow to give the readers' keys", unsent=True)
            if not isinstance(encrypted, Mapping):
                return encrypted
            content = encrypted
        # Idempotent: the same key gives the same event, however often it is sent.
        answer = await self._home.ask("PUT", "rooms", room.id, "send", room.kind, key, body=content)
        outcome = classify(answer)
        if not isinstance(outcome, Sent) or not outcome.message:
            return outcome
        # It is found again by its room, and an edit keeps its type.
        return replace(outcome, message=f"{room.id} {outcome.message} {body['msgtype']}")

    async def probe(self) -> Outcome:
        """Ask whether the account may speak in the room, which it enters if it is invited."""
        room = await self._usable()
        if not isinstance(room, Place):
            return room
        outcome = await standing(self._home, room)
        if room.encryption is None or not isinstance(outcome, Sent):
            return outcome
        encryption = self._opened()
        if isinstance(encryption, Closed):
            return encryption
        readers = await encryption.readers(room.id)
        return Sent() if isinstance(readers, set) else readers

    async def _encrypted(
        self, room: str, rules: Mapping[str, object], body: Payload
    ) -> Payload | Outcome:
        encryption = self._opened()
        if isinstance(encryption, Closed):
            return encryption
        return await encryption.encrypted(room, rules, body)

    def _opened(self) -> "Encryption | Closed":
        """The encryption of this sink; Closed if it has none."""
        if self._encryption is not None:
            return self._encryption
        if self.settings.encryption == "off":
            return Closed(OFF, cause=Cause.ENCRYPTED)
        if (keys := self.settings.keys) is None:
            return Closed(NO_KEYS, cause=Cause.ENCRYPTED)
        if (missing := missing_extra()) is not None:
            return Closed(f"the room is encrypted, which {missing}", cause=Cause.ENCRYPTED)
        from relay.sinks.matrix.crypto.identity import Identity
        from relay.sinks.matrix.crypto.megolm import Encryption

        try:
            identity = Identity.read(keys.reveal())
        except ValueError as error:
            return Closed(f"keys: {error}", cause=Cause.DEVICE)
        signed = self.settings.readers == "signed"
        self._encryption = Encryption(identity, self._home, signed=signed)
        return self._encryption

    async def _is_encrypted(self) -> bool:
        """Whether the room may be an encrypted one, in which relay can write."""
        if self.settings.keys is None or self.settings.encryption == "off":
            return False
        room = self._known or await self._usable()
        return not isinstance(room, Place) or room.encryption is not None

    async def _usable(self) -> Place | Outcome:
        """The room, if messages have their place in it now."""
        known = None if self._known is None else self._known.id
        try:
            async with asyncio.timeout(PREPARATION):
                room = await usable(self._home, self.settings.room, known=known)
        except TimeoutError:
            return Failed("the homeserver is slow to tell of the room", unsent=True)
        if not isinstance(room, Place):
            if isinstance(room, Closed):
                self._known = None
            return room
        if room.encryption is None:
            if self.settings.encryption == "required":
                return Closed(NOT_ENCRYPTED, cause=Cause.ENCRYPTED)
            if room.id in self._encrypted_rooms:
                return Closed(DOWNGRADED, cause=Cause.ENCRYPTED)
        else:
            self._encrypted_rooms.add(room.id)
        self._known = room
        return room
