"""
Slack, over an incoming webhook, or as a bot.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

import aiohttp

from relay.outcome import Cause, Closed, Failed, LimitScope, Outcome, RateLimited, Sent
from relay.secret import Secret
from relay.sinks.base import UNCHANGEABLE, Layout, Payload, Sink
from relay.sinks.errors import Answer, unexpected
from relay.sinks.http import exchange
from relay.sinks.slack.errors import (
    HEALTHY,
    WORKFLOW,
    classify_api,
    classify_webhook,
    with_refused,
    word_in,
)
from relay.sinks.slack.layout import MESSAGES
from relay.sinks.slack.settings import UNFURLS, SlackSettings

# The SDK's own lines hold addresses and tokens.
quiet = logging.getLogger("relay.slack_sdk")
quiet.setLevel(logging.CRITICAL)


class AnsweredError(Exception):
    """Leaves the SDK, which raises errors for all answers that are not JSON."""


class Wire:
    """
    Lets the SDK build a request, and makes it by our rules; ``answer`` is what came of it.

    The SDK's own way reads answers without a bound, follows redirects, uses whatever proxy the
    environment names, and opens a session of its own where the given one is closed.
    """

    closed = False

    def __init__(self, session: aiohttp.ClientSession, secret: Secret) -> None:
        self._session = session
        self._secret = secret
        self.answer: Answer | Failed = Failed("the SDK sent nothing")

    def request(self, method: str, url: str, **built: Any) -> "Wire":
        self._built = (method, url, built)
        return self

    async def __aenter__(self) -> NoReturn:
        method, url, built = self._built
        body: Mapping[str, Any] = built.get("json") or json.loads(built["data"])
        self.answer = await exchange(
            self._session, method, url, secret=self._secret, body=body, headers=built["headers"]
        )
        raise AnsweredError

    async def __aexit__(self, *error: object) -> None: ...


class SlackSink(Sink):
    """Posts to one channel."""

    max_batch = MESSAGES

    def __init__(self, settings: SlackSettings, session: aiohttp.ClientSession) -> None:
        self.settings: SlackSettings = settings
        self.can_edit = settings.token is not None  # a webhook returns no id of its message
        self._session = session

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        # Neither way takes an idempotency key: a lost answer can show twice.
        if self.settings.starts_workflow:
            return Closed(WORKFLOW, is_lasting=True, cause=Cause.WORKFLOW)
        answer = await self._post(layout.payload)
        return with_refused(self._classify(answer), answer, layout.payload)

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        """https://docs.slack.dev/reference/methods/chat.update"""
        if self.settings.token is None:
            return UNCHANGEABLE
        channel, _, ts = posted.partition("/")
        body = {**layout.payload, "channel": channel, "ts": ts}
        for name in UNFURLS:
            del body[name]
        answer = await self._call("chat.update", body)
        outcome = with_refused(classify_api(answer), answer, body)
        if isinstance(outcome, RateLimited):  # by Slack each method has a limit of its own
            return replace(outcome, scope=LimitScope.EDITS)
        return outcome

    async def probe(self) -> Outcome:
        """Post an empty message: only a working sink refuses it with this error."""
        if self.settings.starts_workflow:
            return Closed(WORKFLOW, is_lasting=True, cause=Cause.WORKFLOW)  # to ask would start it
        answer = await self._post(self.settings.addressed({"text": ""}))
        if isinstance(answer, Answer) and answer.status < 500 and word_in(answer) in HEALTHY:
            return Sent()
        return unexpected(self._classify(answer))

    def _classify(self, answer: Answer | Failed) -> Outcome:
        return classify_api(answer) if self.settings.url is None else classify_webhook(answer)

    async def _post(self, body: Payload) -> Answer | Failed:
        if (url := self.settings.url) is None:
            return await self._call("chat.postMessage", body)
        # late: see tests/unit/test_late_imports.py
        from slack_sdk.webhook.async_client import AsyncWebhookClient

        wire = Wire(self._session, url)
        hook = AsyncWebhookClient(url.reveal(), **_ours(wire))
        with suppress(AnsweredError):
            await hook.send_dict({**body})
        return wire.answer

    async def _call(self, method: str, body: Payload) -> Answer | Failed:
        from slack_sdk.web.async_client import AsyncWebClient  # late, as above

        token = self.settings.token or Secret("")
        wire = Wire(self._session, token)
        base = self.settings.api_base.rstrip("/") + "/"
        bot = AsyncWebClient(token.reveal(), base, **_ours(wire))
        with suppress(AnsweredError):
            await bot.api_call(method, json={**body})
        return wire.answer


def _ours(wire: Wire) -> dict[str, Any]:
    """Arguments for the SDK: our session, no retries, no logging."""
    return {"session": wire, "retry_handlers": [], "logger": quiet}
