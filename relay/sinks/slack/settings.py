"""The settings of a sink that posts to one channel of Slack, by a webhook or as a bot."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from relay.base_settings import Settings
from relay.model import Display
from relay.secret import Secret
from relay.sinks.base import Layout, Payload, Sink, SinkSettings, ids, may_be_http
from relay.sinks.layout import coded
from relay.sinks.slack.address import (
    API_BASE,
    check_api_base,
    check_channel,
    check_token,
    check_url,
)
from relay.sinks.slack.layout import blocks, fallback
from relay.text.message import Message, pinged

if TYPE_CHECKING:  # see SinkSettings.open
    import aiohttp

PACE = ((1, 1.0),)  # https://docs.slack.dev/apis/web-api/rate-limits

UNFURLS = {"unfurl_links": False, "unfurl_media": False}
"""Only new messages have these."""

AT_MOST = Field(max_length=40)
UserIds = Annotated[
    tuple[str, ...],
    ids("[UW][A-Z0-9]{2,20}", 'should be ids of users, like U0123ABCD: "Copy member ID"'),
    AT_MOST,
]
GroupIds = Annotated[
    tuple[str, ...], ids("S[A-Z0-9]{2,20}", "should be ids of user groups, like S0123ABCD"), AT_MOST
]


class SlackMentions(Settings):
    """The users and groups that a template's ``ping`` block may ping, or the channel."""

    users: UserIds = ()
    """Ids of users."""
    groups: GroupIds = ()
    """Ids of user groups."""
    channel: Literal["here", "channel", "everyone"] | None = None
    """Whether ``all`` means the channel, too, and how much of it."""


def _is_slacks(info: ValidationInfo) -> bool:
    return str(info.data.get("api_base", "")).rstrip("/") == API_BASE.rstrip("/")


class SlackSettings(SinkSettings):
    """A sink that posts to one Slack channel, by ``url``, or by ``token`` and ``channel``."""

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
    mentions: SlackMentions = SlackMentions()
    """The users and groups that templates may ping; nobody else is ever pinged."""
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
    def address(self) -> str:
        return self.api_base if self.url is None else self.url.reveal()

    @property
    def pace_key(self) -> Hashable:
        return self.type, self.url, self.token, self.channel

    @property
    def display(self) -> Display:
        # Slack has no spoiler: a text behind one is not sent.
        cw = "hide" if self.cw == "spoiler" else self.cw
        return Display(cw=cw, sensitive_media=self.sensitive_media)

    @property
    def starts_workflow(self) -> bool:
        """
        Whether the address starts a workflow, which shows no messages.

        https://slack.com/help/articles/360041352714
        """
        path = "" if self.url is None else urlsplit(self.url.reveal()).path
        return path.startswith(("/triggers/", "/workflows/"))

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        emojis = [coded(message, self.emojis) for message in messages]
        written, count = blocks(emojis, lambda count: self._pings(messages[:count]))
        content = {"text": fallback(messages[:count])} | ({"blocks": written} if written else {})
        return Layout({**self.addressed(content), **UNFURLS}, count)

    def addressed(self, content: Payload) -> dict[str, Any]:
        """Webhooks know their channel; bots have to name it, and to say what they don't want."""
        if self.channel is None:
            return {**content}
        return {**content, "channel": self.channel, "link_names": False, "parse": "none"}

    def _pings(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """The elements that ping."""
        mentions, names = self.mentions, pinged(messages)
        users = [user for user in mentions.users if names & {"all", user}]
        groups = [group for group in mentions.groups if names & {"all", group}]
        elements: list[dict[str, Any]] = [{"type": "user", "user_id": user} for user in users]
        elements += [{"type": "usergroup", "usergroup_id": group} for group in groups]
        if mentions.channel is not None and names & {"all", mentions.channel}:
            elements.append({"type": "broadcast", "range": mentions.channel})
        return elements

    def open(self, session: "aiohttp.ClientSession") -> Sink:
        from relay.sinks.slack.client import SlackSink

        return SlackSink(self, session)
