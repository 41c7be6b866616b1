"""Classifies Slack's answers by its words for errors."""

import re
from dataclasses import replace
from http import HTTPStatus

from relay.outcome import Cause, Closed, Failed, Outcome, Rejected, Sent
from relay.sinks.base import Payload, Remedy
from relay.sinks.errors import Answer, by_status, misplaced, rate_limited, with_cause
from relay.sinks.layout import addresses_at

REJECTED = {
    "no_text",
    "msg_too_long",
    "msg_blocks_too_long",
    "too_many_attachments",
    "json_not_object",
    "markdown_text_conflict",
}
REJECTED_PREFIXES = (
    "invalid_blocks",
    "invalid_arg",
    "invalid_array_arg",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_post_type",
    "metadata_",
)
# Seconds that are waited at least: nobody knows when a team's own limit ends.
LIMITED = {"ratelimited": 0.0, "rate_limited": 0.0, "message_limit_exceeded": 600.0}
# https://docs.slack.dev/reference/methods/chat.update: the rest of a deleted message that has
# answers belongs to Slack, and cannot be updated.
REMOVED = {"message_not_found", "cant_update_message"}
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
CLOSED_HOOKS = {
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_token",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "posting_to_general_channel_denied",
    "team_disabled",
    "user_not_found",
}
HEALTHY = {"no_text", "invalid_payload"}
"""How a webhook, and the API, refuse an empty message that they would take otherwise."""
WORKFLOW = (
    "this address starts a workflow, and shows no messages: add an incoming webhook to the app, "
    "and set url to its address"
)

