"""
Matrix, over the client-server API.

https://spec.matrix.org/v1.19/client-server-api/
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import aiohttp
from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.settings import Settings
from relay.sinks.base import NO_ROOM, Payload, SinkSettings, ids, may_be_http
from relay.sinks.emoji import Pictures
from relay.sinks.errors import Answer, trouble
from relay.sinks.matrix.address import (
    check_homeserver,
    check_room,
    check_token,
    homeserver_doubt,
)
from relay.sinks.matrix.errors import classify, code_of
from relay.sinks.matrix.homeserver import Homeserver
from relay.sinks.matrix.layout import MESSAGES, NOTICE, change, notice, together
from relay.sinks.matrix.room import MESSAGE, enter, is_removed, refused, standing, usable
from relay.text.message import Message, pinged

PREPARATION = 20.0  # seconds for all that is asked before a message; with it a lease has to suffice

Users = Annotated[
    tuple[str, ...],
    ids(r"@[^\s:]+:\S+", "should be ids of users, like @alice:matrix.example"),
    Field(max_length=40),
]


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: user ids, or everybody in the room."""

    users: Users = ()
    """Ids of users, like @alice:matrix.example."""
    room: bool = False
    """Whether everybody in the room may be pinged."""


class Matrix(SinkSettings):
    """A way out to one Matrix room."""

    # Element's findLinks: all links but those in quotes and code, also behind spoilers.
    previews = True

    type: Literal["matrix"]
    """A room of Matrix."""
    allow_http: bool = False
    """Whether ``homeserver`` may begin with http://, as on a network that is your own."""
    homeserver: str
    """The server of the account, like https://matrix.example."""
    room: str
    """``!id:server``, ``!id``, or an alias ``#name:server``."""
    token: Secret
    """The access token of the account that posts."""
    mentions: Mentions = Mentions()
    """Whom templates may ping; nobody else, ever."""
    emojis: Literal["pictures", "names"] = "pictures"
    """How custom emoji are shown: by pictures, fetched from the hook's ``server``, or by name."""
    _pictures: Pictures = PrivateAttr(default_factory=Pictures)
    _known: str | None = PrivateAttr(None)
    """The room's id, as far as it is known."""

    @field_validator("homeserver")
    @classmethod
    def _is_homeserver(cls, address: str, info: ValidationInfo) -> str:
        check_homeserver(address, allow_http=may_be_http(info))
        return address

    @field_validator("room")
    @classmethod
    def _is_room(cls, room: str) -> str:
        check_room(room)
        return room

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: Secret) -> Secret:
        check_token(token.reveal())
        return token

    @property
    def doubts(self) -> Mapping[str, str]:
        doubt = homeserver_doubt(self.homeserver)
        return {} if doubt is None else {"homeserver": doubt}

    @property
    def is_idempotent(self) -> bool:
        return True  # the same key gives the same event

    @property
    def resends(self) -> bool:
        return True  # nothing can come twice

    @property
    def pace_key(self) -> Hashable:
        # A homeserver counts by account, over all rooms.
        return self.type, self.homeserver.rstrip("/"), self.token

    @property
    def can_edit(self) -> bool:
        return True

    @property
    def most(self) -> int:
        return MESSAGES

    def together(self, messages: Sequence[Message]) -> int:
        return together(messages, mentions=self._pings(messages))

    def payload(self, messages: Sequence[Message]) -> Payload:
        return notice(messages, mentions=self._pings(messages))

    def _pings(self, messages: Sequence[Message]) -> dict[str, Any]:
        """https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions"""
        wanted = pinged(messages)
        users = [one for one in self.mentions.users if wanted & {"all", one}]
        whole_room = self.mentions.room and bool(wanted & {"all", "room"})
        return ({"user_ids": users} if users else {}) | ({"room": True} if whole_room else {})

    async def send(
        self, messages: Sequence[Message], *, key: str, session: aiohttp.ClientSession
    ) -> Outcome:
        home = self._home(session)
        shown = await self._pictured(messages, home)
        return await self._put(home, key, self.payload(shown))

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        home = self._home(session)
        place, event, *kind = sent.split(" ")
        if self.together(messages) < len(messages):
            return NO_ROOM
        shown = await self._pictured(messages, home)
        removed = await is_removed(home, place, event)
        if not isinstance(removed, bool):
            return removed
        if removed:
            return Rejected("somebody has removed the message", is_removed=True)
        body = change(event, shown, mentions=self._pings(shown), kind=kind[0] if kind else NOTICE)
        outcome = await self._put(home, key, body, place=place)
        return replace(outcome, message=sent) if isinstance(outcome, Sent) else outcome

    async def _pictured(self, messages: Sequence[Message], home: Homeserver) -> Sequence[Message]:
        """With pictures of emoji, which take twenty times the room of names, if they have it."""
        if self.emojis == "names":
            return messages
        shown = await self._pictures.shown(messages, home.session, home.upload)
        return shown if self.together(shown) == len(messages) else messages

    async def _put(
        self, home: Homeserver, key: str, body: Payload, *, place: str | None = None
    ) -> Outcome:
        """
        Say it in the room, or in ``place``, if that still is the room.

        Right before that the room is asked whether plain text has its place there: also once more
        where the account has entered it in between.
        """
        room = await self._usable(home)
        if not isinstance(room, str):
            return room
        if place not in {None, room}:
            return Rejected("it was sent to another room")
        # Idempotent: the same key gives the same event, however often it is sent.
        path = ("rooms", room, "send", MESSAGE, key)
        answer = await home.ask("PUT", *path, body=body)
        if code_of(answer) != "M_FORBIDDEN":
            return _placed(answer, room, body)
        if (entry := await enter(home, self.room)) is not None:
            # Why it may not enter tells less than why it was refused; that it could not ask, more.
            late = classify(entry)
            is_late = isinstance(late, Failed | RateLimited)
            return late if is_late else await refused(home, room, answer)
        again = await self._usable(home)
        if again != room:
            return Failed("the room has changed") if isinstance(again, str) else again
        answer = await home.ask("PUT", *path, body=body)
        if code_of(answer) == "M_FORBIDDEN":
            return await refused(home, room, answer)
        return _placed(answer, room, body)

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        """Ask whether the account may speak in the room, which it enters if it is invited."""
        home = self._home(session)
        room = await self._usable(home)
        return await standing(home, room) if isinstance(room, str) else room

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        return trouble(await self.probe(session))

    async def _usable(self, home: Homeserver) -> str | Outcome:
        """The room's id, if it is one in which plain text has its place now."""
        try:
            async with asyncio.timeout(PREPARATION):
                found = await usable(home, self.room, known=self._known)
        except TimeoutError:
            return Failed("the homeserver is slow to tell of the room", unsent=True)
        if isinstance(found, str | Closed):
            self._known = found if isinstance(found, str) else None
        return found

    def _home(self, session: aiohttp.ClientSession) -> Homeserver:
        return Homeserver(self.homeserver, self.token, session)


def _placed(answer: Answer | Failed, room: str, body: Payload) -> Outcome:
    """The outcome of a message, which is found again by its room; an edit keeps its type."""
    outcome = classify(answer)
    if not isinstance(outcome, Sent) or not outcome.message:
        return outcome
    return replace(outcome, message=f"{room} {outcome.message} {body['msgtype']}")
