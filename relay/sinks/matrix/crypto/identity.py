"""
The keys of the account's device, and the cross-signing keys that vouch for it.

Clients show no message of a device that its owner has not signed
(https://github.com/matrix-org/matrix-spec-proposals/pull/4153). A cross-signing key is an Ed25519
key, and an Olm account has one: each of the three is the account of nothing else.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from vodozemac import Account

from relay.sinks.matrix.address import KEYS
from relay.sinks.matrix.crypto.signing import ED25519, public_of, signed

MEGOLM, OLM = "m.megolm.v1.aes-sha2", "m.olm.v1.curve25519-aes-sha2"
CURVE25519 = "curve25519"
# The keys are written into a secret of the configuration, so they are not encrypted once more.
PICKLE_KEY = bytes(32)


@dataclass(frozen=True, slots=True)
class CrossSigning:
    """The three keys of a user: https://spec.matrix.org/v1.19/client-server-api/#cross-signing"""

    master: Account
    self_signing: Account
    user_signing: Account

    @classmethod
    def create(cls) -> "CrossSigning":
        return cls(Account(), Account(), Account())

    def published(self, user: str) -> dict[str, Any]:
        """The body that makes them those of a user."""
        master = public_of(self.master)
        signing = {
            f"{usage}_key": signed(_key(user, usage, account), user, master, self.master)
            for usage, account in (
                ("self_signing", self.self_signing),
                ("user_signing", self.user_signing),
            )
        }
        return {"master_key": _key(user, "master", self.master), **signing}


def _key(user: str, usage: str, account: Account) -> dict[str, Any]:
    public = public_of(account)
    return {"user_id": user, "usage": [usage], "keys": {f"{ED25519}:{public}": public}}


@dataclass(frozen=True, slots=True)
class Identity:
    """A device of an account, with its keys."""

    user: str
    device: str
    account: Account
    cross_signing: CrossSigning

    @classmethod
    def create(cls, user: str, device: str, cross_signing: CrossSigning) -> "Identity":
        return cls(user, device, Account(), cross_signing)

    @classmethod
    def read(cls, text: str) -> "Identity":
        """Read what ``written`` wrote. Raises ValueError without quoting it."""
        try:
            values = json.loads(urlsafe_b64decode(text.removeprefix(KEYS).encode()))
            account, *others = (
                Account.from_pickle(pickle, PICKLE_KEY) for pickle in values["keys"]
            )
            return cls(values["user"], values["device"], account, CrossSigning(*others))
        except (KeyError, TypeError, ValueError):
            raise ValueError("is damaged: it is not all that relay matrix login wrote") from None

    def written(self) -> str:
        """All of it as one word."""
        shared = self.cross_signing
        accounts = (self.account, shared.master, shared.self_signing, shared.user_signing)
        keys = [account.pickle(PICKLE_KEY) for account in accounts]
        values = json.dumps({"user": self.user, "device": self.device, "keys": keys})
        return KEYS + urlsafe_b64encode(values.encode()).decode()

    @property
    def public_keys(self) -> dict[str, str]:
        """The device's two public keys, by their ids."""
        return {
            f"{CURVE25519}:{self.device}": self.account.curve25519_key.to_base64(),
            f"{ED25519}:{self.device}": public_of(self.account),
        }

    def device_keys(self) -> dict[str, Any]:
        """The public keys of the device, signed by itself and by its owner."""
        keys = {
            "user_id": self.user,
            "device_id": self.device,
            "algorithms": [OLM, MEGOLM],
            "keys": self.public_keys,
        }
        owner = self.cross_signing.self_signing
        own = signed(keys, self.user, self.device, self.account)
        return signed(own, self.user, public_of(owner), owner)
