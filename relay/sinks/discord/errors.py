"""Classifies Discord's answers by the codes in their JSON."""

import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from relay.outcome import Cause, Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import Payload, Remedy
from relay.sinks.errors import (
    Answer,
    by_status,
    misplaced,
    one_line,
    pause_from,
    rate_limited,
    with_cause,
)
from relay.sinks.layout import addresses_at

# All that can come of a webhook, of the list at
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json. What is not here goes by
# its status.
REJECTED = {
    20009,  # explicit content
    30015,  # too many attachments
    40005,  # too large
    50006,  # empty
    50035,  # a field is invalid
    50045, 50046, 50110, 50123, 50138, 50146,  # files
    50109,  # no JSON
    50151,  # an emoji
    200000,  # AutoMod
    240000,  # a harmful link
}  # fmt: skip
REMOVED = {10008}
MENDED_BY_SETTINGS = {
    220001: "the channel is a forum: set thread_name, or thread_id",
    220002: "set thread_name or thread_id, not both; the address may have a thread_id, too",
    220003: "the channel is no forum: take thread_name out",
    220004: "the address ends in /slack or /github: take that away",
    40058: "the channel is a forum: set thread_name, or thread_id",
    40066: "the forum wants a tag that only moderators may set: change its tags",
    40067: "the forum wants a tag: set tags to the ids of some",
    10087: "tags has an id that is none of the forum's tags",
    200001: "AutoMod refuses thread_name: set another",
    50003: "url is not that of a channel's webhook",
    50008: "the webhook's channel takes no text: set url to another's",
    50024: "the webhook's channel takes no messages of this kind: set url to another's",
    50041: "the address has a version of the API that is gone: set url to the webhook's own",
}
"""Closed until the settings change: no probe can find out whether they are right."""
CLOSED = {
    10003: "the webhook's channel is gone, or the thread that thread_id names",
    10004: "the server is gone",
    10015: "the webhook was deleted: set url to a new one's",
    10016: "the webhook was deleted: set url to a new one's",
    20012: "",
    30033: "the thread is full",
    40001: "",
    40002: "",
    40007: "",
    40012: "",
    40333: "",
    50001: "",
    50009: "",
    50013: "",
    50014: "",
    50025: "",
    50026: "",
    50027: "the webhook's token is wrong: copy its address again, to url",
    50067: "",
    50073: "",
    50083: "the thread is archived: open it again, or set thread_id to another",
    50095: "",
    50097: "",
    50101: "",
    50178: "",
    160005: "the thread is locked: unlock it, or set thread_id to another",
    160006: "the server has as many open threads as it may: close some, or set thread_id",
    160007: "the server has as many open threads as it may: close some, or set thread_id",
    400001: "",
}
"""Closed, until a probe or a later attempt finds that it is well again."""
LIMITED = {20016, 20028, 20029, 40003, 40062}
OF_ONE_EDIT = {20022, 30046}
"""Limits of a message that is changed too often or too late; new ones may go."""
FAILED = {40004, 40006, 110000, 110001, 130000}
"""Discord itself has trouble."""
CAUSES = {
    **dict.fromkeys([220001, 220002, 220003, 40058], Cause.FORUM),
    **dict.fromkeys([10087, 40066, 40067], Cause.TAGS),
    **dict.fromkeys([50083, 160005], Cause.THREAD_CLOSED),
    **dict.fromkeys([160006, 160007], Cause.THREADS_FULL),
    **dict.fromkeys([10003, 10004, 10015], Cause.GONE),
    **dict.fromkeys([50001, 50013], Cause.RIGHT),
    220004: Cause.ADDRESS_FORM,
    50027: Cause.TOKEN,
}

MAX_REST = 60.0  # seconds after a message that was taken
ID = re.compile("[0-9]{1,20}")
DEPTH = 6  # levels of the tree of errors

Path = tuple[str, ...]


def is_discords(answer: Answer) -> bool:
    """Whether an answer has the form of Discord's errors."""
    content = answer.json
    return isinstance(content.get("message"), str) and isinstance(content.get("code"), int)


def classify(answer: Answer | Failed) -> Outcome:
    """The outcome of a request that Discord has answered."""
    if isinstance(answer, Failed):
        return answer
    status, code, reason = answer.status, answer.code("code"), describe(answer)
    if status == HTTPStatus.NO_CONTENT or (status == HTTPStatus.OK and answer.code("id")):
        return Sent(_rest(answer), id_in(answer, "id"))
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in LIMITED | OF_ONE_EDIT:
        return _limited(answer, code)
    known = _of_code(code, answer) or misplaced(answer, "Discord")
    if known is not None:
        return known
    outcome = by_status(answer, reason, is_own=is_discords(answer))
    return with_cause(outcome, _cause(answer))


