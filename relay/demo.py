"""Everything embedded: sample events take the real way, from an HTTP door to a console."""

import asyncio
import secrets
import tempfile
from pathlib import Path

import aiohttp

from relay import app, sample
from relay.config import Config, parse

SETTLED = 10.0  # seconds within which the last message has been printed

CONFIG = """
listen: 127.0.0.1:0
outbox: sqlite:{folder}/demo.db
hooks:
  demo: {{secret: {secret}}}
sinks:
  discord: {{type: console, look: discord}}
  slack: {{type: console, look: slack}}
  matrix: {{type: console, look: matrix}}
  moderators: {{type: console, look: discord, moderation: true}}
routes:
  - to: [discord, slack, matrix]
  - match: {{event: [{moderation}]}}
    to: moderators
"""
STORY = ("mention", "reply", "note", "quote", "renote", "followed")
MODERATION = ("abuseReport", "abuseReportResolved", "inactiveModeratorsWarning")


async def run() -> None:
    """Start a relay on this machine, post the samples to it, and end when all are shown."""
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as folder:
        secret = secrets.token_urlsafe(16)
        text = CONFIG.format(folder=folder, secret=secret, moderation=", ".join(MODERATION))
        config = parse(text, file="demo", base=Path(folder), environ={})
        stop, opened = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(app.run(config, stop=stop, ready=opened.set_result))
        done, _ = await asyncio.wait([serving, opened], return_when=asyncio.FIRST_COMPLETED)
        if serving in done:
            await serving
        await _post_all(opened.result(), secret)
        await _drained(config)
        stop.set()
        await serving


async def _post_all(address: str, secret: str) -> None:
    headers = {"X-Misskey-Hook-Secret": secret, "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for kind in (*STORY, *MODERATION):
            url = f"{address}/hooks/demo"
            async with session.post(url, data=sample.raw(kind)) as response:
                response.raise_for_status()


async def _drained(config: Config) -> None:
    async with asyncio.timeout(SETTLED), app.open_outbox(config) as outbox:
        while any(state == "pending" for _, state in await outbox.counts()):  # noqa: ASYNC110
            # The relay beside us has no event for "all is done", and needs none but here.
            await asyncio.sleep(0.05)
