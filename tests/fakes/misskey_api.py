"""
A Misskey whose API is asked, as Misskey 2026.6 was measured to answer.

It refuses what Misskey refuses. Stricter than Misskey in what is a rule of ours: a request that
marks notifications as read, has a token in its address or body, or asks for types by name.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from aiohttp import web

from relay.misskey import ids
from tests.fakes.faults import Faults
from tests.fakes.limits import Clock, ManualClock, Window

Json = dict[str, Any]

TYPES = {
    "note", "follow", "mention", "reply", "renote", "quote", "reaction", "pollEnded", "app", "test",
    "receiveFollowRequest", "followRequestAccepted", "roleAssigned", "achievementEarned", "login",
    "createToken", "exportCompleted", "chatRoomInvitationReceived", "scheduledNotePosted",
    "scheduledNotePostFailed",
}  # fmt: skip
KNOWN = {"limit", "sinceId", "untilId", "sinceDate", "untilDate", "includeTypes", "excludeTypes"}
KEYS = {
    "i/notifications": KNOWN | {"markAsRead"},
    "users/notes": KNOWN | {"userId", "withReplies", "withRenotes", "withChannelNotes"},
    "admin/abuse-user-reports": KNOWN | {"state"},
    "admin/show-users": {"limit", "offset", "sort", "origin"},
    "meta": {"detail"},
}
PERMISSIONS = {
    "i/notifications": "read:notifications",
    "admin/abuse-user-reports": "read:admin:abuse-user-reports",
    "admin/show-users": "read:admin:show-user",
}
ID = re.compile(r"[a-zA-Z0-9]+")
LIKE = {
    "aid": "0000000000", "aidx": "0000000000000000", "ulid": "0" * 26,
    "meid": "8" + "0" * 23, "meidg": "g" + "0" * 23, "objectid": "0" * 24,
}  # fmt: skip

Storage = Literal["exact", "redis"]
"""How notifications are kept: by their ids (since 2025.4), or by the clock of Redis."""


class RefusalError(Exception):
    """An answer with an error in it."""

    def __init__(self, status: int, code: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.headers = status, code, dict(headers or {})


@dataclass(slots=True)
class Entry:
    """A notification in its stream, at the stream's own time; ``is_dead``: its note is deleted."""

    at: int
    notification: Json
    is_dead: bool = False


@dataclass(slots=True)
class Account:
    """A user of the server, with their stream of notifications."""

    id: str
    username: str
    is_moderator: bool = False
    is_suspended: bool = False
    entries: list[Entry] = field(default_factory=list)
    unread: int = 0
    window: Window = field(default_factory=lambda: Window(30, 30.0))


@dataclass(frozen=True, slots=True)
class Token:
    """An app's token, and what it may do."""

    account: Account
    permissions: frozenset[str]


