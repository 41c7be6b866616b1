"""
Discord, over a channel's webhook.

https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import re
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
from discord_webhook import DiscordWebhook
from pydantic import field_validator
from yarl import URL

from relay.message import Message
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.pace import Window
from relay.sinks.base import Payload, SecretUrl, Settings, SinkSettings
from relay.sinks.embed import BLANK, embeds, prune, units_cut
from relay.sinks.http import Answer, exchange, pause_from

# https://discord.com/developers/docs/reference#user-agent
USERNAME = 80
THREAD_NAME = 100
USER_AGENT = {"User-Agent": "DiscordBot (https://relay.invalid, 0.1.0)"}
KEYS = ("content", "username", "avatar_url", "embeds", "thread_name")

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
REJECTED = {50035, 50006, 50109, 200000, 240000, 220001, 220002, 220003, 40058, 40067, 40005}
CLOSED = {10003, 10004, 10015, 50001, 50013, 50027, 160005, 40333}
LIMITED = {20016, 20028, 40062}


# 5 per 2 s per webhook, and a hidden 30 per 60 s per channel that no header tells of:
# https://github.com/discord/discord-api-docs/issues/1454
PACE = ((5, 2.0), (28, 60.0))


class Mentions(Settings):
    """Whom a template's ``ping`` block may ping: the ids of roles and users."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @field_validator("roles", "users")
    @classmethod
    def _ids(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        if not all(one.isdecimal() for one in found):
            raise ValueError('should be ids: numbers in quotes, from Discord\'s "Copy ID"')
        return found


class Discord(SinkSettings):
    """A way out to one Discord channel."""

    type: Literal["discord"]
    url: SecretUrl
    """The webhook's address, from the channel's settings."""
    thread_id: str | None = None
    """Post into this thread of the channel."""
    thread_name: str | None = None
    """Begin a new thread with each message; for forum channels."""
    username: str | None = None
    """The name shown above messages, instead of the webhook's own."""
    avatar: Literal["author", "none"] = "none"
    """The picture beside messages: the note author's, or the webhook's own."""
    mentions: Mentions = Mentions()

    @property
    def pace(self) -> tuple[Window, ...]:
        return PACE if self.rate is None else self.rate

    def payload(self, message: Message) -> Payload:
        pings, allowed = self._pings(message)
        raw = DiscordWebhook(
            url="",
            content=pings,
            username=self.username and username(self.username),
            avatar_url=message.avatar if self.avatar == "author" else None,
            thread_name=self.thread_name and units_cut(self.thread_name, THREAD_NAME),
            embeds=[dict(one) for one in embeds(message)],
        ).json
        return {key: prune(raw[key]) for key in KEYS if raw.get(key)} | {
            "allowed_mentions": allowed
        }

    def _pings(self, message: Message) -> tuple[str, Payload]:
        """The content that pings, and the list without which it would ping nobody."""
        roles = [one for one in self.mentions.roles if message.ping & {"all", one}]
        users = [one for one in self.mentions.users if message.ping & {"all", one}]
        written = [f"<@&{one}>" for one in roles] + [f"<@{one}>" for one in users]
        return " ".join(written), {"parse": [], "roles": roles, "users": users}

    async def send(self, message: Message, *, key: str, session: aiohttp.ClientSession) -> Outcome:
        # Execute Webhook takes no idempotency key: a lost answer can show twice.
        body = self.payload(message)
        return classify(
            await exchange(session, "POST", self._address, body=body, headers=USER_AGENT)
        )

    @property
    def _address(self) -> str:
        # Without wait=true Discord answers before it has stored, and no error comes.
        query = {"wait": "true"} | ({"thread_id": self.thread_id} if self.thread_id else {})
        return str(URL(self.url.reveal()).update_query(query))

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        answer = await exchange(session, "GET", self.url.reveal(), headers=USER_AGENT)
        if isinstance(answer, Failed):
            return f"cannot be reached: {answer.reason}"
        return None if answer.status == HTTPStatus.OK else answer.reason


def classify(answer: Answer | Failed) -> Outcome:
    """What Discord's answer means for the message and for the lane."""
    if isinstance(answer, Failed):
        return answer
    status, found = answer.status, answer.json
    code, reason = found.get("code"), describe(answer)
    if status in {200, 204}:
        return Sent(_rest(answer))
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in LIMITED:
        return RateLimited(_pause(answer))
    if code in CLOSED:
        return Closed(reason)
    if code in REJECTED or status in {400, 413, 422}:
        return Rejected(reason)
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        return Failed(reason, ambiguous=True)
    if 200 <= status < 300:
        return Failed(reason, ambiguous=True)
    return Closed(reason)  # 401, 403, 404, a redirect: not the message's fault


def describe(answer: Answer) -> str:
    """Discord's words for an error, with the fields that it names."""
    found = answer.json
    if "message" not in found:
        return answer.reason
    fields = ", ".join(_fields(found.get("errors")))
    return f"{answer.status} {found.get('code')} {found['message']} {fields}".strip()[:300]


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
    return pause_from(answer.headers.get("X-RateLimit-Reset-After"))


def _pause(answer: Answer) -> float:
    headers = answer.headers
    return pause_from(
        headers.get("Retry-After"),
        answer.json.get("retry_after"),
        headers.get("X-RateLimit-Reset-After"),
    )


def username(wanted: str) -> str:
    """
    A name that Discord accepts: some words in it are refused.

    https://discord.com/developers/docs/resources/user#usernames-and-nicknames
    """
    for word in ("discord", "clyde", "everyone", "here"):
        place = wanted.lower().find(word)
        if place >= 0:
            wanted = wanted[: place + 1] + BLANK + wanted[place + 1 :]
    return units_cut(re.sub("[@#:]|```", "", wanted).strip(), USERNAME)
