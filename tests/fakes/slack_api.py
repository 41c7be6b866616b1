"""Slack's own words: how it reads a request and refuses one, as a webhook and as the Web API."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.records import Payload, Refused, unsendable
from tests.fakes.slack_rules import content_error

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
WEBHOOK_STATUS = {
    "invalid_payload": 400,
    "no_text": 400,
    "invalid_blocks": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "action_prohibited": 403,
    "invalid_token": 403,
    "posting_to_general_channel_denied": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "no_team": 404,
    "no_active_hooks": 404,
    "channel_is_archived": 410,
    "rollup_error": 500,
}

# A webhook's channel, name and icon are fixed, and it gives no ts to reply to.
WEBHOOK_KEYS = {"text", "blocks", "unfurl_links", "unfurl_media", "mrkdwn"}
# https://docs.slack.dev/reference/methods/chat.postMessage
UPDATE_KEYS = {"channel", "ts", "text", "blocks", "link_names", "parse", "metadata"}
POST_KEYS = (WEBHOOK_KEYS | UPDATE_KEYS | {"thread_ts", "reply_broadcast"}) - {"ts"}
POST_KEYS |= {"username", "icon_url", "icon_emoji"}
BOOLEANS = {"unfurl_links", "unfurl_media", "mrkdwn", "reply_broadcast", "link_names"}
TS = re.compile(r"[0-9]{10,}\.[0-9]{6}")


class RefusalError(Exception):
    """One of Slack's error strings; the request changes nothing."""

    def __init__(self, error: str, *, payload: Any = None, details: list[str] | None = None):
        super().__init__(error)
        self.error, self.payload, self.details = error, payload, details or []

    @property
    def webhook_status(self) -> int:
        return WEBHOOK_STATUS.get(self.error, 400)

    def record(self, status: int, at: float) -> Refused:
        reason = "; ".join([self.error, *self.details])
        return Refused(status, self.error, reason, self.payload, at, self.details)

    @property
    def body(self) -> Payload:
        body: Payload = {"ok": False, "error": self.error}
        if self.details:
            body["response_metadata"] = {"messages": self.details}
        return body


class TooManyError(Exception):
    """A request came too early; nothing was stored."""

    def __init__(self, channel: str, retry_after: float) -> None:
        super().__init__(channel)
        self.channel, self.retry_after = channel, retry_after


@dataclass(frozen=True, slots=True)
class Webhook:
    channel: str
    path: str


async def webhook_payload(request: web.Request) -> Payload:
    """The body of a webhook request: JSON, or a form with `payload`."""
    raw = await request.read()
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            raw = str((await request.post()).get("payload", "")).encode()
        payload = json.loads(raw)
    except ValueError as error:
        raise RefusalError("invalid_payload", payload=raw) from error
    if not isinstance(payload, dict):
        raise RefusalError("invalid_payload", payload=payload)
    check_text(payload, "invalid_payload")
    check_keys(payload, WEBHOOK_KEYS, "invalid_payload")
    return payload


async def api_payload(request: web.Request) -> Payload:
    """The arguments of a Web API call: JSON, or a form in which blocks are JSON."""
    if request.content_type != "application/json":
        form = {name: str(value) for name, value in (await request.post()).items()}
        return {name: _from_form(name, value) for name, value in form.items()}
    raw = await request.read()
    try:
        payload = json.loads(raw)
    except ValueError as error:
        raise RefusalError("invalid_json", payload=raw) from error
    if not isinstance(payload, dict):
        raise RefusalError("json_not_object", payload=payload)
    return payload


def check_keys(payload: Payload, known: set[str], error: str) -> None:
    """Stricter than Slack on purpose: it ignores what it does not know."""
    if unknown := sorted(payload.keys() - known):
        raise RefusalError(error, payload=payload, details=[f"unknown keys: {unknown}"])
    wrong = sorted(key for key in BOOLEANS & payload.keys() if not isinstance(payload[key], bool))
    if wrong:
        raise RefusalError(error, payload=payload, details=[f"not boolean: {wrong}"])


def check_text(payload: Payload, error: str) -> None:
    """Our rule: nothing that Slack would silently change."""
    if why := unsendable(payload):
        raise RefusalError(error, payload=payload, details=[why])


def check_content(payload: Payload, served: Mapping[str, str], told: int | None = None) -> None:
    """`told`: how many of the mistakes are named."""
    if found := content_error(payload, served):
        raise RefusalError(found[0], payload=payload, details=found[1][:told])


def _from_form(name: str, value: str) -> Any:
    if name in BOOLEANS and value in {"true", "false", "1", "0"}:
        return value in {"true", "1"}
    if name not in {"blocks", "metadata"}:
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise RefusalError("invalid_blocks_format", payload=value) from error
