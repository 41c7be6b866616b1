"""
Discord, over a channel's webhook.

https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import takewhile
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from relay.outcome import Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.settings import Settings
from relay.sinks.base import NO_ROOM, Payload, SinkSettings, ids, may_be_http
from relay.sinks.discord.address import THREAD, check_url, thread_in
from relay.sinks.discord.errors import classify, code_in, id_in, named
from relay.sinks.discord.layout import BLANK, EMBEDS, TOTAL, alike, embeds, face, length
from relay.sinks.emoji import coded
from relay.sinks.errors import Answer, trouble, unexpected
from relay.sinks.http import exchange
from relay.sinks.layout import cut_units, leading
from relay.text.message import Message, pinged

# https://discord.com/developers/docs/reference#user-agent
USER_AGENT = {"User-Agent": f"DiscordBot (https://relay.invalid, {version('relay')})"}
USERNAME = 80
KEYS = ("content", "username", "avatar_url", "embeds", "thread_name")
EMPTY = 50006
UNKNOWN_CHANNEL = 10003

# No \w here: with its whole alphabet, repeated, pydantic's engine takes megabytes.
EMOJI = "^<a?:[A-Za-z0-9_]{2,32}:[0-9]{1,20}>$"

# 5 per 2 s per webhook, and a hidden 30 per 60 s per channel that no header tells of:
# https://github.com/discord/discord-api-docs/issues/1454
PACE = ((5, 2.0), (28, 60.0))
# 10 000 answers of 401, 403 or 429 in 10 minutes, and Cloudflare bans the address:
# https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
REFUSALS = ((200, 600.0),)

SUFFIXES = ("/slack", "/github")
NOT_READ = (
    f"{EMPTY}: Discord found nothing in a message that has something: "
    "set url to the webhook's own address, which does not end in /slack or /github"
)

# Words that no name may hold, or be: https://discord.com/developers/docs/resources/user
_REFUSED = re.compile(r"(?i)(?<=c)(?=lyde)|(?<=d)(?=iscord)|(?<=^e)(?=veryone$)|(?<=^h)(?=ere$)")

Ids = Annotated[
    tuple[str, ...],
    ids(r"[0-9]{1,20}", 'should be ids: numbers in quotes, from Discord\'s "Copy ID"'),
    Field(max_length=40),  # all of them have to fit into a content of 2000 characters
]


def _thread_id(written: str) -> str:
    if not re.fullmatch("[0-9]{1,20}", written):
        raise ValueError(THREAD)
    return written


ThreadId = Annotated[str, AfterValidator(_thread_id)]


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: the ids of roles and users."""

    roles: Ids = ()
    """Ids of roles."""
    users: Ids = ()
    """Ids of users."""