class FakeMisskeyApi:
    """The server; its clock, ids and storage are as a test wants them."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        ids_like: str = "aidx",
        storage: Storage = "exact",
        redis_behind: int = 0,
        version: str = "2026.6.0",
        max_stream: int = 500,
        is_limited: bool = True,
    ) -> None:
        self.clock = ManualClock(1_800_000_000.0) if clock is None else clock
        self.base_url = "https://misskey.example"
        self.version = version
        self.storage, self.redis_behind = storage, redis_behind
        """``redis_behind``: the milliseconds by which Redis' clock is behind Misskey's."""
        self.max_stream = max_stream
        self.is_limited, self.names_pause = is_limited, True
        self.faults = Faults()
        self.shuffles = False
        """Whether the items of an answer come in no order."""
        self.lacks: set[str] = set()
        """Endpoints that this version does not have."""
        self.tokens: dict[str, Token] = {}
        self.notes: list[Json] = []
        self.reports: list[Json] = []
        self.users: list[Json] = []
        self.requests: list[tuple[str, Json]] = []
        self.misuses: list[str] = []
        """Requests that break a rule of ours: a test expects none."""
        self._like = LIKE[ids_like]
        self._numbers = itertools.count(1)
        self.alice = Account(self.new_id(), "alice")
        self.token = self.add_token(self.alice, "read:notifications")

    @property
    def now(self) -> int:
        """The server's time in milliseconds."""
        return round(self.clock() * 1000)

    def new_id(self) -> str:
        """A new id; of two of the same millisecond the later is higher."""
        first = ids.id_at(self.now, like=self._like)
        assert first is not None
        number = str(next(self._numbers))
        return first[: -len(number.rjust(4, "0")[-4:])] + number.rjust(4, "0")[-4:]

    def add_token(self, account: Account, *permissions: str, native: bool = False) -> str:
        token = f"{next(self._numbers):x}".rjust(16 if native else 32, "t")
        self.tokens[token] = Token(account, frozenset(permissions))
        return token

    def user(self, name: str, **more: Any) -> Json:
        """A user as every answer has them."""
        return {
            "id": f"user{name}",
            "name": None,
            "username": name,
            "host": None,
            "avatarUrl": f"{self.base_url}/identicon/{name}",
            "avatarBlurhash": None,
            "avatarDecorations": [],
            "isBot": False,
            "isCat": False,
            "emojis": {},
            "onlineStatus": "unknown",
            "badgeRoles": [],
        } | more

    def note(self, text: str | None, by: str = "bob", **more: Any) -> Json:
        user = self.user(by, **({"id": self.alice.id} if by == self.alice.username else {}))
        return {
            "id": self.new_id(),
            "createdAt": iso(self.now),
            "userId": user["id"],
            "user": user,
            "text": text,
            "cw": None,
            "visibility": "public",
            "localOnly": False,
            "reactions": {},
            "reactionEmojis": {},
            "fileIds": [],
            "files": [],
            "replyId": None,
            "renoteId": None,
        } | more

    def notify(self, kind: str, *, to: Account | None = None, **parts: Any) -> Entry:
        """Write a notification, as the server does, and count it as unread."""
        account = to or self.alice
        notification = {"id": self.new_id(), "createdAt": iso(self.now), "type": kind, **parts}
        at = self.now if self.storage == "exact" else self.now + 2 - self.redis_behind
        entry = Entry(at, notification)
        account.entries.append(entry)
        account.entries.sort(key=lambda entry: entry.at)
        del account.entries[: -self.max_stream]
        account.unread += 1
        return entry

    def mention(self, text: str = "hello", **more: Any) -> Entry:
        note = self.note(f"@alice {text}", mentions=[self.alice.id], **more)
        return self.notify("mention", user=note["user"], userId=note["userId"], note=note)

    def answer(self, endpoint: str, body: Json, token: str) -> list[Json]:
        """The items that a request gets. Raises RefusalError."""
        self.requests.append((endpoint, body))
        if endpoint not in KEYS or endpoint in self.lacks:
            raise RefusalError(404, "")
        self._check(endpoint, body)
        if endpoint == "users/notes":
            return self._page(
                [note for note in self.notes if note["userId"] == body["userId"]], body
            )
        account = self._account(endpoint, token)
        if endpoint == "i/notifications":
            self._count(account)
            if body.get("markAsRead", True):
                account.unread = 0
            return self._notifications(account, body)
        if endpoint == "admin/abuse-user-reports":
            state = {"resolved": True, "unresolved": False}.get(body.get("state", ""))
            return self._page(
                [one for one in self.reports if state is None or one["resolved"] is state], body
            )
        newest = sorted(self.users, key=lambda user: str(user["id"]), reverse=True)
        return newest[body.get("offset", 0) :][: body.get("limit", 10)]

    def _check(self, endpoint: str, body: Json) -> None:
        for key in set(body) - KEYS[endpoint]:
            self.misuses.append(f"{endpoint}: {key} means nothing there")
        for key in ("includeTypes", "excludeTypes"):
            if key in body:
                self.misuses.append(f"{endpoint}: {key}: an unknown type is an error")
                if set(body[key]) - TYPES:
                    raise RefusalError(400, "INVALID_PARAM")
        if endpoint == "i/notifications" and body.get("markAsRead", True) is not False:
            self.misuses.append("markAsRead is not false: the user's badge is gone")
        limit = body.get("limit", 10)
        if type(limit) is not int or not 1 <= limit <= 100:
            raise RefusalError(400, "INVALID_PARAM")
        for key in ("sinceId", "untilId", "userId"):
            if key in body and (not isinstance(body[key], str) or not ID.fullmatch(body[key])):
                raise RefusalError(400, "INVALID_PARAM")
        if endpoint == "users/notes" and "userId" not in body:
            raise RefusalError(400, "INVALID_PARAM")

    def _account(self, endpoint: str, token: str) -> Account:
        if not token:
            raise RefusalError(401, "CREDENTIAL_REQUIRED")
        if token not in self.tokens:
            raise RefusalError(401, "AUTHENTICATION_FAILED")
        account = self.tokens[token].account
        if account.is_suspended:
            raise RefusalError(403, "YOUR_ACCOUNT_SUSPENDED")
        if endpoint.startswith("admin/") and not account.is_moderator:
            raise RefusalError(403, "ROLE_PERMISSION_DENIED")
        if PERMISSIONS[endpoint] not in self.tokens[token].permissions and len(token) != 16:
            raise RefusalError(403, "PERMISSION_DENIED")
        return account

    def _count(self, account: Account) -> None:
        """30 requests in 30 seconds, whatever token or browser of the user makes them."""
        if self.is_limited and not account.window.take(self.clock()):
            pause = account.window.resets_after(self.clock())
            headers = {"Retry-After": f"{pause:.0f}"} if self.names_pause else {}
            raise RefusalError(429, "RATE_LIMIT_EXCEEDED", headers=headers)

    def _notifications(self, account: Account, body: Json) -> list[Json]:
        """COUNT first; then the dead ones fall out of the page, which is not refilled."""
        since, until, limit = body.get("sinceId"), body.get("untilId"), body.get("limit", 10)
        entries = [
            entry
            for entry in account.entries
            if (since is None or self._is_behind(entry, since))
            and (until is None or self._is_before(entry, until))
        ]
        is_ascending = since is not None and until is None
        page = entries[:limit] if is_ascending else entries[::-1][:limit]
        return self._ordered([entry.notification for entry in page if not entry.is_dead])

    def _is_behind(self, entry: Entry, since: str) -> bool:
        if self.storage == "exact":
            return str(entry.notification["id"]) > since
        return entry.at >= (ids.moment(since) or 0)

    def _is_before(self, entry: Entry, until: str) -> bool:
        if self.storage == "exact":
            return str(entry.notification["id"]) < until
        return entry.at < (ids.moment(until) or 0)

    def _page(self, items: Sequence[Json], body: Json) -> list[Json]:
        since, until, limit = body.get("sinceId"), body.get("untilId"), body.get("limit", 10)
        listed = sorted(
            (
                item
                for item in items
                if (since is None or item["id"] > since) and (until is None or item["id"] < until)
            ),
            key=lambda item: str(item["id"]),
            reverse=since is None or until is not None,
        )
        return self._ordered(listed[:limit])

    def _ordered(self, items: list[Json]) -> list[Json]:
        return items[1::2] + items[::2] if self.shuffles else items

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.faults.middleware])
        app.on_shutdown.append(self.faults.close)
        app.router.add_route("*", "/api/{endpoint:.+}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"]
        body = await request.json()
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if request.method != "POST" or request.query or "i" in body or scheme != "Bearer":
            self.misuses.append(f"{request.method} {endpoint}: the token has its place elsewhere")
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        if endpoint == "meta" and "meta" not in self.lacks:
            return web.json_response({"version": self.version})
        try:
            return web.json_response(self.answer(endpoint, body, token))
        except RefusalError as error:
            return web.json_response(
                error_body(error, endpoint), status=error.status, headers=error.headers
            )


def error_body(error: RefusalError, endpoint: str) -> Json:
    """For an endpoint that nobody knows Fastify answers, in its own form."""
    if error.status == 404:
        message = f"Route POST:/api/{endpoint} not found"
        return {"message": message, "error": "Not Found", "statusCode": 404}
    return {"error": {"message": error.code, "code": error.code, "id": "0", "kind": "client"}}


def iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
