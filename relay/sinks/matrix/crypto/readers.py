"""
The devices that may read a room, from the homeserver's answers about their keys.

The homeserver is not trusted: a device counts only with its own signature, and by default with that
of its owner. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from relay.sinks.matrix.crypto.identity import CURVE25519, Identity
from relay.sinks.matrix.crypto.signing import ED25519, is_signed, public_of
from relay.sinks.matrix.errors import mapping

NO_DEVICE = "the homeserver does not know the keys of relay's device"
OTHER_DEVICE = "the homeserver has other keys of relay's device than the configuration"
UNSIGNED = "the account's identity was reset elsewhere, so that clients hide relay's messages"
AGAIN = "run relay matrix login, and take the token and the keys that it writes"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a member, whose keys are verified."""

    user: str
    id: str
    curve25519: str
    ed25519: str


def devices_of(
    answer: Mapping[str, Any], users: Collection[str], *, own: Identity, signed: bool
) -> Iterator[Device]:
    """The devices of users but relay's own; ``signed``: those only that their owners signed."""
    for user in users:
        owner = _owner(answer, user)
        for id, keys in mapping(mapping(answer, "device_keys"), user).items():
            device = _device(keys, user, id)
            if device is None or (user, id) == (own.user, own.device):
                continue
            if not signed or (owner is not None and is_signed(keys, user, owner, owner)):
                yield device


def problem_of(answer: Mapping[str, Any], own: Identity) -> str | None:
    """Why clients would not show relay's messages; None if they do."""
    keys = mapping(mapping(mapping(answer, "device_keys"), own.user), own.device)
    if not keys:
        return f"{NO_DEVICE}: {AGAIN}"
    if keys.get("keys") != own.public_keys:
        return f"{OTHER_DEVICE}: {AGAIN}"
    owner = public_of(own.cross_signing.self_signing)
    if _owner(answer, own.user) != owner or not is_signed(keys, own.user, owner, owner):
        return f"{UNSIGNED}: {AGAIN}"
    return None


def unreached(answer: Mapping[str, Any], users: Collection[str]) -> Collection[str]:
    """The users whose servers did not answer for them."""
    servers = mapping(answer, "failures")
    return {user for user in users if user.partition(":")[2] in servers}


def one_time_key(answer: Mapping[str, Any], device: Device) -> str | None:
    """The key with which a session with a device begins; None if it has none left."""
    keys = mapping(mapping(mapping(answer, "one_time_keys"), device.user), device.id)
    for key in keys.values():
        if isinstance(key, dict) and is_signed(key, device.user, device.id, device.ed25519):
            return key.get("key") if isinstance(key.get("key"), str) else None
    return None


def _device(keys: object, user: str, id: str) -> Device | None:
    if not isinstance(keys, dict) or (keys.get("user_id"), keys.get("device_id")) != (user, id):
        return None
    publics = mapping(keys, "keys")
    curve25519, ed25519 = publics.get(f"{CURVE25519}:{id}"), publics.get(f"{ED25519}:{id}")
    if not isinstance(curve25519, str) or not isinstance(ed25519, str):
        return None
    if not is_signed(keys, user, id, ed25519):
        return None
    return Device(user, id, curve25519, ed25519)


def _owner(answer: Mapping[str, Any], user: str) -> str | None:
    """The key by which a user signs devices, if the user's master key has signed it."""
    master = _public(mapping(mapping(answer, "master_keys"), user), user, "master")
    key = mapping(mapping(answer, "self_signing_keys"), user)
    public = _public(key, user, "self_signing")
    is_sound = master is not None and is_signed(key, user, master, master)
    return public if is_sound else None


def _public(key: Mapping[str, Any], user: str, usage: str) -> str | None:
    publics = mapping(key, "keys")
    usages = key.get("usage")
    if key.get("user_id") != user or not isinstance(usages, list) or usage not in usages:
        return None
    id, public = next(iter(publics.items()), ("", None))
    return public if len(publics) == 1 and id == f"{ED25519}:{public}" else None
