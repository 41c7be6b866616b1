"""
The probe, with which `relay doctor` tries the way that webhooks take. No I/O.

It looks like a webhook in all but its body, which is no event: a relay that does not know probes
refuses it like any nonsense. Only who knows the hook's secret gets an answer. That has a digest
of what arrived and nothing that the asker did not know before; nothing is stored or changed.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Misskey-Hooks",
    "X-Misskey-Host": "relay-doctor.invalid",
    "X-Misskey-Hook-Id": "relay-doctor",
}
"""What real servers send; the secret comes with them."""

_BEGINNING = b'{"relayProbe":'  # Misskey's own bodies begin with the server
_KEY = "relayProbe"


@dataclass(frozen=True, slots=True)
class Seen:
    """What arrived of a probe: how long its body was, its digest, and which headers were not it."""

    length: int
    digest: str
    lost: tuple[str, ...] = ()


def body(size: int) -> bytes:
    """A probe's body of about that many bytes, unlike any other."""
    padding = "x" * max(0, size - 64)
    return _BEGINNING + json.dumps([secrets.token_hex(16), padding]).encode() + b"}"


def is_probe(raw: bytes) -> bool:
    """Whether a body is that of a probe, or what somebody on the way has left of one."""
    return raw.startswith(_BEGINNING)


def seen(headers: Mapping[str, str], raw: bytes) -> Seen:
    lost = (name for name, value in HEADERS.items() if headers.get(name) != value)
    return Seen(len(raw), hashlib.sha256(raw).hexdigest(), tuple(lost))


def answer(seen: Seen) -> dict[str, Any]:
    """The JSON that the door answers to a probe."""
    return {_KEY: asdict(seen)}


def read(answer: Mapping[str, Any]) -> Seen | None:
    """What the door says it has seen; None if that is no answer to a probe."""
    match answer:
        case {"relayProbe": {"length": int(length), "digest": str(digest), "lost": [*lost]}}:
            return Seen(length, digest, tuple(name for name in HEADERS if name in lost))
    return None
