"""
Slack, over an incoming webhook, or as a bot.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import logging
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, ValidationInfo, field_validator, model_validator

from relay.model import Display
from relay.outcome import Closed, Failed, LimitScope, Outcome, RateLimited, Sent
from relay.secret import Secret
from relay.settings import Settings
from relay.sinks.base import (
    NO_ROOM,
    UNCHANGEABLE,
    Payload,
    SinkSettings,
    ids,
    may_be_http,
)
from relay.sinks.emoji import coded
from relay.sinks.errors import Answer, trouble, unexpected
from relay.sinks.slack.address import (
    API_BASE,
    check_api_base,
    check_channel,
    check_token,
    check_url,
)
from relay.sinks.slack.errors import (
    HEALTHY,
    WORKFLOW,
    classify_api,
    classify_webhook,
    named,
    word_in,
)
from relay.sinks.slack.layout import MESSAGES, blocks, fallback, together
from relay.sinks.slack.wire import AnsweredError, Wire
from relay.text.message import Message, pinged

# The SDK's own lines hold addresses and tokens.
quiet = logging.getLogger("relay.slack_sdk")
quiet.setLevel(logging.CRITICAL)

PACE = ((1, 1.0),)  # https://docs.slack.dev/apis/web-api/rate-limits

AT_MOST = Field(max_length=40)
Users = Annotated[
    tuple[str, ...],
    ids("[UW][A-Z0-9]{2,20}", 'should be ids of users, like U0123ABCD: "Copy member ID"'),
    AT_MOST,
]
Groups = Annotated[
    tuple[str, ...], ids("S[A-Z0-9]{2,20}", "should be ids of user groups, like S0123ABCD"), AT_MOST
]


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: ids of users and user groups, or the channel."""

    users: Users = ()
    """Ids of users."""
    groups: Groups = ()
    """Ids of user groups."""
    channel: Literal["here", "channel", "everyone"] | None = None
    """Whether ``all`` means the channel, too, and how much of it."""


def _is_slacks(info: ValidationInfo) -> bool:
    return str(info.data.get("api_base", "")).rstrip("/") == API_BASE.rstrip("/")


