"""
A chat that answers by rules: which request is answered how. Else as a healthy one of its kind does.

The rules are those of `samples/cases/vendor.json`.
"""

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass
class Rule:
    """Answers the next so many requests (-1: all) that match by method, path and body."""

    match: re.Pattern[str]
    body_match: re.Pattern[str]
    times: int
    status: int
    headers: dict[str, str]
    body: Any

    def fits(self, request: str, body: str) -> bool:
        return self.times != 0 and bool(self.match.search(request) and self.body_match.search(body))


def rule(told: dict[str, Any]) -> Rule:
    return Rule(
        match=re.compile(told["match"]),
        body_match=re.compile(told.get("body_match", "")),
        times=told.get("times", 1),
        status=told["status"],
        headers=told.get("headers", {}),
        body=told["body"],
    )


class Scripted:
    """Discord, Slack and a homeserver in one."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path, and what the body holds."""
        self.shown: list[tuple[str, Any]] = []
        """Method and content of all that readers were shown."""
        self._ids = itertools.count(1)
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    def asked(self, method: str, path: str) -> list[Any]:
        """The bodies of all requests of that kind."""
        return [it for how, where, it in self.requests if how == method and path in where]

    async def _answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        content = json.loads(text) if text.startswith("{") else {}
        self.requests.append((request.method, request.path, content))
        for one in self.rules:
            if one.fits(f"{request.method} {request.path}", text):
                one.times -= one.times > 0
                body = one.body if isinstance(one.body, str) else json.dumps(one.body)
                return web.Response(status=one.status, headers=one.headers, text=body)
        return self._healthy(request, content)

    def _healthy(self, request: web.Request, content: Any) -> web.Response:
        if request.path.startswith("/_matrix/"):
            return self._homeserver(request, content)
        if "/api/webhooks/" in request.path:
            return self._discord(request, content)
        return self._slack(request, content)

    def _discord(self, request: web.Request, content: Any) -> web.Response:
        if request.method == "POST" and not (content.get("embeds") or content.get("content")):
            body = {"message": "Cannot send an empty message", "code": 50006}
            return web.json_response(body, status=400)
        self.shown.append((request.method, content))
        return web.json_response({"id": str(next(self._ids)), "channel_id": "9"})

    def _slack(self, request: web.Request, content: Any) -> web.Response:
        is_api = "chat." in request.path
        if not content.get("text"):
            body = {"ok": False, "error": "no_text"}
            return web.json_response(body) if is_api else web.Response(status=400, text="no_text")
        self.shown.append((request.method, content))
        ts = f"1.{next(self._ids)}"
        done = {"ok": True, "channel": "C1", "ts": ts}
        return web.json_response(done) if is_api else web.Response(text="ok")

    def _homeserver(self, request: web.Request, content: Any) -> web.Response:
        if request.method == "PUT":
            self.shown.append((request.method, content))
            return web.json_response({"event_id": f"$e{next(self._ids)}"})
        known: dict[str, Any] = {
            "/account/whoami": {"user_id": "@bot:mx.example"},
            "/join": {"room_id": "!room:mx.example"},
            "/state/m.room.member/@bot:mx.example": {"membership": "join"},
        }
        for ending, body in known.items():
            if request.path.endswith(ending):
                return web.json_response(body)
        return web.json_response({"errcode": "M_NOT_FOUND", "error": "no"}, status=404)
