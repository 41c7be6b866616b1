"""Answers of vendors, and their classification by status if their codes say no more."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

from relay.outcome import Cause, Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.text.tree import clean

MAX_PAUSE = 6 * 3600.0  # seconds; a vendor that asks for more is asked again then
MIN_PAUSE = 1.0  # seconds after a refusal, or a vendor that says 0 is asked without end
DEFAULT_PAUSE = 5.0

ID = 255  # characters: https://spec.matrix.org/v1.19/appendices/#event-ids has the longest
REASON = 300  # characters

# None: 401 does not say which key a vendor refuses, nor 410 what is gone; its own codes do.
OWN_REFUSALS = {401: None, 403: Cause.RIGHT, 404: Cause.NO_API, 410: None}
NO_API = {302, 307, 404, 405}
"""A web server without the vendor's API answers so."""


@dataclass(frozen=True)
class Answer:
    """A status with headers and text, from which our secrets have been removed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    is_cut: bool = False
    """Whether the text is only the beginning of a longer one."""

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON object of the answer; empty if it is anything else."""
        try:
            content = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def code(self, key: str) -> str | int | None:
        """The vendor's own code, if it stands under this key and is one."""
        value = self.json.get(key)
        return value if isinstance(value, str | int) else None

    def id(self, key: str) -> str:
        """The id under this key; empty if it is none that we could keep and bring again."""
        value = str(self.code(key) or "")
        return value if len(value) <= ID and value.isprintable() else ""

    @property
    def reason(self) -> str:
        """The answer in one line for people: no pages of HTML."""
        text = re.sub(r"<[^>]*>", " ", self.text[:4000]) if "<" in self.text[:200] else self.text
        return one_line(f"{self.status} {text if text.strip() else _phrase(self.status)}")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def one_line(words: str) -> str:
    """Make text from outside safe for logs and terminals, in one line."""
    return " ".join(clean(words[: 4 * REASON]).split())[:REASON]


def by_status(answer: Answer, reason: str | None = None, *, is_own: bool) -> Outcome:
    """
    The meaning of a status, for every vendor; ``is_own``: whether the words are the vendor's.

    Whoever stands between (a CDN, a proxy, a captive portal) answers for an hour or two, too. So
    only the vendor's own word closes a sink, and an address that has moved for good.
    """
    status, reason = answer.status, reason or answer.reason
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return rate_limited(answer.headers.get("Retry-After"), reason=reason)
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        return Failed(reason, ambiguous=True, cause=Cause.SICK)
    if 200 <= status < 300:  # a success that does not look like this vendor's
        return Failed(reason, ambiguous=True)
    place = answer.headers.get("Location")
    if 300 <= status < 400 and place:
        reason = one_line(f"{reason}: it sends us to {place}")
    if status in {301, 308}:
        return Closed(reason, cause=Cause.MOVED if place else Cause.NO_API)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (is_own and status in {400, 422}):
        return Rejected(reason, cause=Cause.MESSAGE)
    if is_own and status in OWN_REFUSALS:
        return Closed(reason, cause=OWN_REFUSALS[status])
    return Failed(reason, cause=Cause.NO_API if status in NO_API else None)


def with_cause(outcome: Outcome, cause: Cause | None) -> Outcome:
    """A refusal with the cause that its code names, if any; a moved address comes first."""
    if cause is None or not isinstance(outcome, Rejected | Closed):
        return outcome
    return outcome if outcome.cause is Cause.MOVED else replace(outcome, cause=cause)


_SPEAKERS: list[tuple[str, Callable[[Answer], bool]]] = []


def register(name: str, is_its: Callable[[Answer], bool]) -> None:
    """
    Register how a vendor's answers are recognized, so that the other vendors recognize them.

    ``relay.sinks`` does so once for each vendor: vendors do not know each other.
    """
    _SPEAKERS.append((name, is_its))


def speaker(answer: Answer) -> str | None:
    """The vendor whose words an answer has; None if relay knows none that speaks so."""
    return next((name for name, is_its in _SPEAKERS if is_its(answer)), None)


def misplaced(answer: Answer, own: str) -> Closed | None:
    """Closed if another vendor answers than the sink's ``own``; else None."""
    if answer.status >= 500 or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return None
    if (vendor := speaker(answer)) in {own, None}:
        return None
    reason = one_line(f"{answer.reason}: {vendor} answers here, not {own}: check the address")
    is_taken = 200 <= answer.status < 300
    return Closed(reason, is_lasting=True, is_taken=is_taken, cause=Cause.ELSEWHERE)


def trouble(outcome: Outcome) -> str | None:
    """The problem that the outcome of a probe reveals; None if there is none."""
    match outcome:
        case Sent(message=message) if message:
            return "took an empty message, as no chat of this kind does: check the address"
        case Sent():
            return None
        case RateLimited(pause):
            return f"asks us to wait for {pause:.0f} seconds: check again then"
        case Failed(reason):
            return f"cannot be reached: {reason}"
        case Rejected(reason) | Closed(reason):
            return f"refuses us: {reason}"


def unexpected(outcome: Outcome) -> Outcome:
    """The outcome of a probe that was not refused as a healthy vendor refuses it."""
    match outcome:
        case Sent():
            return replace(outcome, message=outcome.message or "empty")
        case Rejected(reason):
            reason = f"{reason}: no healthy address answers so to an empty message"
            return Closed(reason, cause=outcome.cause)
        case _:
            return outcome


def rate_limited(*hints: object, reason: str) -> RateLimited:
    """``hints`` are the pauses that the answer asks for, in seconds or as dates."""
    pause = max(MIN_PAUSE, pause_from(*hints))
    is_pause_stated = any(_seconds(hint) is not None for hint in hints)
    return RateLimited(pause, reason=reason, is_pause_stated=is_pause_stated)


def pause_from(*hints: object) -> float:
    """
    The longest of the pauses that an answer asks for, in seconds: a number, or a date.

    Never NaN, negative, or days: whatever the vendor says, we can wait that long.
    """
    pauses = [pause for pause in map(_seconds, hints) if pause is not None]
    return min(max(pauses, default=DEFAULT_PAUSE), MAX_PAUSE)


def _seconds(hint: object) -> float | None:
    if not isinstance(hint, str | int | float) or isinstance(hint, bool):
        return None
    try:
        pause = float(hint)
    except OverflowError:  # an integer of hundreds of digits
        return MAX_PAUSE if isinstance(hint, int) and hint > 0 else None
    except ValueError:
        return _until(str(hint))
    return None if math.isnan(pause) or pause < 0 else pause


def _until(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
