"""The settings of a sink that posts to one channel of Discord, by its webhook."""

import re
from collections.abc import Hashable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from relay.base_settings import Settings
from relay.secret import Secret
from relay.sinks.base import Layout, Payload, Sink, SinkSettings, ids, may_be_http
from relay.sinks.discord.address import THREAD, check_url, thread_in
from relay.sinks.discord.layout import BLANK, EMBEDS, alike, face, fitting
from relay.sinks.layout import coded, cut_units
from relay.text.message import Message, pinged

if TYPE_CHECKING:  # see SinkSettings.open
    import aiohttp

USERNAME = 80
KEYS = ("content", "username", "avatar_url", "embeds", "thread_name")

# No \w here: with its whole alphabet, repeated, pydantic's engine takes megabytes.
EMOJI = "^<a?:[A-Za-z0-9_]{2,32}:[0-9]{1,20}>$"

# 5 per 2 s per webhook, and a hidden 30 per 60 s per channel that no header reports:
# https://github.com/discord/discord-api-docs/issues/1454
PACE = ((5, 2.0), (28, 60.0))
# 10 000 answers of 401, 403 or 429 in 10 minutes, and Cloudflare bans the address:
# https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
REFUSALS = ((200, 600.0),)

# Words that no name may hold, or be: https://discord.com/developers/docs/resources/user
_REFUSED = re.compile(r"(?i)(?<=c)(?=lyde)|(?<=d)(?=iscord)|(?<=^e)(?=veryone$)|(?<=^h)(?=ere$)")

Ids = Annotated[
    tuple[str, ...],
    ids(r"[0-9]{1,20}", 'should be ids: numbers in quotes, from Discord\'s "Copy ID"'),
    Field(max_length=40),  # all of them have to fit into a content of 2000 characters
]


def _thread_id(thread: str) -> str:
    if not re.fullmatch("[0-9]{1,20}", thread):
        raise ValueError(THREAD)
    return thread


ThreadId = Annotated[str, AfterValidator(_thread_id)]


class DiscordMentions(Settings):
    """The roles and users that a template's ``ping`` block may ping."""

    roles: Ids = ()
    """Ids of roles."""
    users: Ids = ()
    """Ids of users."""


class DiscordSettings(SinkSettings):
    """A sink that posts to one Discord channel."""

    known_pace = PACE
    known_refusals = REFUSALS

    type: Literal["discord"]
    """A channel of Discord, by its webhook."""
    allow_http: bool = False
    """Whether ``url`` may begin with http://, as on a network that is your own."""
    url: Secret
    """The webhook's address, from the channel's settings."""
    thread_id: ThreadId | None = None
    """Post into this thread of the channel."""
    thread_name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Begin a new thread with each message; for forum channels."""
    tags: Annotated[
        tuple[str, ...],
        Field(max_length=5),
        ids(r"[0-9]{1,20}", "should be ids of the forum's tags: numbers in quotes"),
    ] = ()
    """Ids of a forum's tags, for each thread that ``thread_name`` begins; at most five."""
    username: str | None = None
    """The name shown above messages, instead of the webhook's own."""
    avatar: Literal["author", "none"] = "none"
    """The picture next to messages: the note author's, or the webhook's own."""
    mentions: DiscordMentions = DiscordMentions()
    """The roles and users that templates may ping; nobody else is ever pinged."""
    emojis: dict[str, Annotated[str, Field(pattern=EMOJI)]] = Field(default_factory=dict)
    """The server's own emoji for Misskey's, by name: ``blobcat: <:blobcat:123>``."""

    @field_validator("url")
    @classmethod
    def _is_webhook(cls, url: Secret, info: ValidationInfo) -> Secret:
        check_url(url.reveal(), allow_http=may_be_http(info))
        return url

    @field_validator("thread_id", "thread_name")
    @classmethod
    def _is_not_another(cls, thread: str | None, info: ValidationInfo) -> str | None:
        there = thread_in(info.data["url"]) if "url" in info.data else None
        if thread is not None and there not in {None, thread}:
            raise ValueError(
                "the url names another thread, with ?thread_id=: take that off the url"
            )
        return thread

    @model_validator(mode="after")
    def _one_thread(self) -> Self:
        if self.thread_id is not None and self.thread_name is not None:
            raise ValueError("thread_id is for a thread that is there, thread_name for new ones")
        if self.tags and self.thread_name is None:
            raise ValueError("tags are for new threads: set thread_name, too")
        return self

    @property
    def address(self) -> str:
        return self.url.reveal()

    @property
    def pace_key(self) -> Hashable:
        return self.type, self.url

    @property
    def vendor_key(self) -> Hashable:
        return self.type, urlsplit(self.url.reveal()).netloc

    @property
    def max_batch(self) -> int:
        return EMBEDS if self.thread_name is None else 1  # each begins a thread of its own

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        from discord_webhook import DiscordWebhook  # late: see tests/unit/test_late_imports.py

        avatar = messages[0].avatar
        candidates = messages if edit else messages[: self.max_batch]
        if self.avatar == "author" and not edit:
            candidates = [*takewhile(lambda message: message.avatar == avatar, candidates)]
        laid_out = fitting(coded(message, self.emojis) for message in alike(candidates))
        pings, allowed = self._pings(messages[: len(laid_out)])
        raw = DiscordWebhook(
            url="",
            content=pings,
            username=self.username and username(self.username),
            avatar_url=face(avatar) if self.avatar == "author" else None,
            thread_name=self.thread_name,
            embeds=[dict(embed) for embeds in laid_out for embed in embeds],
        ).json
        tags = {"applied_tags": [*self.tags]} if self.tags else {}  # unknown to the library
        known = {key: raw[key] for key in KEYS if raw.get(key)}
        return Layout({**known, **tags, "allowed_mentions": allowed}, len(laid_out))

    def _pings(self, messages: Sequence[Message]) -> tuple[str, Payload]:
        """The content that pings, and the list without which it would ping nobody."""
        names = pinged(messages)
        roles = [role for role in self.mentions.roles if names & {"all", role}]
        users = [user for user in self.mentions.users if names & {"all", user}]
        written = [f"<@&{role}>" for role in roles] + [f"<@{user}>" for user in users]
        return " ".join(written), {"parse": [], "roles": roles, "users": users}

    def open(self, session: "aiohttp.ClientSession") -> Sink:
        from relay.sinks.discord.client import DiscordSink

        return DiscordSink(self, session)


def username(name: str) -> str:
    """The nearest name that Discord accepts."""
    bare = re.sub("[@#:]", "", name).strip()
    return cut_units(_REFUSED.sub(BLANK, bare.replace("``", f"`{BLANK}`")), USERNAME)
