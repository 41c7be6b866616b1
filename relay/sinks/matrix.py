"""
Matrix, over the client-server API.

https://spec.matrix.org/v1.19/client-server-api/
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from pydantic import PrivateAttr, field_validator

from relay.dialects import matrix, plain
from relay.dialects.shorten import ELLIPSIS, shorten
from relay.message import Message
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.sinks.base import Payload, Settings, SinkSettings, Url
from relay.sinks.http import Answer, exchange, pause_from
from relay.tree import Link, Style, Styled, Text, Tree

# https://spec.matrix.org/v1.19/client-server-api/#size-limits: an event has 65 536 bytes, of which
# a server that federates adds some; the longest content that Synapse took had 64 530.
CONTENT = 60_000
BODY = 15_000  # of these for the plain form

# https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
REJECTED = {
    "M_TOO_LARGE",
    "M_BAD_JSON",
    "M_NOT_JSON",
    "M_INVALID_PARAM",
    "M_MISSING_PARAM",
}
LIMITED = {"M_LIMIT_EXCEEDED"}
FULL = {"M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LIMIT_EXCEEDED"}
FULL_PAUSE = 3600.0

RECHECK = 24 * 3600.0  # seconds; a room can be encrypted later on

ENCRYPTED = (
    "the room is encrypted, and relay cannot encrypt: what it sent would lie open in it; "
    "use a room without encryption"
)


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: user ids, or everybody in the room."""

    users: tuple[str, ...] = ()
    room: bool = False


class Matrix(SinkSettings):
    """A way out to one Matrix room."""

    type: Literal["matrix"]
    homeserver: Url
    room: str
    """``!id:server``, ``!id``, or an alias ``#name:server``."""
    token: Secret
    """The access token of the account that posts."""
    mentions: Mentions = Mentions()
    _room_id: str | None = PrivateAttr(None)
    _checked_at: float = PrivateAttr(0.0)

    @field_validator("room")
    @classmethod
    def _is_room(cls, room: str) -> str:
        if room[:1] not in {"!", "#"} or (room[0] == "#" and ":" not in room):
            raise ValueError(
                "should be a room id (!abc:matrix.example) or alias (#ops:matrix.example)"
            )
        return room

    def payload(self, message: Message) -> Payload:
        nodes = _layout(message)
        html = shorten(
            nodes, lambda it: _bytes(matrix.render(it)) <= CONTENT - BODY, _more(message)
        )
        body = shorten(nodes, lambda it: _bytes(plain.render(it)) <= BODY)
        mentions = self._mentions(message)
        return {
            "msgtype": "m.notice",
            "body": "".join(
                [*(f"{one} " for one in mentions.get("user_ids", ())), plain.render(body)]
            )
            or "Misskey",
            "format": "org.matrix.custom.html",
            "formatted_body": matrix.render(html) or "Misskey",
            "m.mentions": mentions,
        }

    def _mentions(self, message: Message) -> dict[str, Any]:
        """https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions"""
        users = [one for one in self.mentions.users if message.ping & {"all", one}]
        whole_room = self.mentions.room and bool(message.ping & {"all", "room"})
        return ({"user_ids": users} if users else {}) | ({"room": True} if whole_room else {})

    async def send(self, message: Message, *, key: str, session: aiohttp.ClientSession) -> Outcome:
        room = await self._usable_room(session)
        if not isinstance(room, str):
            return room
        # Idempotent: the same key gives the same event, however often it is sent.
        path = f"rooms/{quote(room, safe='')}/send/m.room.message/{quote(key, safe='')}"
        answer = await self._ask(session, "PUT", path, self.payload(message))
        outcome = classify(answer)
        if isinstance(outcome, Closed):
            self._room_id = None
        return outcome

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        room = await self._usable_room(session)
        if not isinstance(room, str):
            return str(getattr(room, "reason", room))
        answer = await self._ask(session, "GET", "joined_rooms")
        if isinstance(answer, Failed) or room in answer.json.get("joined_rooms", []):
            return None
        return f"the account has not joined {self.room}: invite it, and let it join"

    async def _usable_room(self, session: aiohttp.ClientSession) -> str | Outcome:
        """The room's id, once it is known to be one in which plain text has its place."""
        now = asyncio.get_running_loop().time()
        if self._room_id is not None and now < self._checked_at + RECHECK:
            return self._room_id
        room = await self._resolved(session)
        if not isinstance(room, str):
            return room
        answer = await self._encryption(session, room)
        if _code(answer) == "M_FORBIDDEN":  # perhaps only invited
            await self._ask(session, "POST", f"rooms/{quote(room, safe='')}/join", {})
            answer = await self._encryption(session, room)
        if isinstance(answer, Answer) and answer.status == HTTPStatus.OK:
            return Closed(ENCRYPTED)
        if _code(answer) != "M_NOT_FOUND":
            return classify(answer)
        self._room_id, self._checked_at = room, now
        return room

    async def _encryption(self, session: aiohttp.ClientSession, room: str) -> Answer | Failed:
        state = f"rooms/{quote(room, safe='')}/state/m.room.encryption/"
        return await self._ask(session, "GET", state)

    async def _resolved(self, session: aiohttp.ClientSession) -> str | Outcome:
        if not self.room.startswith("#"):
            return self.room
        path = f"directory/room/{quote(self.room, safe='')}"
        answer = await self._ask(session, "GET", path)
        if isinstance(answer, Answer) and isinstance(room := answer.json.get("room_id"), str):
            return room
        return classify(answer)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
    ) -> Answer | Failed:
        url = f"{self.homeserver.rstrip('/')}/_matrix/client/v3/{path}"
        headers = {"Authorization": f"Bearer {self.token.reveal()}"}
        return await exchange(session, method, url, body=body, headers=headers)


