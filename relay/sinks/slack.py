"""
Slack, over an incoming webhook, or as a bot.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, Self

import aiohttp
from pydantic import model_validator
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from relay.message import Message
from relay.model import Display
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.pace import Window
from relay.secret import Secret
from relay.sinks.base import Payload, SecretUrl, Settings, SinkSettings, Url
from relay.sinks.blocks import blocks, fallback
from relay.sinks.http import Answer, pause_from, watched

# The SDK's own lines hold addresses and tokens.
quiet = logging.getLogger("relay.slack_sdk")
quiet.setLevel(logging.CRITICAL)

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
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_post_type",
    "metadata_",
    "invalid_array_arg",
)
LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
FAILED = {
    "internal_error",
    "fatal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}


PACE = ((1, 1.0),)  # https://docs.slack.dev/apis/web-api/rate-limits


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: ids of users and user groups, or the channel."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    channel: Literal["here", "channel", "everyone"] | None = None


class Slack(SinkSettings):
    """A way out to one Slack channel: ``url``, or ``token`` and ``channel``."""

    type: Literal["slack"]
    url: SecretUrl | None = None
    """The address of an incoming webhook."""
    token: Secret | None = None
    """A bot's token (xoxb-...), with the scope chat:write."""
    channel: str | None = None
    """The id of the bot's channel."""
    api_base: Url = "https://slack.com/api/"
    mentions: Mentions = Mentions()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.token is None):
            raise ValueError("needs either url (incoming webhook), or token and channel (bot)")
        if (self.token is None) != (self.channel is None):
            raise ValueError("token and channel belong together")
        return self

    @property
    def pace(self) -> tuple[Window, ...]:
        return PACE if self.rate is None else self.rate

    @property
    def display(self) -> Display:
        # Slack has no spoiler: what others put behind one stays away.
        cw = "hide" if self.cw == "spoiler" else self.cw
        return Display(cw=cw, sensitive_media=self.sensitive_media)

    def payload(self, message: Message) -> Payload:
        common = {
            "text": fallback(message),
            "blocks": blocks(message, pings=self._pings(message)),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if self.channel is None:
            return common
        return common | {"channel": self.channel, "link_names": False, "parse": "none"}

    def _pings(self, message: Message) -> list[dict[str, Any]]:
        """The elements that ping."""
        mentions, wanted = self.mentions, message.ping
        users = [one for one in mentions.users if wanted & {"all", one}]
        groups = [one for one in mentions.groups if wanted & {"all", one}]
        found: list[dict[str, Any]] = [{"type": "user", "user_id": one} for one in users]
        found += [{"type": "usergroup", "usergroup_id": one} for one in groups]
        if mentions.channel is not None and wanted & {"all", mentions.channel}:
            found.append({"type": "broadcast", "range": mentions.channel})
        return found

    async def send(self, message: Message, *, key: str, session: aiohttp.ClientSession) -> Outcome:
        # Neither way takes an idempotency key: a lost answer can show twice.
        body = dict(self.payload(message))
        if self.url is not None:
            return await _send_webhook(session, self.url, body)
        return await self._call(session, "chat.postMessage", body)

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        if self.token is None:
            return None  # a webhook has nothing to ask: whatever it is sent is posted
        outcome = await self._call(session, "auth.test", {})
        return None if isinstance(outcome, Sent) else str(getattr(outcome, "reason", outcome))

    async def _call(
        self, session: aiohttp.ClientSession, method: str, body: dict[str, Any]
    ) -> Outcome:
        client = AsyncWebClient(
            token=None if self.token is None else self.token.reveal(),
            base_url=self.api_base.rstrip("/") + "/",
            session=session,
            retry_handlers=[],
            logger=quiet,
        )
        with watched() as scope:
            try:
                response = await client.api_call(method, json=body)
            except SlackApiError as error:
                return classify_api(_answer(error.response))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                return scope.failed(error)
            except (AttributeError, ValueError, TypeError) as error:
                # What the SDK makes of a 200 that is not JSON.
                return scope.failed(error)
        return classify_api(_answer(response))


async def _send_webhook(
    session: aiohttp.ClientSession, url: Secret, body: dict[str, Any]
) -> Outcome:
    client = AsyncWebhookClient(url.reveal(), session=session, retry_handlers=[], logger=quiet)
    with watched() as scope:
        try:
            response = await client.send_dict(body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return scope.failed(error)
    return classify_webhook(Answer(response.status_code, response.headers, str(response.body)))


def _answer(response: Any) -> Answer:
    """The SDK's answer as ours; its data is a text where Slack answered no JSON."""
    text = response.data if isinstance(response.data, str) else ""
    found = response.data if isinstance(response.data, Mapping) else {}
    error = "ok" if found.get("ok") is True else str(found.get("error", text))
    return Answer(response.status_code, response.headers or {}, error)


def classify_webhook(answer: Answer) -> Outcome:
    """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors"""
    status, word = answer.status, answer.text.strip()
    if status == HTTPStatus.OK:
        return Sent() if word == "ok" else Failed(answer.reason, ambiguous=True)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(_pause(answer))
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        return Failed(answer.reason, ambiguous=True)
    if status in {400, 413}:
        return Rejected(answer.reason)
    return Closed(answer.reason)


def classify_api(answer: Answer) -> Outcome:
    """https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
    status, word = answer.status, answer.text
    if status == HTTPStatus.TOO_MANY_REQUESTS or word in LIMITED:
        return RateLimited(_pause(answer))
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT or word in FAILED:
        return Failed(answer.reason, ambiguous=True)
    if status == HTTPStatus.OK and word == "ok":
        return Sent()
    if word in REJECTED or word.startswith(REJECTED_PREFIXES):
        return Rejected(answer.reason)
    if status == HTTPStatus.OK and not word.replace("_", "").isalnum():
        return Failed(answer.reason, ambiguous=True)
    return Closed(answer.reason)  # the channel or the token, and whatever nobody has named


def _pause(answer: Answer) -> float:
    return pause_from(answer.headers.get("Retry-After"))