class Slack(SinkSettings):
    """A way out to one Slack channel: ``url``, or ``token`` and ``channel``."""

    known_pace = PACE

    type: Literal["slack"]
    """A channel of Slack, by an incoming webhook or as a bot."""
    allow_http: bool = False
    """Whether ``url`` and ``api_base`` may begin with http://, as on a network that is your own."""
    url: Secret | None = None
    """The address of an incoming webhook."""
    api_base: str = API_BASE
    """Where the bot finds Slack."""
    token: Secret | None = None
    """A bot's token (xoxb-...), with the scope chat:write."""
    channel: str | None = None
    """The bot's channel: its id, like C0123ABCD, or its name, like #general."""
    mentions: Mentions = Mentions()
    """Whom templates may ping; nobody else, ever."""
    # Not {1,100}: a hundred times the whole alphabet is ten megabytes for pydantic's engine.
    emojis: dict[str, Annotated[str, Field(pattern=r"^[\w+'-]+$", max_length=100)]] = Field(
        default_factory=dict
    )
    """The workspace's own emoji for Misskey's, by name: ``blobcat: blobcat``."""

    @field_validator("url")
    @classmethod
    def _is_webhook(cls, url: Secret | None, info: ValidationInfo) -> Secret | None:
        if url is not None:
            check_url(url.reveal(), allow_http=may_be_http(info))
        return url

    @field_validator("api_base")
    @classmethod
    def _is_address(cls, address: str, info: ValidationInfo) -> str:
        check_api_base(address, allow_http=may_be_http(info))
        return address

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: Secret | None, info: ValidationInfo) -> Secret | None:
        if token is not None:
            check_token(token.reveal(), is_slacks=_is_slacks(info))
        return token

    @field_validator("channel")
    @classmethod
    def _is_channel(cls, channel: str | None) -> str | None:
        if channel is not None:
            check_channel(channel)
        return channel

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.token is None):
            raise ValueError("needs either url (incoming webhook), or token and channel (bot)")
        if (self.token is None) != (self.channel is None):
            raise ValueError("token and channel belong together")
        return self

    @property
    def pace_key(self) -> Hashable:
        return self.type, self.url, self.token, self.channel

    @property
    def display(self) -> Display:
        # Slack has no spoiler: what others put behind one stays away.
        cw = "hide" if self.cw == "spoiler" else self.cw
        return Display(cw=cw, sensitive_media=self.sensitive_media)

    @property
    def can_edit(self) -> bool:
        return self.token is not None  # a webhook does not tell what it has made

    @property
    def most(self) -> int:
        return MESSAGES

    def together(self, messages: Sequence[Message]) -> int:
        return together(self._coded(messages), pings=self._pings(messages))

    def _coded(self, messages: Sequence[Message]) -> Sequence[Message]:
        return [coded(one, self.emojis) for one in messages]

    def payload(self, messages: Sequence[Message]) -> Payload:
        return {**self._content(messages), "unfurl_links": False, "unfurl_media": False}

    def _content(self, messages: Sequence[Message]) -> dict[str, Any]:
        shown = blocks(self._coded(messages), pings=self._pings(messages))
        return self._addressed({"text": fallback(messages)} | ({"blocks": shown} if shown else {}))

    def _addressed(self, content: Payload) -> dict[str, Any]:
        """Webhooks know their channel; bots have to name it, and to say what they don't want."""
        if self.channel is None:
            return {**content}
        return {**content, "channel": self.channel, "link_names": False, "parse": "none"}

    def _pings(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """The elements that ping."""
        mentions, wanted = self.mentions, pinged(messages)
        users = [one for one in mentions.users if wanted & {"all", one}]
        groups = [one for one in mentions.groups if wanted & {"all", one}]
        found: list[dict[str, Any]] = [{"type": "user", "user_id": one} for one in users]
        found += [{"type": "usergroup", "usergroup_id": one} for one in groups]
        if mentions.channel is not None and wanted & {"all", mentions.channel}:
            found.append({"type": "broadcast", "range": mentions.channel})
        return found

    async def send(
        self, messages: Sequence[Message], *, key: str, session: aiohttp.ClientSession
    ) -> Outcome:
        # Neither way takes an idempotency key: a lost answer can show twice.
        return await self._post(session, {**self.payload(messages)})

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        """https://docs.slack.dev/reference/methods/chat.update"""
        if self.token is None:
            return UNCHANGEABLE
        if self.together(messages) < len(messages):
            return NO_ROOM
        channel, _, ts = sent.partition("/")
        body = self._content(messages) | {"channel": channel, "ts": ts}
        answer = await self._call(session, "chat.update", body)
        outcome = named(classify_api(answer), answer, body)
        if isinstance(outcome, RateLimited):  # by Slack each method has a limit of its own
            return replace(outcome, scope=LimitScope.EDITS)
        return outcome

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        """Offer an empty message: only who would take another gets as far as to refuse that so."""
        if self.starts_workflow:
            return Closed(WORKFLOW, is_lasting=True)  # to ask would start it
        answer = await self._posted(session, self._addressed({"text": ""}))
        if isinstance(answer, Answer) and answer.status < 500 and word_in(answer) in HEALTHY:
            return Sent()
        return unexpected(self._classify(answer))

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        return trouble(await self.probe(session))

    @property
    def starts_workflow(self) -> bool:
        """https://slack.com/help/articles/360041352714"""
        path = "" if self.url is None else urlsplit(self.url.reveal()).path
        return path.startswith(("/triggers/", "/workflows/"))

    async def _post(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> Outcome:
        if self.starts_workflow:
            return Closed(WORKFLOW, is_lasting=True)
        answer = await self._posted(session, body)
        return named(self._classify(answer), answer, body)

    def _classify(self, answer: Answer | Failed) -> Outcome:
        return classify_api(answer) if self.url is None else classify_webhook(answer)

    async def _posted(
        self, session: aiohttp.ClientSession, body: dict[str, Any]
    ) -> Answer | Failed:
        if self.url is not None:
            from slack_sdk.webhook.async_client import AsyncWebhookClient  # see relay.sinks

            wire = Wire(session, self.url)
            hook = AsyncWebhookClient(self.url.reveal(), **_ours(wire))
            with suppress(AnsweredError):
                await hook.send_dict(body)
            return wire.answer
        return await self._call(session, "chat.postMessage", body)

    async def _call(
        self, session: aiohttp.ClientSession, method: str, body: dict[str, Any]
    ) -> Answer | Failed:
        from slack_sdk.web.async_client import AsyncWebClient  # at its first use: see relay.sinks

        token = self.token or Secret("")
        wire = Wire(session, token)
        base = self.api_base.rstrip("/") + "/"
        bot = AsyncWebClient(token.reveal(), base, **_ours(wire))
        with suppress(AnsweredError):
            await bot.api_call(method, json=body)
        return wire.answer


def _ours(wire: Wire) -> dict[str, Any]:
    """Our session, no repeating, no words."""
    return {"session": wire, "retry_handlers": [], "logger": quiet}
