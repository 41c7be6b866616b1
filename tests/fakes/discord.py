"""
A Discord that has only webhooks: it refuses what Discord refuses, and remembers the rest.

Stricter than Discord in three ways, each a rule of ours: unknown keys, missing `allowed_mentions`
and text that Discord would silently change are refused.
"""

import itertools
import secrets
import time
from collections.abc import Iterable
from typing import Literal

from aiohttp import web

from tests.fakes import discord_pings
from tests.fakes.discord_api import (
    USER_AGENT,
    RefusalError,
    Webhook,
    check,
    check_shows,
    check_thread,
    cloudflare,
    payload_of,
    shown,
)
from tests.fakes.discord_limits import Limit, Limits, TooManyError
from tests.fakes.discord_rules import is_empty
from tests.fakes.faults import STORED, Faults, Handler
from tests.fakes.limits import Clock
from tests.fakes.records import Accepted, Limited, Payload, Refused, strings

WEBHOOK = web.RequestKey("WEBHOOK", Webhook)


class FakeDiscord:
    """The server; it has one webhook from the start. A limit of None is off."""

    def __init__(
        self,
        *,
        kind: str = "text",
        webhook_limit: Limit | None = (5, 2.0),
        channel_limit: Limit | None = (30, 60.0),
        global_limit: Limit | None = (50, 1.0),
        invalid_limit: Limit | None = (10_000, 600.0),
        max_bytes: int = 10 * 1024**2,
        automod: Iterable[str] = (),
        clock: Clock = time.time,
    ) -> None:
        self.clock = clock
        self.base_url = ""
        self.faults = Faults()
        self.limits = Limits(clock, webhook_limit, channel_limit, global_limit, invalid_limit)
        self.automod = tuple(automod)
        self.bad_addresses: set[str] = set()
        """Addresses that are refused wherever they stand, for reasons of Discord's own."""
        self.accepted: list[Accepted] = []
        self.refused: list[Refused] = []
        self.limited: list[Limited] = []
        self.deleted: list[str] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path of everything that arrived, faults included."""
        self.messages: dict[str, Accepted] = {}
        """What a reader sees now, by message id."""
        self.threads: dict[str, str] = {}
        """Thread id to the channel it belongs to."""
        self._webhooks: dict[str, Webhook] = {}
        self._ids = itertools.count(1_400_000_000_000_000_000)
        self.webhook = self.add_webhook(kind=kind)
        self.app = self._application(max_bytes)

    @property
    def url(self) -> str:
        """The url of the first webhook, once a test server runs the app."""
        return self.url_of(self.webhook)

    def url_of(self, webhook: Webhook) -> str:
        return self.base_url + webhook.path

    def add_webhook(
        self,
        *,
        channel: str | None = None,
        kind: str = "text",
        tags: Iterable[str] = (),
        wants_tag: bool = False,
    ) -> Webhook:
        """Make one more; those of one channel share its hidden limit."""
        number, place = str(next(self._ids)), channel or str(next(self._ids))
        token = secrets.token_urlsafe(50)
        webhook = Webhook(number, token, place, kind, tuple(tags), wants_tag)
        self._webhooks[number] = webhook
        return webhook

    def remove_webhook(self, webhook: Webhook) -> None:
        """From now on it is unknown: 404, code 10015."""
        del self._webhooks[webhook.id]

    def add_thread(self, webhook: Webhook | None = None) -> str:
        """Open a thread in the webhook's channel; return its id."""
        thread = str(next(self._ids))
        self.threads[thread] = (webhook or self.webhook).channel
        return thread

    def close_thread(
        self, thread: str, code: int = 160005, reason: str = "Thread is locked"
    ) -> None:
        """Lock a thread, or archive it (50083)."""
        for webhook in self._webhooks.values():
            webhook.closed_threads[thread] = (code, reason)

    def remove_thread(self, thread: str) -> None:
        """With all that was said in it."""
        del self.threads[thread]
        gone = [number for number, one in self.messages.items() if one.thread == thread]
        for number in gone:
            del self.messages[number]

    def posts(self) -> list[Accepted]:
        return [record for record in self.accepted if record.action == "post"]

    def told(self) -> list[Payload]:
        """The embeds that tell of events: several share a post, and pictures have their own."""
        embeds = [embed for post in self.posts() for embed in post.payload["embeds"]]
        return [embed for embed in embeds if embed.keys() - {"image"}]

    def texts(self) -> list[str]:
        """Every string in everything accepted."""
        return [text for record in self.accepted for text in strings(record.payload)]

    def pings(self) -> set[str]:
        """Whom everything accepted would notify."""
        return set().union(*(discord_pings.pings(record.payload) for record in self.accepted))

    def _application(self, max_bytes: int) -> web.Application:
        app = web.Application(
            middlewares=[self._arrival, self.faults.middleware, self._gate],
            client_max_size=max_bytes,
        )
        app.on_shutdown.append(self.faults.close)
        for prefix in ("/api", "/api/v{version:[0-9]+}"):
            hook = prefix + "/webhooks/{webhook}/{token}"
            app.router.add_post(hook, self._post)
            app.router.add_post(hook + "/slack", self._read_as_slack)
            app.router.add_get(hook, self._describe, allow_head=False)
            app.router.add_patch(hook + "/messages/{message}", self._edit)
            app.router.add_delete(hook + "/messages/{message}", self._delete)
            app.router.add_get(hook + "/messages/{message}", self._show, allow_head=False)
        return app

    @web.middleware
    async def _arrival(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        return await handler(request)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The one place where refusals and limits become answers, with their headers."""
        if seconds := self.limits.banned_for():
            await request.read()
            return cloudflare(seconds)
        try:
            if not USER_AGENT.match(request.headers.get("User-Agent", "")):
                raise RefusalError(403, 40333, "internal network error")
            self.limits.admit_ip()
            answer = await handler(request)
        except web.HTTPRequestEntityTooLarge:
            answer = self._refusal(RefusalError(413, 40005, "Request entity too large"))
        except web.HTTPException as error:
            reason = f"{error.status}: {error.reason}"
            answer = self._refusal(RefusalError(error.status, 0, reason))
        except RefusalError as error:
            answer = self._refusal(error)
        except TooManyError as error:
            self.limited.append(Limited(error.scope, error.retry_after, self.clock()))
            answer = web.json_response(error.body, status=429, headers=error.headers)
        if answer.status in {401, 403, 429} and answer.headers.get("X-RateLimit-Scope") != "shared":
            self.limits.count_invalid()
        if WEBHOOK in request and answer.headers.get("X-RateLimit-Scope") != "global":
            answer.headers.update(self.limits.headers(request[WEBHOOK].id, request.method))
        return answer

    def _refusal(self, error: RefusalError) -> web.Response:
        self.refused.append(
            Refused(error.status, error.code, error.reason, error.payload, self.clock(), error.tree)
        )
        return web.json_response(error.body, status=error.status)

    async def _post(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        self.limits.admit(webhook.id, "POST", webhook.channel)
        payload = await payload_of(request)
        thread = request.query.get("thread_id")
        wait = request.query.get("wait", "false").lower() in {"true", "1"}
        check(payload, edit=False, refused=self.bad_addresses)
        check_thread(webhook, thread, payload, self.threads)
        check_shows(payload)
        if any(word in text for word in self.automod for text in strings(payload)):
            if not wait:  # then nobody learns that the message was not saved
                return web.Response(status=204)
            reason = "Message was blocked by automatic moderation"
            raise RefusalError(400, 200000, reason, payload=payload)
        message = str(next(self._ids))
        if payload.get("thread_name"):
            thread = message
            self.threads[thread] = webhook.channel
        self.limits.count_message(webhook.channel)
        request[STORED] = True
        record = self._record("post", webhook, message, thread, payload, payload)
        return web.json_response(shown(record)) if wait else web.Response(status=204)

    async def _read_as_slack(self, request: web.Request) -> web.Response:
        """https://discord.com/developers/docs/resources/webhook#execute-slackcompatible-webhook"""
        self._webhook(request)
        payload = await payload_of(request)
        if not payload.get("text") and not payload.get("attachments"):
            raise RefusalError(400, 50006, "Cannot send an empty message", payload=payload)
        return web.Response(text="ok")

    async def _edit(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        self.limits.admit(webhook.id, "PATCH", None)
        payload = await payload_of(request)
        old = self._message(webhook, request, payload)
        check(payload, edit=True, refused=self.bad_addresses)
        result = {key: item for key, item in (old.result | payload).items() if item is not None}
        if is_empty(result):
            raise RefusalError(400, 50006, "Cannot send an empty message", payload=payload)
        request[STORED] = True
        record = self._record("edit", webhook, old.message, old.thread, payload, result)
        return web.json_response(shown(record))

    async def _delete(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        self.limits.admit(webhook.id, "DELETE", None)
        message = self._message(webhook, request).message
        del self.messages[message]
        self.deleted.append(message)
        return web.Response(status=204)

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(shown(self._message(self._webhook(request), request)))

    async def _describe(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        body = {"id": webhook.id, "type": 1, "channel_id": webhook.channel, "name": "relay"}
        return web.json_response(body | {"token": webhook.token, "avatar": None})

    def _webhook(self, request: web.Request) -> Webhook:
        webhook = self._webhooks.get(request.match_info["webhook"])
        if webhook is None:
            raise RefusalError(404, 10015, "Unknown Webhook")
        request[WEBHOOK] = webhook
        if webhook.token != request.match_info["token"]:
            raise RefusalError(401, 50027, "Invalid Webhook Token")
        return webhook

    def _message(
        self, webhook: Webhook, request: web.Request, payload: Payload | None = None
    ) -> Accepted:
        message = self.messages.get(request.match_info["message"])
        thread = request.query.get("thread_id")
        if thread is not None and thread not in self.threads:
            raise RefusalError(404, 10003, "Unknown Channel", payload=payload)
        if message is None or (message.via, message.thread) != (webhook.id, thread):
            raise RefusalError(404, 10008, "Unknown Message", payload=payload)
        return message

    def _record(
        self,
        action: Literal["post", "edit"],
        webhook: Webhook,
        message: str,
        thread: str | None,
        payload: Payload,
        result: Payload,
    ) -> Accepted:
        record = Accepted(
            action, webhook.id, webhook.channel, message, thread, payload, result, self.clock()
        )
        self.accepted.append(record)
        self.messages[message] = record
        return record
