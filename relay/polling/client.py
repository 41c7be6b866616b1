"""
The client of Misskey's API: asks for lists with an app token, and never changes anything.

https://misskey-hub.net/en/docs/for-developers/api/; the errors are those that Misskey 2026.6 sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from relay.misskey import fields
from relay.outcome import Cause, Closed, Failed, RateLimited, Rejected, Sent
from relay.polling.walk import Ask, Page
from relay.secret import Secret
from relay.sinks.errors import Answer, by_status, one_line, with_cause
from relay.sinks.http import exchange

MAX_PAGE = 4 * 2**20  # bytes; a hundred notifications of real servers have 250 kB

# https://github.com/misskey-dev/misskey/blob/develop/packages/backend/src/server/api/ApiCallService.ts
CAUSES = {
    "AUTHENTICATION_FAILED": Cause.TOKEN,
    "CREDENTIAL_REQUIRED": Cause.TOKEN,
    "PERMISSION_DENIED": Cause.SCOPE,
    "ROLE_PERMISSION_DENIED": Cause.RIGHT,
    "YOUR_ACCOUNT_SUSPENDED": Cause.ACCOUNT,
    "YOUR_ACCOUNT_MOVED": Cause.ACCOUNT,
    "UNKNOWN_API_ENDPOINT": Cause.NO_API,
}
REMEDIES: Mapping[Cause | None, str] = {
    Cause.TOKEN: "the server does not know the token: make a new one",
    Cause.SCOPE: "the token has no permission for it: make one with {permission}",
    Cause.RIGHT: "the token's account is not a moderator",
    Cause.ACCOUNT: "the token's account is suspended or has moved",
    Cause.NO_API: "the server's version of Misskey does not have it",
}

Refusal = RateLimited | Failed | Closed
"""Why there is no answer: one may come later, or the server refuses relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A list in Misskey's API, and what a token needs to read it."""

    path: str
    permission: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The members that every request has in its body."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list."""

    page: Page


class MisskeyClient:
    """Asks one server, ``https://misskey.example``, with one token."""

    def __init__(self, server: str, token: Secret, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._token = token
        self._session = session

    def is_like(self, other: "MisskeyClient") -> bool:
        return (self._server, self._token) == (other._server, other._token)

    async def listed(
        self, endpoint: Endpoint, ask: Ask, body: Mapping[str, Any] | None = None
    ) -> Listed | Refusal:
        """Ask for one page; where that is too large to be read, for a smaller one."""
        limit = ask.limit
        while True:
            request = {"limit": limit, **_place(ask), **endpoint.body, **(body or {})}
            answer = await self._asked(endpoint.path, request)
            if isinstance(answer, Failed):
                return answer
            if not answer.is_cut or limit == 1:
                return read(answer, endpoint)
            limit = max(1, limit // 4)

    async def version(self) -> str | Refusal:
        """The version of Misskey; empty if the server keeps it to itself."""
        endpoint = Endpoint(path="meta")
        answer = await self._asked(endpoint.path, {"detail": False})
        if isinstance(answer, Failed):
            return answer
        if answer.status == 200:
            return fields.name(answer.json, "version") or ""
        refusal = classify(answer, endpoint)
        return "" if isinstance(refusal, Closed) else refusal

    async def _asked(self, path: str, body: Mapping[str, Any]) -> Answer | Failed:
        return await exchange(
            self._session,
            "POST",  # https://misskey-hub.net: every endpoint takes it
            f"{self._server}/api/{path}",
            secret=self._token,
            body=body,
            headers={"Authorization": f"Bearer {self._token.reveal()}"},
            most=MAX_PAGE,
        )


def read(answer: Answer, endpoint: Endpoint) -> Listed | Refusal:
    """The page in an answer. Items without an id that can be stored and sent are left out."""
    items = None if answer.is_cut else _items(answer)
    if answer.status != 200 or items is None:
        return classify(answer, endpoint)
    return Listed(items)


def classify(answer: Answer, endpoint: Endpoint) -> Refusal:
    """Why an answer is not a page. Codes of others than Misskey, such as a proxy, close nothing."""
    if answer.is_cut:
        return Failed(f"{endpoint.path}: the answer is larger than {MAX_PAGE} bytes")
    code = fields.mapping(answer.json, "error").get("code")
    # For an unknown endpoint Fastify itself answers, whose `error` is a text.
    is_own = isinstance(code, str) or isinstance(answer.json.get("statusCode"), int)
    reason = one_line(f"{endpoint.path}: {answer.status} {code}" if code else answer.reason)
    outcome = by_status(answer, reason, is_own=is_own)
    match with_cause(outcome, CAUSES.get(str(code))):
        case Closed(reason, cause=cause) | Rejected(reason, cause=cause):
            remedy = REMEDIES.get(cause, "").format(permission=endpoint.permission)
            return Closed(f"{reason}: {remedy}" if remedy else reason, cause=cause)
        case RateLimited() | Failed() as refusal:
            return refusal
        case Sent():
            return Failed(f"{endpoint.path}: the answer is not a list")


def _place(ask: Ask) -> Mapping[str, Any]:
    place = {
        "sinceId": ask.since,
        "untilId": ask.until,
        "offset": ask.skip,
        "state": ask.state,
    }
    return {key: value for key, value in place.items() if value}


def _items(answer: Answer) -> Page | None:
    try:
        items = json.loads(answer.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list):
        return None
    return [item for item in items if isinstance(item, dict) and _has_id(item)]


def _has_id(item: Mapping[str, Any]) -> bool:
    text = fields.identifier(item, "id")
    return text.isascii() and text.isalnum()
