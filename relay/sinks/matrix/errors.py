"""Classifies a homeserver's answers by the errcodes of Matrix."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from relay.outcome import Cause, Closed, Failed, Outcome, Rejected, Sent
from relay.sinks.base import Remedy
from relay.sinks.errors import (
    MAX_PAUSE,
    Answer,
    by_status,
    misplaced,
    one_line,
    pause_from,
    rate_limited,
    with_cause,
)

# https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
REJECTED = {"M_TOO_LARGE", "M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM"}
LIMITED = {"M_LIMIT_EXCEEDED"}
FULL = {"M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LIMIT_EXCEEDED"}
FULL_PAUSE = 3600.0  # seconds
CAUSES = {
    "M_UNKNOWN_TOKEN": Cause.TOKEN,
    "M_MISSING_TOKEN": Cause.TOKEN,
    "M_FORBIDDEN": Cause.OUTSIDE,
    "M_NOT_FOUND": Cause.GONE,
    "M_UNRECOGNIZED": Cause.NO_API,
    "M_USER_DEACTIVATED": Cause.ACCOUNT,
    "M_USER_LOCKED": Cause.ACCOUNT,
    "M_USER_SUSPENDED": Cause.ACCOUNT,
}


def is_matrixs(answer: Answer) -> bool:
    """Whether an answer has the form of Matrix's errors."""
    return isinstance(answer.json.get("errcode"), str)


def code_of(answer: Answer | Failed) -> object:
    return answer.code("errcode") if isinstance(answer, Answer) else None


def not_the_message(outcome: Outcome) -> Outcome:
    """The outcome of a request that sent no message."""
    match outcome:
        case Failed(reason):
            return Failed(reason, unsent=True, cause=outcome.cause)
        case Rejected(reason):
            return Closed(reason, cause=outcome.cause)
        case _:
            return outcome


def classify(answer: Answer | Failed) -> Outcome:
    """The outcome of a request that a homeserver has answered."""
    if isinstance(answer, Failed):
        return answer
    code, content = answer.code("errcode"), answer.json
    reason = (
        one_line(f"{answer.status} {code} {content.get('error', '')}") if code else answer.reason
    )
    if answer.status == HTTPStatus.OK and "event_id" in content:
        return Sent(message=answer.id("event_id"))
    if code in FULL:
        return rate_limited(FULL_PAUSE, answer.headers.get("Retry-After"), reason=reason)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or code in LIMITED:
        return rate_limited(_pause(answer), reason=reason)
    if code in REJECTED:
        return Rejected(reason, cause=Cause.MESSAGE)
    if (elsewhere := misplaced(answer, "Matrix")) is not None:
        return elsewhere
    outcome = by_status(answer, reason, is_own=isinstance(code, str))
    return with_cause(outcome, CAUSES.get(str(code)))


def _pause(answer: Answer) -> float | str | None:
    """The pause that an answer asks for, in seconds; the older key of the body is finer."""
    pause = answer.json.get("retry_after_ms")
    if isinstance(pause, int | float) and not isinstance(pause, bool):
        return pause_from(max(-1, min(pause, 1000 * MAX_PAUSE)) / 1000)
    return answer.headers.get("Retry-After")


STORED_REASONS = {
    Cause.TOKEN: "M_UNKNOWN_TOKEN|M_MISSING_TOKEN|M_USER_DEACTIVATED",
    Cause.RIGHT: "M_FORBIDDEN",
    Cause.LIMIT: "M_LIMIT_EXCEEDED",
    Cause.MESSAGE: "M_TOO_LARGE|M_BAD_JSON",
}

REMEDIES = {
    Cause.TOKEN: Remedy(
        "matrix-token-invalid",
        "its session was logged out: log the account in again, and take the new access token",
    ),
    Cause.ENCRYPTED: Remedy(
        "matrix-room-encrypted",
        "run relay matrix login for a token with keys, or make a new room without encryption",
    ),
    Cause.DEVICE: Remedy(
        "matrix-device-untrusted",
        "run relay matrix login, and take the token and the keys that it writes",
    ),
    Cause.READERS: Remedy(
        "matrix-no-readers",
        "let the members log in with a client that encrypts, and verify it; or readers: all",
    ),
    Cause.UPGRADED: Remedy(
        "matrix-room-upgraded",
        "set room to the new one, or to an alias that follows it, and invite the account there",
    ),
    Cause.MUTED: Remedy(
        "matrix-muted",
        "raise the account's power level in the room's settings, or let everybody speak",
    ),
    Cause.OUTSIDE: Remedy(
        "matrix-not-in-room",
        "invite the account to the room, and check the room's id: relay enters by itself",
    ),
    Cause.GONE: Remedy(
        "matrix-room-unknown",
        "copy the room's address again; its internal id (!...) never changes",
    ),
    Cause.NO_API: Remedy(
        "matrix-homeserver-wrong",
        "write the base_url that https://your.server/.well-known/matrix/client names",
    ),
}


def mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A member that is an object; empty if it is none."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}
