"""The same around Apprise, which knows a hundred chats but no way in: PORT PATH SECRET ADDRESS."""

import sys

import apprise
from aiohttp import web

PORT, PATH, SECRET, ADDRESS = sys.argv[1:]

chats = apprise.Apprise()
chats.add(f"{ADDRESS.replace('http', 'json')}/discord")


async def receive(request: web.Request) -> web.Response:
    if request.headers.get("X-Misskey-Hook-Secret") != SECRET:
        return web.Response(status=401)
    event = await request.json()
    note = event["body"].get("note") or {}
    told = await chats.async_notify(body=f"{event['type']} {note.get('text')} {event['server']}")
    return web.Response(status=204 if told else 502)


app = web.Application()
app.router.add_post(PATH, receive)
web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)
