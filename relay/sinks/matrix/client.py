"""
Matrix, over the client-server API.

https://spec.matrix.org/v1.19/client-server-api/
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import aiohttp

from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import Layout, Payload, Sink
from relay.sinks.errors import Answer
from relay.sinks.matrix.emoji import Pictures
from relay.sinks.matrix.errors import classify, code_of
from relay.sinks.matrix.homeserver import Homeserver
from relay.sinks.matrix.layout import MESSAGES, NOTICE, change
from relay.sinks.matrix.room import MESSAGE, enter, is_removed, refused, standing, usable
from relay.sinks.matrix.settings import MatrixSettings
from relay.text.message import Message

PREPARATION = 20.0  # seconds for all that is asked before a message; with it a lease has to suffice


class MatrixSink(Sink):
    """Posts to one room, with the pictures of emoji that it has uploaded."""

    can_edit = True
    max_batch = MESSAGES

    def __init__(self, settings: MatrixSettings, session: aiohttp.ClientSession) -> None:
        self.settings: MatrixSettings = settings
        self._home = Homeserver(settings.homeserver, settings.token, session)
        self._pictures = Pictures()
        self._known: str | None = None
        """The room's id, as far as it is known."""

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        """With pictures of emoji, which take twenty times the room of names."""
        if self.settings.emojis == "names":
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

        Right before that the room is asked whether plain text has its place there: also once more
        where the account has entered it in between.
        """
        room = await self._usable()
        if not isinstance(room, str):
            return room
        if place not in {None, room}:
            return Rejected("it was sent to another room")
        # Idempotent: the same key gives the same event, however often it is sent.
        path = ("rooms", room, "send", MESSAGE, key)
        answer = await self._home.ask("PUT", *path, body=body)
        if code_of(answer) != "M_FORBIDDEN":
            return _placed(answer, room, body)
        if (entry := await enter(self._home, self.settings.room)) is not None:
            # The refusal says more than the join that was refused, too, but not than its failure.
            late = classify(entry)
            is_late = isinstance(late, Failed | RateLimited)
            return late if is_late else await refused(self._home, room, answer)
        again = await self._usable()
        if again != room:
            return Failed("the room has changed") if isinstance(again, str) else again
        answer = await self._home.ask("PUT", *path, body=body)
        if code_of(answer) == "M_FORBIDDEN":
            return await refused(self._home, room, answer)
        return _placed(answer, room, body)

    async def probe(self) -> Outcome:
        """Ask whether the account may speak in the room, which it enters if it is invited."""
        room = await self._usable()
        return await standing(self._home, room) if isinstance(room, str) else room

    async def _usable(self) -> str | Outcome:
        """The room's id, if it is one in which plain text has its place now."""
        try:
            async with asyncio.timeout(PREPARATION):
                room = await usable(self._home, self.settings.room, known=self._known)
        except TimeoutError:
            return Failed("the homeserver is slow to tell of the room", unsent=True)
        if isinstance(room, str | Closed):
            self._known = room if isinstance(room, str) else None
        return room


def _placed(answer: Answer | Failed, room: str, body: Payload) -> Outcome:
    """The outcome of a message, which is found again by its room; an edit keeps its type."""
    outcome = classify(answer)
    if not isinstance(outcome, Sent) or not outcome.message:
        return outcome
    return replace(outcome, message=f"{room} {outcome.message} {body['msgtype']}")
