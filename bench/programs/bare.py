"""Reads, compares the secret, parses the JSON and answers: PORT PATH SECRET."""

import hmac
import json
import sys

from aiohttp import web

PORT, PATH, SECRET = sys.argv[1:]


async def receive(request: web.Request) -> web.Response:
    given = request.headers.get("X-Misskey-Hook-Secret", "")
    if not hmac.compare_digest(given.encode(), SECRET.encode()):
        return web.Response(status=401)
    json.loads(await request.read())
    return web.Response(status=204)


app = web.Application()
app.router.add_post(PATH, receive)
web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)
