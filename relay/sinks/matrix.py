"""
Matrix, over the client-server API.

https://spec.matrix.org/v1.19/client-server-api/
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

import aiohttp
from pydantic import Field, PrivateAttr, ValidationInfo, field_validator
from yarl import URL

from relay.message import Message, pinged
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.sinks.answer import Answer, trouble
from relay.sinks.base import NO_ROOM, Payload, Settings, SinkSettings, ids, may_be_http
from relay.sinks.emoji import Pictures
from relay.sinks.errcode import classify, code_of, not_the_message
from relay.sinks.http import exchange
from relay.sinks.notice import MESSAGES, NOTICE, change, notice, together
from relay.sinks.shapes import homeserver, homeserver_doubt, matrix_room, matrix_token

RECHECK = 24 * 3600.0  # seconds; a room can be encrypted later on
PREPARATION = 20.0  # seconds for all that is asked before a message; with it a lease has to suffice

ENCRYPTED = (
    "the room is encrypted, and relay cannot encrypt: what it sent would lie open in it; "
    "use a room without encryption"
)

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
    """How custom emoji are shown: by pictures, which relay brings from Misskey, or by name."""
    _pictures: Pictures = PrivateAttr(default_factory=Pictures)
    _room_id: str | None = PrivateAttr(None)
    _checked_at: float = PrivateAttr(0.0)

    @field_validator("homeserver")
    @classmethod
    def _is_homeserver(cls, address: str, info: ValidationInfo) -> str:
        homeserver(address, allow_http=may_be_http(info))
        return address

    @field_validator("room")
    @classmethod
    def _is_room(cls, room: str) -> str:
        matrix_room(room)
        return room

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: Secret) -> Secret:
        matrix_token(token.reveal())
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
        room = await self._usable_room(session)
        if not isinstance(room, str):
            return room
        shown = await self._pictured(messages, session)
        return await self._put(session, room, key, self.payload(shown))

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        room = await self._usable_room(session)
        if not isinstance(room, str):
            return room
        place, event, *kind = sent.split(" ")
        if place != room:
            return Rejected("it was sent to another room")
        if self.together(messages) < len(messages):
            return NO_ROOM
        shown = await self._pictured(messages, session)
        body = change(event, shown, mentions=self._pings(shown), kind=kind[0] if kind else NOTICE)
        outcome = await self._put(session, room, key, body)
        return replace(outcome, message=sent) if isinstance(outcome, Sent) else outcome

    async def _pictured(
        self, messages: Sequence[Message], session: aiohttp.ClientSession
    ) -> Sequence[Message]:
        """With pictures of emoji, which take twenty times the room of names, if they have it."""
        if self.emojis == "names":
            return messages
        shown = await self._pictures.shown(messages, session, partial(self._upload, session))
        return shown if self.together(shown) == len(messages) else messages

    async def _put(
        self, session: aiohttp.ClientSession, room: str, key: str, body: Payload
    ) -> Outcome:
        async def put() -> Answer | Failed:
            # Idempotent: the same key gives the same event, however often it is sent.
            return await self._ask(
                session, "PUT", "rooms", room, "send", "m.room.message", key, body=body
            )

        outcome = classify(await self._inside(session, room, put))
        if isinstance(outcome, Closed):
            self._room_id = None
        if isinstance(outcome, Sent) and outcome.message:
            # An edit keeps the type of what it changes.
            return replace(outcome, message=f"{room} {outcome.message} {body['msgtype']}")
        return outcome

    async def _upload(
        self, session: aiohttp.ClientSession, picture: bytes, kind: str
    ) -> str | None:
        """https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload"""
        answer = await exchange(
            session,
            "POST",
            f"{self.homeserver.rstrip('/')}/_matrix/media/v3/upload",
            secret=self.token,
            body=picture,
            headers={"Authorization": f"Bearer {self.token.reveal()}", "Content-Type": kind},
        )
        return (answer.id("content_uri") or None) if isinstance(answer, Answer) else None

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        me = await self._ask(session, "GET", "account", "whoami")
        return Sent() if isinstance(me, Answer) and me.code("user_id") else classify(me)

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        """Whether the account is in the room, which it enters if it is invited."""
        room = await self._usable_room(session)
        if not isinstance(room, str):
            return trouble(room)
        me = await self._ask(session, "GET", "account", "whoami")
        if not isinstance(me, Answer) or not isinstance(user := me.code("user_id"), str):
            return trouble(classify(me))
        state = await self._ask(session, "GET", "rooms", room, "state", "m.room.member", user)
        if isinstance(state, Answer) and state.status in {200, 403, 404}:
            is_in = state.code("membership") == "join"
            return None if is_in else f"{user} is not in {self.room}: invite it, and relay enters"
        return trouble(classify(state))

    async def _usable_room(self, session: aiohttp.ClientSession) -> str | Outcome:
        """The room's id, once it is known to be one in which plain text has its place."""
        now = asyncio.get_running_loop().time()
        if self._room_id is not None and now < self._checked_at + RECHECK:
            return self._room_id
        try:
            async with asyncio.timeout(PREPARATION):
                found = await self._prepared(session)
        except TimeoutError:
            return Failed("the homeserver is slow to tell of the room", unsent=True)
        if isinstance(found, str):
            self._room_id, self._checked_at = found, now
            return found
        if isinstance(found, Failed):  # no message was written: it was only asked about its room
            return replace(found, ambiguous=False, unsent=True)
        return not_the_message(found)

    async def _prepared(self, session: aiohttp.ClientSession) -> str | Outcome:
        room = await self._resolved(session)
        if not isinstance(room, str):
            return room

        async def encryption() -> Answer | Failed:
            return await self._ask(session, "GET", "rooms", room, "state", "m.room.encryption", "")

        answer = await self._inside(session, room, encryption)
        if isinstance(answer, Answer) and answer.code("algorithm"):
            return Closed(ENCRYPTED)
        return room if code_of(answer) == "M_NOT_FOUND" else classify(answer)

    async def _resolved(self, session: aiohttp.ClientSession) -> str | Outcome:
        if not self.room.startswith("#"):
            return self.room
        answer = await self._ask(session, "GET", "directory", "room", self.room)
        if isinstance(answer, Answer) and (room := answer.id("room_id")):
            return room
        return classify(answer)

    async def _inside(
        self,
        session: aiohttp.ClientSession,
        room: str,
        ask: Callable[[], Awaitable[Answer | Failed]],
    ) -> Answer | Failed:
        """Ask something of a room; who is not in it but invited enters, once, and asks again."""
        answer = await ask()
        if code_of(answer) != "M_FORBIDDEN":
            return answer
        entry = await self._ask(session, "POST", "rooms", room, "join", body={})
        if isinstance(entry, Answer) and entry.status == HTTPStatus.OK:
            return await ask()
        # Why it may not enter tells less than why it was refused; that it could not ask, more.
        return entry if isinstance(classify(entry), Failed | RateLimited) else answer

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        *path: str,
        body: Payload | None = None,
    ) -> Answer | Failed:
        base = str(URL(self.homeserver)).rstrip("/")
        steps = "/".join(quote(step, safe="") for step in path)
        url = URL(f"{base}/_matrix/client/v3/{steps}", encoded=True)
        headers = {"Authorization": f"Bearer {self.token.reveal()}"}
        return await exchange(session, method, url, secret=self.token, body=body, headers=headers)
