"""What Discord's answers mean, by the codes in their JSON."""

import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.answer import Answer, by_status, one_line, pause_from, rate_limited

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
REJECTED = {50035, 50006, 50109, 200000, 240000, 220001, 220002, 220003, 40058, 40067, 40005}
CLOSED = {10003, 10004, 10015, 50001, 50013, 50027, 160005, 40333}
LIMITED = {20016, 20028, 40062}

MAX_REST = 60.0  # seconds after a message that was taken
ID = re.compile("[0-9]{1,20}")


def classify(answer: Answer | Failed) -> Outcome:
    """What Discord's answer means for the message and for the lane."""
    if isinstance(answer, Failed):
        return answer
    status, code, reason = answer.status, answer.code("code"), describe(answer)
    if status == HTTPStatus.NO_CONTENT or (status == HTTPStatus.OK and answer.code("id")):
        return Sent(_rest(answer), id_in(answer, "id"))
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in LIMITED:
        return _limited(answer)
    if code in CLOSED:
        return Closed(reason)
    if code in REJECTED:
        return Rejected(reason)
    return by_status(answer, reason)


def id_in(answer: Answer | Failed, key: str) -> str:
    """An id that the answer tells; empty if it is none."""
    found = answer.id(key) if isinstance(answer, Answer) else ""
    return found if ID.fullmatch(found) else ""


def describe(answer: Answer) -> str:
    """Discord's words for an error, with the fields that it names."""
    found = answer.json
    if "message" not in found:
        return answer.reason
    fields = ", ".join(_fields(found.get("errors")))
    return one_line(f"{answer.status} {found.get('code')} {found['message']} {fields}")


def _fields(errors: Any, path: str = "", depth: int = 6) -> list[str]:
    if not isinstance(errors, dict) or not depth:
        return []
    if isinstance(own := errors.get("_errors"), list):
        codes = [str(one.get("code")) for one in own if isinstance(one, dict)]
        return [f"{path}: {' '.join(codes)}"]
    inner = [_fields(value, f"{path}.{key}".strip("."), depth - 1) for key, value in errors.items()]
    return [one for found in inner for one in found]


def _rest(answer: Answer) -> float:
    """The pause before the next message: none while the bucket has room."""
    if answer.headers.get("X-RateLimit-Remaining") != "0":
        return 0.0
    return min(MAX_REST, pause_from(answer.headers.get("X-RateLimit-Reset-After")))


def _limited(answer: Answer) -> RateLimited:
    hints = [answer.headers.get(name) for name in ("Retry-After", "X-RateLimit-Reset-After")]
    found = rate_limited(answer.json.get("retry_after"), *hints)
    return replace(found, everywhere=_meets_all(answer))


def _meets_all(answer: Answer) -> bool:
    """A limit that is not the webhook's own, and a page of Cloudflare's: a ban."""
    scope = answer.headers.get("X-RateLimit-Scope")
    return not answer.json or answer.json.get("global") is True or scope in {"global", "shared"}
