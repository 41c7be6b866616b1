"""
Megolm: encrypts the messages of a room, with one key for all of its readers.

https://spec.matrix.org/v1.19/client-server-api/#mmegolmv1aes-sha2
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from vodozemac import GroupSession

from relay.outcome import Cause, Closed, Failed, Outcome
from relay.sinks.base import Payload
from relay.sinks.layout import encoded
from relay.sinks.matrix.crypto.identity import MEGOLM, Identity
from relay.sinks.matrix.crypto.olm import TIMEOUT, OlmSessions
from relay.sinks.matrix.crypto.readers import AGAIN, Device, devices_of, problem_of, unreached
from relay.sinks.matrix.homeserver import Homeserver

USERS = 20  # in one request for their devices: some have hundreds, and answers are bounded
# https://spec.matrix.org/v1.19/client-server-api/#mroomencryption has the defaults.
MESSAGES, MOST_MESSAGES = 100, 10_000
PERIOD, SHORTEST_PERIOD = 604_800_000, 3_600_000  # milliseconds

NOBODY = "nobody in the room has a device that could read relay's messages"
NOBODY_SIGNED = f"{NOBODY}: their owners have verified none; or set readers to all"
OTHER_ACCOUNT = "the token and the keys belong to two different logins"


@dataclass(frozen=True, slots=True)
class RoomSession:
    """The key of a room, and the devices that have it."""

    room: str
    since: float
    """When it began, by the clock."""
    group: GroupSession = field(default_factory=GroupSession)
    reached: set[Device] = field(default_factory=set)

    def is_over(self, rules: Mapping[str, Any], readers: Collection[Device], now: float) -> bool:
        """Whether it is old, or a device has it that may not read the next message."""
        most = min(_rule(rules, "rotation_period_msgs", MESSAGES, least=1), MOST_MESSAGES)
        period = _rule(rules, "rotation_period_ms", PERIOD, least=SHORTEST_PERIOD) / 1000
        is_old = self.group.message_index >= most or now - self.since >= period
        return is_old or not self.reached <= set(readers)


class Encryption:
    """Encrypts for one sink; ``clock`` gives seconds that never jump."""

    def __init__(
        self,
        identity: Identity,
        home: Homeserver,
        *,
        signed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._home = home
        self._signed = signed
        self._clock = clock
        self._olm = OlmSessions(identity, home, clock)
        self._session: RoomSession | None = None
        self._is_own = False
        """Whether the token is known to be that of the keys' device."""

    async def encrypted(
        self, room: str, rules: Mapping[str, Any], content: Payload
    ) -> Payload | Outcome:
        """
        The content of an encrypted event, whose key all readers have been given.

        ``rules`` is the content of the room's m.room.encryption.
        """
        if (algorithm := rules.get("algorithm", MEGOLM)) != MEGOLM:
            reason = f"the room is encrypted in a way that relay does not know: {algorithm!r:.80}"
            return Closed(reason, cause=Cause.ENCRYPTED)
        readers = await self.readers(room)
        if not isinstance(readers, set):
            return readers
        session, now = self._session, self._clock()
        if session is None or session.room != room or session.is_over(rules, readers, now):
            session = self._session = RoomSession(room, now)
        key = {
            "algorithm": MEGOLM,
            "room_id": room,
            "session_id": session.group.session_id,
            "session_key": session.group.session_key.to_base64(),
        }
        if (failure := await self._olm.share(key, readers, session.reached)) is not None:
            return failure
        if not session.reached:
            return Failed("no device in the room could be given the key", unsent=True)
        return self._event(session, content)

    async def readers(self, room: str) -> set[Device] | Outcome:
        """The devices of the room's members that may read now; there is one at least."""
        if (problem := await self._stranger()) is not None:
            return problem
        answer = await self._home.content("GET", "rooms", room, "joined_members")
        if not isinstance(answer, Mapping):
            return answer
        members = answer.get("joined")
        if not isinstance(members, dict):
            return Failed("the homeserver does not list the room's members", unsent=True)
        users = [*members]
        readers: set[Device] = set()
        for start in range(0, len(users), USERS):
            devices = await self._devices(users[start : start + USERS])
            if not isinstance(devices, set):
                return devices
            readers |= devices
        if not readers:
            return Closed(NOBODY_SIGNED if self._signed else NOBODY, cause=Cause.READERS)
        return readers

    async def _stranger(self) -> Outcome | None:
        """Closed if the token is not that of the device whose keys relay has."""
        if self._is_own:
            return None
        own = self._identity
        me = await self._home.content("GET", "account", "whoami")
        if not isinstance(me, Mapping):
            return me
        if (me.get("user_id"), me.get("device_id")) != (own.user, own.device):
            return Closed(f"{OTHER_ACCOUNT}: {AGAIN}", cause=Cause.DEVICE)
        self._is_own = True
        return None

    async def _devices(self, users: Collection[str]) -> set[Device] | Outcome:
        """The devices of some members; of unreachable servers those that have the key."""
        body = {"device_keys": {user: [] for user in users}, "timeout": TIMEOUT}
        answer = await self._home.content("POST", "keys", "query", body=body)
        if not isinstance(answer, Mapping):
            return answer
        if not isinstance(answer.get("device_keys"), dict):
            return Failed("the homeserver does not list the members' devices", unsent=True)
        own = self._identity
        if own.user in users and (problem := problem_of(answer, own)) is not None:
            return Closed(problem, cause=Cause.DEVICE)
        known = set() if self._session is None else self._session.reached
        absent = unreached(answer, users)
        kept = {device for device in known if device.user in absent}
        return kept | set(devices_of(answer, users, own=own, signed=self._signed))

    def _event(self, session: RoomSession, content: Payload) -> Payload:
        event = {"type": "m.room.message", "content": content, "room_id": session.room}
        # The server has to know which event an edit replaces.
        relation = {key: content[key] for key in content.keys() & {"m.relates_to"}}
        return {
            "algorithm": MEGOLM,
            "ciphertext": session.group.encrypt(encoded(event)).to_base64(),
            "session_id": session.group.session_id,
            "sender_key": self._identity.account.curve25519_key.to_base64(),
            "device_id": self._identity.device,
            **relation,
        }


def _rule(rules: Mapping[str, Any], key: str, default: int, *, least: int) -> int:
    value = rules.get(key)
    return max(value, least) if isinstance(value, int) and not isinstance(value, bool) else default