def _code(answer: Answer | Failed) -> object:
    return answer.json.get("errcode") if isinstance(answer, Answer) else None


def classify(answer: Answer | Failed) -> Outcome:
    """What a homeserver's answer means for the message and for the lane."""
    if isinstance(answer, Failed):
        return answer
    status, code = answer.status, answer.json.get("errcode")
    reason = f"{status} {code} {answer.json.get('error', '')}"[:300] if code else answer.reason
    if status == HTTPStatus.OK:
        return Sent() if "event_id" in answer.json else Failed(reason, ambiguous=True)
    if code in FULL:
        return RateLimited(FULL_PAUSE)
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in LIMITED:
        return RateLimited(_pause(answer))
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        return Failed(reason, ambiguous=True)
    if code in REJECTED or status in {400, 413}:
        return Rejected(reason)
    return Closed(reason)


def _pause(answer: Answer) -> float:
    wanted = answer.json.get("retry_after_ms")
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return pause_from(wanted / 1000)
    return pause_from(answer.headers.get("Retry-After"))


def _layout(message: Message) -> Tree:
    """A line on who did what, the text, fields, pictures as links, and a small line at the end."""
    author = _linked(message.author, message.author_url)
    title = _linked(message.title, message.url)
    lines: list[Tree] = [(Styled(Style.BOLD, author), Text(" · "), *title) if author else title]
    lines.append(message.body)
    lines += [(Styled(Style.BOLD, (*one.name, Text(": "))), *one.value) for one in message.fields]
    lines += [(Link(one.url, (Text(f"🖼 {one.alt}".strip()),)),) for one in message.images]
    lines.append((Styled(Style.SMALL, message.footer),) if message.footer else ())
    found: Tree = ()
    for line in filter(None, lines):
        found = (*found, Text("\n"), *line) if found else line
    return found


def _linked(label: Tree, url: str | None) -> Tree:
    return (Link(url, label),) if url and label else label


def _more(message: Message) -> Tree:
    return (Text("… "), Link(message.url, (Text("→"),))) if message.url else ELLIPSIS


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace"))
