"""
Signs JSON objects of Matrix, and verifies their signatures.

https://spec.matrix.org/v1.19/appendices/#signing-json
"""

import json
from collections.abc import Mapping
from typing import Any

from vodozemac import Account, Ed25519PublicKey, Ed25519Signature

ED25519 = "ed25519"


def canonical(value: Mapping[str, Any]) -> bytes:
    """
    Canonical JSON without the signatures. Raises UnicodeEncodeError for half a character.

    https://spec.matrix.org/v1.19/appendices/#canonical-json
    """
    unsigned = {key: value[key] for key in value.keys() - {"signatures", "unsigned"}}
    text = json.dumps(unsigned, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def signed(value: Mapping[str, Any], user: str, key: str, signer: Account) -> dict[str, Any]:
    """The object with one more signature of a user's, by the key with the id ``key``."""
    signatures = {**value.get("signatures", {})}
    signature = signer.sign(canonical(value)).to_base64()
    signatures[user] = {**signatures.get(user, {}), f"{ED25519}:{key}": signature}
    return {**value, "signatures": signatures}


def is_signed(value: Mapping[str, Any], user: str, key: str, public: str) -> bool:
    """Whether a user's key with this id, whose public part is ``public``, has signed the object."""
    try:
        signature = Ed25519Signature.from_base64(value["signatures"][user][f"{ED25519}:{key}"])
        Ed25519PublicKey.from_base64(public).verify_signature(canonical(value), signature)
    except (KeyError, TypeError, ValueError, RecursionError):  # others write what they like
        return False
    return True


def public_of(account: Account) -> str:
    """The public key by which signatures of ``account`` are verified."""
    return account.ed25519_key.to_base64()