class Discord(SinkSettings):
    """A way out to one Discord channel."""

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
    """The picture beside messages: the note author's, or the webhook's own."""
    mentions: Mentions = Mentions()
    """Whom templates may ping; nobody else, ever."""
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
    def pace_key(self) -> Hashable:
        return self.type, self.url

    @property
    def vendor_key(self) -> Hashable:
        return self.type, urlsplit(self.url.reveal()).netloc

    @property
    def can_edit(self) -> bool:
        return True

    @property
    def most(self) -> int:
        return EMBEDS if self.thread_name is None else 1  # each begins a thread of its own

    def together(self, messages: Sequence[Message]) -> int:
        same = messages[: self.most]
        if self.avatar == "author":
            same = [*takewhile(lambda one: one.avatar == messages[0].avatar, same)]
        return self._fitting(same)

    def _fitting(self, messages: Sequence[Message]) -> int:
        return leading(alike(messages), self._sizes, (EMBEDS, TOTAL))

    def _sizes(self, message: Message) -> tuple[int, int]:
        found = self._embeds(message)
        return len(found), sum(map(length, found))

    def _embeds(self, message: Message) -> Sequence[Payload]:
        return embeds(coded(message, self.emojis))

    def payload(self, messages: Sequence[Message]) -> Payload:
        from discord_webhook import DiscordWebhook  # at its first use: see relay.sinks

        pings, allowed = self._pings(messages)
        raw = DiscordWebhook(
            url="",
            content=pings,
            username=self.username and username(self.username),
            avatar_url=face(messages[0].avatar) if self.avatar == "author" else None,
            thread_name=self.thread_name,
            embeds=[dict(embed) for one in messages for embed in self._embeds(one)],
        ).json
        tags = {"applied_tags": [*self.tags]} if self.tags else {}  # unknown to the library
        shown = {key: raw[key] for key in KEYS if raw.get(key)}
        return {**shown, **tags, "allowed_mentions": allowed}

    def _pings(self, messages: Sequence[Message]) -> tuple[str, Payload]:
        """The content that pings, and the list without which it would ping nobody."""
        wanted = pinged(messages)
        roles = [one for one in self.mentions.roles if wanted & {"all", one}]
        users = [one for one in self.mentions.users if wanted & {"all", one}]
        written = [f"<@&{one}>" for one in roles] + [f"<@{one}>" for one in users]
        return " ".join(written), {"parse": [], "roles": roles, "users": users}

    async def send(
        self, messages: Sequence[Message], *, key: str, session: aiohttp.ClientSession
    ) -> Outcome:
        if self.together(messages) < len(messages):  # templates or settings have changed since
            return NO_ROOM
        # Execute Webhook takes no idempotency key: a lost answer can show twice.
        # Without wait=true Discord answers before it has stored, and no error comes.
        body = self.payload(messages)
        answer = await self._ask(session, "POST", query=self._query, body=body)
        if code_in(answer) == EMPTY and _has_words(body):
            return Closed(NOT_READ, is_lasting=True)
        return self._placed(named(classify(answer), answer, body), answer)

    @property
    def _query(self) -> dict[str, str]:
        return {"wait": "true"} | ({"thread_id": self.thread_id} if self.thread_id else {})

    def _placed(self, outcome: Outcome, answer: Answer | Failed) -> Outcome:
        """A message in a thread can be changed only by who names the thread, too."""
        thread = id_in(answer, "channel_id") if self.thread_id or self.thread_name else ""
        if not isinstance(outcome, Sent) or not outcome.message or not thread:
            return outcome
        return replace(outcome, message=f"{thread}/{outcome.message}")

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        """https://discord.com/developers/docs/resources/webhook#edit-webhook-message"""
        if self._fitting(messages) < len(messages):
            return NO_ROOM
        thread, _, message = sent.rpartition("/")
        shown = self.payload(messages)
        body = {key: shown.get(key) for key in ("content", "embeds", "allowed_mentions")}
        query = {"thread_id": thread} if thread else {}
        answer = await self._ask(session, "PATCH", "messages", message, query=query, body=body)
        outcome = named(classify(answer), answer, body)
        if code_in(answer) == UNKNOWN_CHANNEL and isinstance(outcome, Closed):
            # Its thread is gone, and with it the message; if it was ours alone, so is the sink's.
            is_removed = bool(thread) and thread != self.thread_id
            return Rejected(outcome.reason, is_removed=True) if is_removed else outcome
        if isinstance(outcome, RateLimited) and outcome.scope is LimitScope.SINK:
            return replace(outcome, scope=LimitScope.EDITS)  # Discord limits each route by itself
        return replace(outcome, message=sent) if isinstance(outcome, Sent) else outcome

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        """Offer an empty message: only who would take another gets as far as to refuse that so."""
        thread: dict[str, Any] = {"thread_name": self.thread_name, "applied_tags": [*self.tags]}
        body = {key: value for key, value in thread.items() if value}
        body["allowed_mentions"] = {"parse": []}
        answer = await self._ask(session, "POST", query=self._query, body=body)
        if code_in(answer) != EMPTY:
            return unexpected(classify(answer))
        if urlsplit(self.url.reveal()).path.rstrip("/").endswith(SUFFIXES):
            return Closed(NOT_READ, is_lasting=True)
        return Sent()

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        return trouble(await self.probe(session))

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        *path: str,
        query: dict[str, str] | None = None,
        body: Payload | None = None,
    ) -> Answer | Failed:
        parts = urlsplit(self.url.reveal())
        address = parts._replace(path="/".join((parts.path, *path))).geturl()
        return await exchange(
            session, method, address, secret=self.url, query=query, body=body, headers=USER_AGENT
        )


def _has_words(body: Payload) -> bool:
    """Whether there is something to read in a message, however Discord counts."""
    parts = [body.get("content")]
    for embed in body.get("embeds", ()):
        parts += [embed.get("title"), embed.get("description")]
        parts += [field.get("value") for field in embed.get("fields", ())]
    return any(letter.isalnum() for part in parts if isinstance(part, str) for letter in part)


def username(wanted: str) -> str:
    """A name that Discord accepts, as near to the wanted one as can be."""
    bare = re.sub("[@#:]", "", wanted).strip()
    return cut_units(_REFUSED.sub(BLANK, bare.replace("``", f"`{BLANK}`")), USERNAME)
