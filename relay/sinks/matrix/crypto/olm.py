"""
Olm: gives the keys of messages to devices, each over a session of its own.

https://spec.matrix.org/v1.19/client-server-api/#molmv1curve25519-aes-sha2
"""

import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from vodozemac import Curve25519PublicKey, Session

from relay.outcome import Outcome
from relay.sinks.layout import encoded
from relay.sinks.matrix.crypto.identity import OLM, Identity
from relay.sinks.matrix.crypto.readers import Device, one_time_key
from relay.sinks.matrix.crypto.signing import ED25519, public_of
from relay.sinks.matrix.homeserver import Homeserver

DEVICES = 100  # in one request
TIMEOUT = 4000  # milliseconds for other servers
# Seconds after which a device is asked again that had no key to begin a session with; then longer.
FIRST_PAUSE, LAST_PAUSE = 15.0, 3600.0


class OlmSessions:
    """
    The sessions with devices, begun by relay; ``clock`` gives seconds that never jump.

    A session that has encrypted is never put back: two messages from one state of it, and the
    device can read neither these nor later ones.
    """

    def __init__(self, identity: Identity, home: Homeserver, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._home = home
        self._clock = clock
        self._sessions: dict[Device, Session] = {}
        self._pauses: dict[Device, float] = {}
        self._not_before: dict[Device, float] = {}
        self._device_keys = identity.device_keys()

    async def share(
        self, content: Mapping[str, Any], readers: Set[Device], reached: set[Device]
    ) -> Outcome | None:
        """
        Send a room key to the readers that are not yet ``reached``, and add them.

        A device with which no session can begin is left out for now. Returns the outcome of the
        first request that fails, if any.
        """
        for table in (self._sessions, self._pauses, self._not_before):
            for device in table.keys() - readers:
                table.pop(device)
        for devices in _chunks([device for device in readers if device not in reached]):
            if (failure := await self._begin(devices)) is not None:
                return failure
            known = [device for device in devices if device in self._sessions]
            if not known:
                continue
            messages = self._messages(content, known)
            path = ("sendToDevice", "m.room.encrypted", secrets.token_hex(16))
            answer = await self._home.content("PUT", *path, body={"messages": messages})
            if not isinstance(answer, Mapping):
                return answer
            reached.update(known)
        return None

    async def _begin(self, devices: Sequence[Device]) -> Outcome | None:
        """Begin the missing sessions, with a key of each device that its server hands out once."""
        missing = [
            device
            for device in devices
            if device not in self._sessions and self._clock() >= self._not_before.get(device, 0.0)
        ]
        if not missing:
            return None
        keys: dict[str, dict[str, str]] = {}
        for device in missing:
            keys.setdefault(device.user, {})[device.id] = "signed_curve25519"
        body = {"one_time_keys": keys, "timeout": TIMEOUT}
        answer = await self._home.content("POST", "keys", "claim", body=body)
        if not isinstance(answer, Mapping):
            return answer
        for device in missing:
            if (session := self._session(device, one_time_key(answer, device))) is None:
                pause = min(2 * self._pauses.get(device, FIRST_PAUSE / 2), LAST_PAUSE)
                self._pauses[device], self._not_before[device] = pause, self._clock() + pause
            else:
                self._sessions[device] = session
        return None

    def _session(self, device: Device, key: str | None) -> Session | None:
        if key is None:
            return None
        try:
            return self._identity.account.create_outbound_session(
                Curve25519PublicKey.from_base64(device.curve25519),
                Curve25519PublicKey.from_base64(key),
            )
        except ValueError:  # it has signed something else
            return None

    def _messages(
        self, content: Mapping[str, Any], devices: Sequence[Device]
    ) -> dict[str, dict[str, Any]]:
        """The messages by user and device."""
        messages: dict[str, dict[str, Any]] = {}
        account = self._identity.account
        for device in devices:
            plaintext = {
                "type": "m.room_key",
                "content": content,
                "sender": self._identity.user,
                "recipient": device.user,
                "keys": {ED25519: public_of(account)},
                "recipient_keys": {ED25519: device.ed25519},
                "sender_device_keys": self._device_keys,
            }
            kind, body = self._sessions[device].encrypt(encoded(plaintext)).to_parts()
            text = {"type": kind, "body": b64encode(body).decode().rstrip("=")}
            messages.setdefault(device.user, {})[device.id] = {
                "algorithm": OLM,
                "sender_key": account.curve25519_key.to_base64(),
                "ciphertext": {device.curve25519: text},
            }
        return messages


def _chunks(devices: Sequence[Device]) -> Sequence[Sequence[Device]]:
    return [devices[start : start + DEVICES] for start in range(0, len(devices), DEVICES)]
