"""Discord's own words: how it reads a request, refuses one, and shows a message."""

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from tests.fakes.discord_rules import form_errors, is_empty
from tests.fakes.records import Accepted, Payload, unsendable

# https://discord.com/developers/docs/reference#user-agent
USER_AGENT = re.compile(r"DiscordBot \(https?://[^\s,()]+, [^\s()]+\)")

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
FORUM_NEEDS_THREAD = "Webhooks posted to forum channels must have a thread_name or thread_id"
FORUM_ONE_THREAD = "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
TEXT_NO_THREAD = "Webhooks can only create threads in forum channels"


class RefusalError(Exception):
    """An answer with one of Discord's error codes; the request changes nothing."""

    def __init__(
        self, status: int, code: int, reason: str, *, payload: object = None, tree: object = None
    ) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason
        self.payload, self.tree = payload, tree

    @property
    def body(self) -> Payload:
        if self.tree is None:
            return {"message": self.reason, "code": self.code}
        return {"message": "Invalid Form Body", "code": self.code, "errors": self.tree}


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    token: str
    channel: str
    kind: str
    """`text` or `forum`."""
    tags: tuple[str, ...] = ()
    """Those of the forum."""
    wants_tag: bool = False
    closed_threads: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Code and words that each refuses messages with."""

    @property
    def path(self) -> str:
        return f"/api/webhooks/{self.id}/{self.token}"


async def payload_of(request: web.Request) -> Payload:
    """The JSON body, if it is an object of strings that Discord can store."""
    body = await request.read()
    if request.content_type != "application/json":
        tree = {"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": "Expected JSON"}]}
        raise RefusalError(400, 50035, "content type", payload=body, tree=tree)
    try:
        payload = json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        reason = "The request body contains invalid JSON."
        raise RefusalError(400, 50109, reason, payload=body) from error
    # Discord strips or mangles such text, so what arrives is not what was sent: our rule.
    if why := unsendable(payload):
        raise RefusalError(400, 50109, why, payload=payload)
    if not isinstance(payload, dict):
        tree = {"_errors": [{"code": "MODEL_TYPE_CONVERT", "message": "Only dictionaries"}]}
        raise RefusalError(400, 50035, "not an object", payload=payload, tree=tree)
    return payload


def check(payload: Payload, *, edit: bool, refused: Container[str] = frozenset()) -> None:
    """Refuse what breaks a rule of the form, with all errors at once."""
    errors = form_errors(payload, edit=edit, refused=refused)
    if errors.found:
        reason = "; ".join(
            f"{'.'.join(map(str, path))}: {code}: {message}" for path, code, message in errors.found
        )
        raise RefusalError(400, 50035, reason, payload=payload, tree=errors.tree)


def check_shows(payload: Payload) -> None:
    """Refuse a message in which there is nothing."""
    if is_empty(payload):
        raise RefusalError(400, 50006, "Cannot send an empty message", payload=payload)


# https://discord.com/developers/docs/resources/webhook#execute-webhook
def check_thread(
    webhook: Webhook, thread: str | None, payload: Payload, threads: Mapping[str, str]
) -> None:
    """Forums need exactly one of thread_id and thread_name; text channels know no thread_name."""
    name, tags = payload.get("thread_name"), payload.get("applied_tags") or ()
    if thread is not None and threads.get(thread) != webhook.channel:
        raise RefusalError(404, 10003, "Unknown Channel", payload=payload)
    if thread is not None and (closing := webhook.closed_threads.get(thread)):
        raise RefusalError(400, *closing, payload=payload)
    if webhook.kind == "forum" and not (name or thread):
        raise RefusalError(400, 220001, FORUM_NEEDS_THREAD, payload=payload)
    if webhook.kind == "forum" and name and thread:
        raise RefusalError(400, 220002, FORUM_ONE_THREAD, payload=payload)
    if webhook.kind != "forum" and name:
        raise RefusalError(400, 220003, TEXT_NO_THREAD, payload=payload)
    if webhook.kind == "forum" and name and not set(tags) <= set(webhook.tags):
        raise RefusalError(400, 10087, "Unknown Tag", payload=payload)
    if webhook.kind == "forum" and name and webhook.wants_tag and not tags:
        reason = "A tag is required to create a forum post in this channel"
        raise RefusalError(400, 40067, reason, payload=payload)


def shown(record: Accepted) -> Payload:
    """The message object that `wait=true` and the message routes answer with."""
    message = record.result
    author = {"id": record.via, "username": message.get("username", "relay"), "bot": True}
    at = datetime.fromtimestamp(record.at, UTC).isoformat()
    return {
        "id": record.message,
        "type": 0,
        "channel_id": record.thread or record.channel,
        "webhook_id": record.via,
        "content": message.get("content", ""),
        "embeds": [{"type": "rich"} | embed for embed in message.get("embeds", ())],
        "author": author | {"discriminator": "0000", "avatar": None},
        "attachments": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "flags": message.get("flags", 0),
        "tts": message.get("tts", False),
        "pinned": False,
        "timestamp": at,
        "edited_timestamp": at if record.action == "edit" else None,
    }


def cloudflare(seconds: float) -> web.Response:
    """The ban of an address: HTML, no rate limit headers, no Via."""
    page = "<html><head><title>Access denied</title></head><body>error code: 1015</body></html>"
    headers = {"Retry-After": str(round(seconds)), "Server": "cloudflare"}
    return web.Response(status=429, text=page, content_type="text/html", headers=headers)


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
