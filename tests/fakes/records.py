"""What the fakes remember, in the order in which it happened."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from relay.outcome import Outcome, Sent

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was stored, or an edit of one."""

    action: Literal["post", "edit"]
    via: str
    """Discord: the webhook's id. Slack: the webhook's path, or the API method."""
    channel: str
    message: str
    """Discord: the message id. Slack: the ts."""
    thread: str | None
    payload: Payload
    """The body as it was sent."""
    result: Payload
    """The message as it now stands: after an edit, what was kept and what was replaced."""
    at: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the vendor, or a rule of our own, would not take."""

    status: int
    code: int | str
    reason: str
    payload: Any
    at: float
    errors: Any = None
    """Discord: the tree that names the fields. Slack: the list of messages."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A request that came too early: a 429 by the rate limits, not by an injected fault."""

    scope: str
    retry_after: float
    at: float


def without_id(outcome: Outcome) -> Outcome:
    """An outcome without the id that the vendor gave the message: fakes count, servers invent."""
    return replace(outcome, message="") if isinstance(outcome, Sent) else outcome


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, but the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def units(text: str) -> int:
    """The length in UTF-16 code units, the unit in which the vendors' own clients count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def unsendable(value: Any) -> str | None:
    """Why a JSON value holds text that no vendor stores as it is: lone surrogates, NUL."""
    for text in strings(value):
        if "\x00" in text:
            return "NUL in a string"
        if any("\ud800" <= char <= "\udfff" for char in text):
            return "lone surrogate in a string"
    return None
