"""
The forty lines that most people write: take the webhook, make a line of text, post it to Discord.

It is a good one: it compares the secret, keeps its connections, and answers an error with an error.
PORT PATH SECRET ADDRESS
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

PORT, PATH, SECRET, ADDRESS = sys.argv[1:]
CHAT = web.AppKey("CHAT", aiohttp.ClientSession)


def text_of(event: dict[str, Any]) -> str:
    note = event["body"].get("note") or {}
    user = note.get("user") or event["body"].get("user") or {}
    link = f"{event['server']}/notes/{note.get('id', '')}"
    return f"**{event['type']}** {user.get('username', '')}: {note.get('text') or ''}\n{link}"


async def receive(request: web.Request) -> web.Response:
    if request.headers.get("X-Misskey-Hook-Secret") != SECRET:
        return web.Response(status=401)
    message = {"content": text_of(await request.json())[:2000]}
    async with request.app[CHAT].post("/discord", json=message) as answer:
        return web.Response(status=204 if answer.ok else 502)


async def chat(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(ADDRESS) as app[CHAT]:
        yield


app = web.Application()
app.router.add_post(PATH, receive)
app.cleanup_ctx.append(chat)
web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)
