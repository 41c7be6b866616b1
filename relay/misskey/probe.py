"""
The probe by which `relay doctor` tests the connection that webhooks use. No I/O.

A probe looks like a webhook but for its body, which is not an event: a relay that does not know
probes rejects it. Only a request with the hook's secret gets an answer. The answer has a digest of
the body and nothing that the sender did not know before; nothing is stored or changed.
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
"""The headers that real servers send, without the secret."""

_BEGINNING = b'{"relayProbe":'  # Misskey's own bodies begin with the server
_KEY = "relayProbe"


@dataclass(frozen=True, slots=True)
class Seen:
    """A probe as it arrived: its body's length and digest, and the headers that were changed."""

    length: int
    digest: str
    lost: tuple[str, ...] = ()


def body(size: int) -> bytes:
    """A unique body of about ``size`` bytes."""
    padding = "x" * max(0, size - 64)
    return _BEGINNING + json.dumps([secrets.token_hex(16), padding]).encode() + b"}"


def is_probe(raw: bytes) -> bool:
    """Whether a body is that of a probe, even if a proxy has cut it."""
    return raw.startswith(_BEGINNING)


def seen(headers: Mapping[str, str], raw: bytes) -> Seen:
    lost = (name for name, value in HEADERS.items() if headers.get(name) != value)
    return Seen(len(raw), hashlib.sha256(raw).hexdigest(), tuple(lost))


def answer(seen: Seen) -> dict[str, Any]:
    """The JSON answer to a probe."""
    return {_KEY: asdict(seen)}


def read(answer: Mapping[str, Any]) -> Seen | None:
    """Read the answer to a probe; None if it is something else."""
    match answer:
        case {"relayProbe": {"length": int(length), "digest": str(digest), "lost": [*lost]}}:
            return Seen(length, digest, tuple(name for name in HEADERS if name in lost))
    return None