FAILED = {
    "internal_error",
    "fatal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
CAUSES = {
    "channel_is_archived": Cause.ARCHIVED,
    "is_archived": Cause.ARCHIVED,
    "not_in_channel": Cause.OUTSIDE,
    "channel_not_found": Cause.OUTSIDE,
    "invalid_auth": Cause.TOKEN,
    "not_authed": Cause.TOKEN,
    "token_revoked": Cause.TOKEN,
    "token_expired": Cause.TOKEN,
    "account_inactive": Cause.TOKEN,
    "missing_scope": Cause.SCOPE,
    "restricted_action": Cause.RIGHT,
    "no_service": Cause.GONE,
    "no_team": Cause.GONE,
    "no_active_hooks": Cause.GONE,
    "invalid_token": Cause.GONE,
    "action_prohibited": Cause.GONE,
}


_WORD = re.compile(r"[a-z]+(_[a-z]+)*$|[a-z]+(_[a-z]+)+(?=:? \[)")  # perhaps with where it is
# Where it is wrong: [ERROR] downloading image failed [json-pointer:/blocks/2/image_url]
_POINTER = re.compile(r"json-pointer:/([^\]\s\"]+)")


def is_slacks(answer: Answer) -> bool:
    """Whether an answer has the form of Slack's: a word, or JSON with ``ok``."""
    word = answer.text.strip()
    is_word = word == "ok" or re.fullmatch("[a-z]+(_[a-z]+)+", word) is not None
    return is_word or isinstance(answer.json.get("ok"), bool)


def classify_webhook(answer: Answer | Failed) -> Outcome:
    """
    The outcome of an answer of an incoming webhook: "ok", or a word for an error as plain text.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
    """
    if isinstance(answer, Failed):
        return answer
    if answer.status == HTTPStatus.OK and answer.text.strip() == "ok":
        return Sent()
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
        return by_status(answer, is_own=True)
    if isinstance(answer.json.get("ok"), bool):
        is_taken = answer.json["ok"] is True
        reason = f"{answer.reason}: {WORKFLOW}"
        return Closed(reason, is_lasting=True, is_taken=is_taken, cause=Cause.WORKFLOW)
    word = word_in(answer)
    if word in CLOSED_HOOKS:
        return Closed(answer.reason, cause=CAUSES.get(word))
    if (elsewhere := misplaced(answer, "Slack")) is not None:
        return elsewhere
    return with_cause(by_status(answer, is_own=bool(word)), CAUSES.get(word))


def word_in(answer: Answer) -> str:
    """Slack's word for an error; empty if the answer has none."""
    text = answer.json.get("error", answer.text.strip())
    match = _WORD.match(text) if isinstance(text, str) else None
    return match[0] if match else ""


def classify_api(answer: Answer | Failed) -> Outcome:
    """
    The outcome of an answer of the Web API: JSON with ``ok``, and a word for an error.

    https://docs.slack.dev/reference/methods/chat.postMessage#errors
    """
    if isinstance(answer, Failed):
        return answer
    if answer.status == HTTPStatus.OK and answer.json.get("ok") is True:
        channel, ts = answer.id("channel"), answer.id("ts")
        return Sent(message=f"{channel}/{ts}" if channel and ts else "")
    word = answer.json.get("error")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
        return by_status(answer, is_own=True)
    is_own = isinstance(answer.json.get("ok"), bool)
    if is_own and isinstance(word, str) and word:
        return _by_word(word, answer)
    if is_slacks(answer) and not is_own:
        reason = f"{answer.reason}: a webhook answers here, not the API: check api_base"
        is_taken = answer.status < 300
        return Closed(reason, is_lasting=True, is_taken=is_taken, cause=Cause.ELSEWHERE)
    return misplaced(answer, "Slack") or by_status(answer, is_own=is_own)


def _by_word(word: str, answer: Answer) -> Outcome:
    """The outcome of an error with one of Slack's words."""
    if word in LIMITED:
        hints = (answer.headers.get("Retry-After"), LIMITED[word] or None)
        return rate_limited(*hints, reason=answer.reason)
    if word in FAILED:
        return Failed(answer.reason, ambiguous=True, cause=Cause.SICK)
    if word in REMOVED:
        return Rejected(answer.reason, is_removed=True, cause=Cause.MESSAGE)
    if word in REJECTED or word.startswith(REJECTED_PREFIXES):
        return Rejected(answer.reason, cause=Cause.MESSAGE)
    # The channel or the token, and whatever nobody has named.
    return Closed(answer.reason, cause=CAUSES.get(word))


def with_refused(outcome: Outcome, answer: Answer | Failed, body: Payload) -> Outcome:
    """The outcome with the addresses that Slack refuses; from a webhook, those of all blocks."""
    if not isinstance(outcome, Rejected) or isinstance(answer, Failed):
        return outcome
    pointers = _POINTER.findall(answer.text.replace("\\/", "/"))
    if not pointers and "invalid_blocks" in answer.text:
        pointers = [f"blocks/{place}" for place, _ in enumerate(body.get("blocks", ()))]
    return replace(
        outcome, refused=addresses_at(body, [pointer.split("/") for pointer in pointers])
    )


STORED_REASONS = {
    Cause.TOKEN: "invalid_auth|not_authed|token_revoked|token_expired|account_inactive|no_service",
    Cause.GONE: "channel_not_found|is_archived|no_team",
    Cause.RIGHT: "not_in_channel|restricted_action|missing_scope",
    Cause.LIMIT: "ratelimited",
    Cause.MESSAGE: "msg_too_long|invalid_blocks",
}

REMEDIES = {
    Cause.WORKFLOW: Remedy(
        "slack-workflow",
        "add an incoming webhook to the app, and write its address under url",
    ),
    Cause.ARCHIVED: Remedy(
        "slack-channel-archived",
        "take the channel out of the archive, or name another",
    ),
    Cause.OUTSIDE: Remedy(
        "slack-not-in-channel",
        "write /invite @ and the app's name in the channel; channel takes the channel's id",
    ),
    Cause.TOKEN: Remedy(
        "slack-token-invalid",
        "install the app to the workspace again, and take its new Bot User OAuth Token",
    ),
    Cause.SCOPE: Remedy(
        "slack-scope-missing",
        "add chat:write under OAuth & Permissions, and install the app again",
    ),
    Cause.GONE: Remedy(
        "slack-webhook-gone",
        "add a new one under the app's Incoming Webhooks, and write its address under url",
    ),
}
