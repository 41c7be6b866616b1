"""
A Slack that has incoming webhooks and three methods of the Web API.

Stricter than Slack in two ways, each a rule of ours: unknown keys are refused, a webhook's
`channel` and `username` among them, and so is text that Slack would silently change.
"""

import itertools
import math
import secrets
import time
from typing import Literal

from aiohttp import web

from tests.fakes import slack_pings
from tests.fakes.faults import STORED, Faults, Handler
from tests.fakes.limits import Clock, TokenBucket
from tests.fakes.records import Accepted, Limited, Payload, Refused, strings
from tests.fakes.slack_api import (
    POST_KEYS,
    TS,
    UPDATE_KEYS,
    RefusalError,
    TooManyError,
    Webhook,
    api_payload,
    check_content,
    check_keys,
    check_text,
    webhook_payload,
)


class FakeSlack:
    """The server; it has one channel, one webhook to it and one bot token from the start."""

    def __init__(
        self,
        *,
        rate: float | None = 1.0,
        burst: int = 3,
        max_bytes: int = 4 * 1024**2,
        clock: Clock = time.time,
    ) -> None:
        self.clock = clock
        self.rate, self.burst = rate, burst
        """Messages per second and channel, and how many may come at once; None is off."""
        self.base_url = ""
        self.faults = Faults()
        self.token = f"xoxb-{secrets.token_hex(12)}"
        self.error: str | None = None
        """The error that every Web API call gets while it is set."""
        self.served: dict[str, str] = {}
        """The media types of what addresses of pictures lead to, whatever they look like."""
        self.names_one_at_a_time = False
        """Whether of several mistakes only the first is named."""
        self.accepted: list[Accepted] = []
        self.refused: list[Refused] = []
        self.limited: list[Limited] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path of everything that arrived, faults included."""
        self.messages: dict[tuple[str, str], Accepted] = {}
        """What a reader sees now, by channel and ts."""
        self.channels: dict[str, str | None] = {}
        """Channel id to the error that posting to it gets, or None: `is_archived`, ..."""
        self._webhooks: dict[str, Webhook] = {}
        self._webhook_errors: dict[str, str] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self._ticks = itertools.count(1)
        self.workflows: list[str] = []
        """With what each workflow was started."""
        self.channel = self.add_channel()
        self.webhook = self.add_webhook(self.channel)
        self.app = web.Application(
            middlewares=[self._arrival, self.faults.middleware, self._gate],
            client_max_size=max_bytes,
        )
        self.app.on_shutdown.append(self.faults.close)
        self.app.router.add_post("/services/{team}/{service}/{token}", self._hook)
        self.app.router.add_post("/triggers/{team}/{number}/{token}", self._start_workflow)
        self.app.router.add_post("/api/chat.postMessage", self._post)
        self.app.router.add_post("/api/chat.update", self._update)
        self.app.router.add_post("/api/auth.test", self._auth_test)

    @property
    def url(self) -> str:
        """The url of the first webhook, once a test server runs the app."""
        return self.url_of(self.webhook)

    @property
    def api_base(self) -> str:
        """What a client takes as its base url for the Web API."""
        return f"{self.base_url}/api/"

    def url_of(self, webhook: Webhook) -> str:
        return self.base_url + webhook.path

    def add_channel(self, error: str | None = None) -> str:
        """Make a channel, or with `error` one that cannot be posted to."""
        channel = f"C{next(self._ticks):010d}"
        self.channels[channel] = error
        return channel

    def add_webhook(self, channel: str) -> Webhook:
        path = f"/services/T00000001/B{next(self._ticks):08d}/{secrets.token_hex(12)}"
        self._webhooks[path.rsplit("/", 1)[0]] = webhook = Webhook(channel, path)
        return webhook

    def break_webhook(self, webhook: Webhook, error: str) -> None:
        """Let a webhook answer one of the strings of WEBHOOK_STATUS from now on."""
        self._webhook_errors[webhook.path] = error

    def mend_webhook(self, webhook: Webhook) -> None:
        self._webhook_errors.pop(webhook.path, None)

    def posts(self) -> list[Accepted]:
        return [record for record in self.accepted if record.action == "post"]

    def told(self) -> int:
        """How many events everything posted tells of: a line stands between those of a post."""
        kinds = [block["type"] for post in self.posts() for block in post.payload["blocks"]]
        return len(self.posts()) + kinds.count("divider")

    def texts(self) -> list[str]:
        """Every string in everything accepted."""
        return [text for record in self.accepted for text in strings(record.payload)]

    def pings(self) -> set[str]:
        """Whom everything accepted would notify."""
        return set().union(*(slack_pings.pings(record.payload) for record in self.accepted))

    def links(self) -> list[str]:
        """The URLs that everything accepted makes live."""
        return [url for record in self.accepted for url in slack_pings.links(record.payload)]

    @web.middleware
    async def _arrival(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        return await handler(request)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The one place where refusals and limits become answers."""
        is_api = request.path.startswith("/api/")
        try:
            return await handler(request)
        except RefusalError as error:
            status = 200 if is_api else error.webhook_status
            self.refused.append(error.record(status, self.clock()))
            if is_api:
                return web.json_response(error.body)
            return web.Response(status=status, text=error.error)
        except TooManyError as error:
            self.limited.append(Limited(error.channel, error.retry_after, self.clock()))
            headers = {"Retry-After": str(math.ceil(error.retry_after))}
            if is_api:
                body = RefusalError("ratelimited").body
                return web.json_response(body, status=429, headers=headers)
            return web.Response(status=429, text="rate_limited", headers=headers)

    async def _hook(self, request: web.Request) -> web.Response:
        webhook = self._webhooks.get(request.path.rsplit("/", 1)[0])
        if webhook is None:
            raise RefusalError("no_service")
        if webhook.path != request.path:
            raise RefusalError("invalid_token")
        payload = await webhook_payload(request)
        if error := self._webhook_errors.get(webhook.path):
            raise RefusalError(error, payload=payload)
        if error := self.channels[webhook.channel]:
            name = "channel_is_archived" if error == "is_archived" else "channel_not_found"
            raise RefusalError(name, payload=payload)
        check_content(payload, self.served, 1 if self.names_one_at_a_time else None)
        self._admit(webhook.channel)
        request[STORED] = True
        self._record("post", webhook.path, webhook.channel, self._ts(), payload, payload)
        return web.Response(text="ok")

    async def _start_workflow(self, request: web.Request) -> web.Response:
        """It takes any JSON, and shows what its makers wanted."""
        self.workflows.append(await request.text())
        return web.json_response({"ok": True})

    async def _post(self, request: web.Request) -> web.Response:
        payload = await self._arguments(request, POST_KEYS)
        channel = self._channel(payload)
        thread = payload.get("thread_ts")
        if thread is not None and not TS.fullmatch(str(thread)):
            raise RefusalError("invalid_thread_ts", payload=payload)
        if thread is not None and (channel, thread) not in self.messages:
            raise RefusalError("thread_not_found", payload=payload)
        check_content(payload, self.served, 1 if self.names_one_at_a_time else None)
        self._admit(channel)
        ts = self._ts()
        request[STORED] = True
        self._record("post", "chat.postMessage", channel, ts, payload, payload)
        return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": {"ts": ts}})

    async def _update(self, request: web.Request) -> web.Response:
        payload = await self._arguments(request, UPDATE_KEYS)
        channel = self._channel(payload)
        ts = str(payload.get("ts"))
        old = self.messages.get((channel, ts))
        if old is None:
            raise RefusalError("message_not_found", payload=payload)
        check_content(payload, self.served, 1 if self.names_one_at_a_time else None)
        self._admit(channel)
        # Text alone removes the blocks: https://docs.slack.dev/reference/methods/chat.update
        kept = {key: item for key, item in old.result.items() if key != "blocks"}
        result = (kept if "text" in payload else old.result) | payload
        request[STORED] = True
        self._record("edit", "chat.update", channel, ts, payload, result)
        return web.json_response({"ok": True, "channel": channel, "ts": ts})

    async def _auth_test(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        body = {"ok": True, "url": f"{self.base_url}/", "team": "Relay", "user": "relay"}
        return web.json_response(body | {"user_id": "U00000001", "bot_id": "B00000001"})

    async def _arguments(self, request: web.Request, known: set[str]) -> Payload:
        self._authenticate(request)
        payload = await api_payload(request)
        check_text(payload, "invalid_arguments")
        check_keys(payload, known, "invalid_arguments")
        return payload

    def _authenticate(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not given:
            raise RefusalError("not_authed")
        if given != f"Bearer {self.token}":
            raise RefusalError("invalid_auth")
        if self.error is not None:
            raise RefusalError(self.error)

    def _channel(self, payload: Payload) -> str:
        channel = str(payload.get("channel"))
        if channel not in self.channels:
            raise RefusalError("channel_not_found", payload=payload)
        if error := self.channels[channel]:
            raise RefusalError(error, payload=payload)
        return channel

    def _admit(self, channel: str) -> None:
        if self.rate is None:
            return
        bucket = self._buckets.setdefault(channel, TokenBucket())
        if wait := bucket.take(self.clock(), rate=self.rate, burst=self.burst):
            raise TooManyError(channel, wait)

    def _ts(self) -> str:
        return f"{int(self.clock())}.{next(self._ticks):06d}"

    def _record(
        self,
        action: Literal["post", "edit"],
        via: str,
        channel: str,
        ts: str,
        payload: Payload,
        result: Payload,
    ) -> None:
        thread = result.get("thread_ts")
        record = Accepted(action, via, channel, ts, thread, payload, result, self.clock())
        self.accepted.append(record)
        self.messages[channel, ts] = record