def _of_code(code: object, answer: Answer) -> Outcome | None:
    """The outcome of an error with one of Discord's codes; None if the code is not known."""
    reason = describe(answer)
    if not isinstance(code, int) or answer.status < 300:
        return None
    if code in FAILED:
        return Failed(reason, ambiguous=answer.status >= 500, cause=Cause.SICK)
    cause = _cause(answer)
    if code in MENDED_BY_SETTINGS:
        return Closed(_hinted(reason, MENDED_BY_SETTINGS[code]), is_lasting=True, cause=cause)
    if code in CLOSED:
        return Closed(_hinted(reason, CLOSED[code]), cause=cause)
    if code in REJECTED | REMOVED:
        return Rejected(reason, is_removed=code in REMOVED, cause=cause or Cause.MESSAGE)
    return None


def _cause(answer: Answer) -> Cause | None:
    """The cause that an error's code names; 401 is always about the webhook's token."""
    code = answer.code("code")
    if isinstance(code, int) and code in CAUSES:
        return CAUSES[code]
    return Cause.TOKEN if answer.status == HTTPStatus.UNAUTHORIZED else None


def _hinted(reason: str, hint: str) -> str:
    return f"{reason[:200]}: {hint}" if hint else reason


def id_in(answer: Answer | Failed, key: str) -> str:
    """The id under a key of the answer; empty if it is not one."""
    value = answer.id(key) if isinstance(answer, Answer) else ""
    return value if ID.fullmatch(value) else ""


def code_in(answer: Answer | Failed) -> str | int | None:
    """Discord's number for an error."""
    return answer.code("code") if isinstance(answer, Answer) else None


def describe(answer: Answer) -> str:
    """Discord's words for an error, with the fields that it names."""
    content = answer.json
    if "message" not in content:
        return answer.reason
    fields = ", ".join(
        f"{'.'.join(path)}: {codes}" for path, codes in _fields(content.get("errors"))
    )
    return one_line(f"{answer.status} {content.get('code')} {content['message']} {fields}")


def with_refused(outcome: Outcome, answer: Answer | Failed, body: Payload) -> Outcome:
    """The outcome with the addresses that Discord refuses, by places: ``embeds 0 image url``."""
    if not isinstance(outcome, Rejected) or isinstance(answer, Failed):
        return outcome
    places = [path for path, _ in _fields(answer.json.get("errors"))]
    return replace(outcome, refused=addresses_at(body, places))


def _fields(errors: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """Each invalid field with the codes of its errors."""
    if not isinstance(errors, dict) or len(path) == DEPTH:
        return []
    if isinstance(own := errors.get("_errors"), list):
        codes = [str(error.get("code")) for error in own if isinstance(error, dict)]
        return [(path, " ".join(codes))]
    inner = [_fields(value, (*path, str(key))) for key, value in errors.items()]
    return [field for fields in inner for field in fields]


def _rest(answer: Answer) -> float:
    """The pause before the next message: none while the bucket has room."""
    if answer.headers.get("X-RateLimit-Remaining") != "0":
        return 0.0
    return min(MAX_REST, pause_from(answer.headers.get("X-RateLimit-Reset-After")))


def _limited(answer: Answer, code: object) -> RateLimited:
    hints = [answer.headers.get(name) for name in ("Retry-After", "X-RateLimit-Reset-After")]
    limited = rate_limited(answer.json.get("retry_after"), *hints, reason=describe(answer))
    if code in OF_ONE_EDIT:
        return replace(limited, scope=LimitScope.MESSAGE)
    return replace(limited, scope=LimitScope.VENDOR) if _meets_all(answer) else limited


def _meets_all(answer: Answer) -> bool:
    """Whether a limit concerns all webhooks; an answer without JSON is a ban by Cloudflare."""
    scope = answer.headers.get("X-RateLimit-Scope")
    return not answer.json or answer.json.get("global") is True or scope in {"global", "shared"}


STORED_REASONS = {
    Cause.TOKEN: r"^\d+ 50027 ",
    Cause.GONE: r"^\d+ 10003 |^\d+ 10015 ",
    Cause.RIGHT: r"^\d+ 500(?:01|13) ",
}

REMEDIES = {
    Cause.ADDRESS_FORM: Remedy(
        "discord-address-form",
        "take /slack or /github away from the end of the webhook's address",
    ),
    Cause.FORUM: Remedy(
        "discord-forum",
        "set thread_name (or thread_id) for a forum channel, and no thread_name for another",
    ),
    Cause.TAGS: Remedy(
        "discord-tags",
        "set tags to ids of the forum's tags: right-click one, Copy ID",
    ),
    Cause.THREAD_CLOSED: Remedy(
        "discord-thread-closed",
        "open the thread again, or set thread_id to another",
    ),
    Cause.THREADS_FULL: Remedy(
        "discord-threads-full",
        "close threads of the server, or set thread_id to one that is there",
    ),
    Cause.GONE: Remedy(
        "discord-webhook-deleted",
        "make a new webhook in the channel's settings, and write its address under url",
    ),
    Cause.TOKEN: Remedy(
        "discord-webhook-wrong",
        "copy the webhook's whole address from the channel's settings again",
    ),
}
