"""
The room of a Matrix sink: which one it is, and how a message has its place there.

A room can change at any time: it is upgraded, its encryption is switched on, its alias moves, the
account is put out and invited again. So it is asked right before each message.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from relay.outcome import Cause, Closed, Failed, Outcome, RateLimited, Sent
from relay.sinks.errors import Answer, one_line
from relay.sinks.matrix.errors import CAUSES, classify, code_of, mapping, not_the_message
from relay.sinks.matrix.homeserver import Homeserver

ALIAS = 5.0  # seconds for an alias whose room is known: it can be that of another server
MESSAGE, ENCRYPTED = "m.room.message", "m.room.encrypted"
OF_CREATORS = 12  # https://spec.matrix.org/v1.19/rooms/v12/: from this version on they may all


@dataclass(frozen=True, slots=True)
class Place:
    """A room in which messages have their place."""

    id: str
    encryption: Mapping[str, Any] | None
    """The content of its m.room.encryption; None if it is not encrypted."""

    @property
    def kind(self) -> str:
        """The type of its messages."""
        return MESSAGE if self.encryption is None else ENCRYPTED


async def usable(home: Homeserver, name: str, *, known: str | None = None) -> Place | Outcome:
    """
    The room ``name``, if it is still in use; an invitation is accepted.

    ``known`` is the room of an alias before. Where the alias does not answer now, it is still that.
    """
    if not name.startswith("#"):
        return await _checked(home, name, name)
    if known is None:
        room = await _resolved(home, name)
        return await _checked(home, room, name) if isinstance(room, str) else room
    room, seen = await asyncio.gather(_resolved_soon(home, name), _checked(home, known, name))
    moved = isinstance(room, str) and room != known
    return await _checked(home, room, name) if moved and isinstance(room, str) else seen


async def enter(home: Homeserver, name: str) -> Answer | Failed | None:
    """Enter a room by its id or alias; None once the account is in it."""
    path = ("join", name) if name.startswith("#") else ("rooms", name, "join")
    answer = await home.ask("POST", *path, body={})
    return None if isinstance(answer, Answer) and answer.status == HTTPStatus.OK else answer


def is_forbidden(outcome: Outcome) -> bool:
    """Whether the homeserver refuses what only those in the room may do."""
    return isinstance(outcome, Closed) and outcome.cause is CAUSES["M_FORBIDDEN"]


async def refused(home: Homeserver, room: Place, outcome: Outcome) -> Outcome:
    """The outcome of a message that the homeserver refuses, with the likely reason."""
    if not isinstance(outcome, Closed) or not is_forbidden(outcome):
        return not_the_message(outcome)
    situation = await standing(home, room)
    if not isinstance(situation, Closed):
        return outcome
    reason = one_line(f"{outcome.reason[:150]}: {situation.reason}")
    return Closed(reason, cause=situation.cause or outcome.cause)


async def standing(home: Homeserver, room: Place) -> Outcome:
    """Whether the account is in a room and may speak there; Sent if so."""
    me = await home.ask("GET", "account", "whoami")
    if not isinstance(me, Answer) or not isinstance(user := me.code("user_id"), str):
        return not_the_message(classify(me))
    member = await home.state(room.id, "m.room.member", user)
    if not isinstance(member, Answer) or member.status not in {200, 403, 404}:
        return not_the_message(classify(member))
    if member.code("membership") != "join":
        reason = f"{user} is not in {room.id}: invite it, and relay enters"
        return Closed(one_line(reason), cause=Cause.OUTSIDE)
    powers = await home.state(room.id, "m.room.power_levels")
    # As an event: it is the sender who has made the room.
    path = ("rooms", room.id, "state", "m.room.create", "")
    create = await home.ask("GET", *path, query={"format": "event"})
    level, needed = levels(powers, user, kind=room.kind)
    if level >= needed or is_creator(create, user):
        return Sent()
    reason = f"{user} is muted: its power level is {level}, and messages need {needed}: raise it"
    return Closed(one_line(reason), cause=Cause.MUTED)


async def is_removed(home: Homeserver, room: str, event: str) -> bool | Outcome:
    """Whether somebody has removed a message; an outcome if that is unknown now."""
    answer = await home.ask("GET", "rooms", room, "event", event)
    if isinstance(answer, Answer) and answer.status < 500:
        unsigned = answer.json.get("unsigned")
        return isinstance(unsigned, dict) and "redacted_because" in unsigned
    return not_the_message(classify(answer))


async def _resolved(home: Homeserver, alias: str) -> str | Outcome:
    answer = await home.ask("GET", "directory", "room", alias)
    if isinstance(answer, Answer) and (room := answer.id("room_id")):
        return room
    return not_the_message(classify(answer))


async def _resolved_soon(home: Homeserver, alias: str) -> str | Outcome:
    try:
        async with asyncio.timeout(ALIAS):
            return await _resolved(home, alias)
    except TimeoutError:
        return Failed("the alias does not answer", unsent=True)


async def _checked(home: Homeserver, room: str, name: str) -> Place | Outcome:
    """The room, if it was not upgraded; ``name`` is its alias or its id."""
    encryption, tombstone = await _seen(home, room)
    if code_of(encryption) == "M_FORBIDDEN":
        entry = await enter(home, name)
        if entry is not None:
            # The refusal says more than the join that was refused, too, but not than its failure.
            outcome = classify(entry)
            refusal = outcome if isinstance(outcome, Failed | RateLimited) else classify(encryption)
            return not_the_message(refusal)
        encryption, tombstone = await _seen(home, room)
    if (hindrance := upgraded(tombstone, name)) is not None:
        return hindrance
    if isinstance(encryption, Answer) and encryption.status == 200 and _is_object(encryption):
        return Place(room, encryption.json)  # also where somebody tried to switch it off
    if code_of(encryption) == "M_NOT_FOUND":
        return Place(room, None)
    return not_the_message(classify(encryption))


async def _seen(home: Homeserver, room: str) -> tuple[Answer | Failed, Answer | Failed]:
    encryption, tombstone = await asyncio.gather(
        home.state(room, "m.room.encryption"), home.state(room, "m.room.tombstone")
    )
    return encryption, tombstone


def upgraded(tombstone: Answer | Failed, name: str) -> Outcome | None:
    """https://spec.matrix.org/v1.19/client-server-api/#room-upgrades"""
    if isinstance(tombstone, Failed) or tombstone.status >= 500 or tombstone.status == 429:
        return not_the_message(classify(tombstone))
    if tombstone.status != HTTPStatus.OK or not tombstone.json.keys() & {
        "replacement_room",
        "body",
    }:
        return None  # also where somebody took it back, by one that is empty
    place = tombstone.id("replacement_room") or "a room that it does not name"
    remedy = "let the alias point there" if name.startswith("#") else "set room to that"
    reason = f"the room was upgraded, and goes on in {place}: {remedy}"
    return Closed(one_line(reason), cause=Cause.UPGRADED)


def _is_object(answer: Answer) -> bool:
    return answer.text.lstrip().startswith("{")


def levels(answer: Answer | Failed, user: str, *, kind: str = MESSAGE) -> tuple[int, int]:
    """
    That of the user, and the one that messages of this type need.

    https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
    """
    content = answer.json if isinstance(answer, Answer) and answer.status == HTTPStatus.OK else {}
    level = mapping(content, "users").get(user, content.get("users_default", 0))
    needed = mapping(content, "events").get(kind, content.get("events_default", 0))
    return _number(level), _number(needed)


def _number(level: object) -> int:
    """Old rooms have levels in words."""
    try:
        return int(level) if isinstance(level, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0


def is_creator(answer: Answer | Failed, user: str) -> bool:
    """Whether a user created the room, so that no power level limits it."""
    if not isinstance(answer, Answer):
        return False
    content = mapping(answer.json, "content")
    others = content.get("additional_creators")
    creators = [answer.json.get("sender"), *(others if isinstance(others, list) else [])]
    return _number(content.get("room_version")) >= OF_CREATORS and user in creators
