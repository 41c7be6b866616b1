"""
Discord, over a channel's webhook.

https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

from dataclasses import replace
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from relay.outcome import Cause, Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.base import Layout, Payload, Sink
from relay.sinks.discord.errors import classify, code_in, id_in, with_refused
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.errors import Answer, unexpected
from relay.sinks.http import exchange

# https://discord.com/developers/docs/reference#user-agent
USER_AGENT = {"User-Agent": f"DiscordBot (https://relay.invalid, {version('relay')})"}
EMPTY = 50006
UNKNOWN_CHANNEL = 10003

SUFFIXES = ("/slack", "/github")
NOT_READ = (
    f"{EMPTY}: Discord found nothing in a message that has something: "
    "set url to the webhook's own address, which does not end in /slack or /github"
)


class DiscordSink(Sink):
    """Posts to one channel."""

    can_edit = True

    def __init__(self, settings: DiscordSettings, session: aiohttp.ClientSession) -> None:
        self.settings: DiscordSettings = settings
        self.max_batch = settings.max_batch
        self._session = session

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        # Execute Webhook takes no idempotency key: a lost answer can show twice.
        # Without wait=true Discord answers before it has stored, and no error comes.
        body = layout.payload
        answer = await self._ask("POST", query=self._query, body=body)
        if code_in(answer) == EMPTY and _has_words(body):
            return Closed(NOT_READ, is_lasting=True, cause=Cause.ADDRESS_FORM)
        return self._placed(with_refused(classify(answer), answer, body), answer)

    @property
    def _query(self) -> dict[str, str]:
        thread = self.settings.thread_id
        return {"wait": "true"} | ({"thread_id": thread} if thread else {})

    def _placed(self, outcome: Outcome, answer: Answer | Failed) -> Outcome:
        """Add the thread to the message's id: a later edit has to name it, too."""
        is_in_thread = self.settings.thread_id or self.settings.thread_name
        thread = id_in(answer, "channel_id") if is_in_thread else ""
        if not isinstance(outcome, Sent) or not outcome.message or not thread:
            return outcome
        return replace(outcome, message=f"{thread}/{outcome.message}")

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        """https://discord.com/developers/docs/resources/webhook#edit-webhook-message"""
        thread, _, message = posted.rpartition("/")
        body = {key: layout.payload.get(key) for key in ("content", "embeds", "allowed_mentions")}
        query = {"thread_id": thread} if thread else {}
        answer = await self._ask("PATCH", "messages", message, query=query, body=body)
        outcome = with_refused(classify(answer), answer, body)
        if code_in(answer) == UNKNOWN_CHANNEL and isinstance(outcome, Closed):
            # Its thread is gone, and with it the message; if it was ours alone, so is the sink's.
            is_removed = bool(thread) and thread != self.settings.thread_id
            if is_removed:
                return Rejected(outcome.reason, is_removed=True, cause=outcome.cause)
            return outcome
        if isinstance(outcome, RateLimited) and outcome.scope is LimitScope.SINK:
            return replace(outcome, scope=LimitScope.EDITS)  # Discord limits each route by itself
        return replace(outcome, message=posted) if isinstance(outcome, Sent) else outcome

    async def probe(self) -> Outcome:
        """Post an empty message: only a working webhook refuses it with this error."""
        thread: dict[str, Any] = {
            "thread_name": self.settings.thread_name,
            "applied_tags": [*self.settings.tags],
        }
        body = {key: value for key, value in thread.items() if value}
        body["allowed_mentions"] = {"parse": []}
        answer = await self._ask("POST", query=self._query, body=body)
        if code_in(answer) != EMPTY:
            return unexpected(classify(answer))
        if urlsplit(self.settings.url.reveal()).path.rstrip("/").endswith(SUFFIXES):
            return Closed(NOT_READ, is_lasting=True, cause=Cause.ADDRESS_FORM)
        return Sent()

    async def _ask(
        self,
        method: str,
        *path: str,
        query: dict[str, str] | None = None,
        body: Payload | None = None,
    ) -> Answer | Failed:
        parts = urlsplit(self.settings.url.reveal())
        address = parts._replace(path="/".join((parts.path, *path))).geturl()
        return await exchange(
            self._session,
            method,
            address,
            secret=self.settings.url,
            query=query,
            body=body,
            headers=USER_AGENT,
        )


def _has_words(body: Payload) -> bool:
    """Whether a message has a letter or digit to read."""
    parts = [body.get("content")]
    for embed in body.get("embeds", ()):
        parts += [embed.get("title"), embed.get("description")]
        parts += [field.get("value") for field in embed.get("fields", ())]
    return any(letter.isalnum() for part in parts if isinstance(part, str) for letter in part)
