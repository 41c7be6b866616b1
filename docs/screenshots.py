"""
Writes the pictures of the operator's pages: ``python docs/screenshots.py``.

It serves a whole relay on this machine, whose chats are a small server beside it, posts events to
it that real servers sent, and looks at each page with Chromium (Debian's ``chromium``).
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, chdir
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from playwright.async_api import Browser, Page, async_playwright

from relay.app import run as app
from relay.cli.demo import STORY
from relay.config import parse
from relay.misskey import samples as sample

PICTURES = Path(__file__).resolve().parent / "pictures"
PASSWORD = "open sesame"  # noqa: S105
CONFIG = """
listen: 127.0.0.1:0
web: {{listen: "127.0.0.1:{port}", password: {password}}}
hold: 0
hooks: {{alice: {{secret: hook secret}}}}
sinks:
  mentions: {{type: discord, url: "{chats}/discord", rate: unlimited}}
  team: {{type: slack, url: "{chats}/slack", rate: unlimited}}
  moderators: {{type: matrix, homeserver: "{chats}", room: "!room:example", token: matrix-token,
               moderation: true, emojis: names}}
  old-channel: {{type: discord, url: "{chats}/gone", rate: unlimited}}
  picky: {{type: slack, url: "{chats}/picky", rate: unlimited}}
routes:
  - {{name: mentions, match: {{event: [mention, reply, renote]}}, to: [mentions, picky]}}
  - {{name: team notes, match: {{event: note}}, to: [team, mentions]}}
  - {{name: reports, match: {{event: [abuseReport, follow]}}, to: moderators}}
  - {{name: old, match: {{event: followed}}, to: old-channel}}
"""
KINDS = ("follow", "note", "reply", "renote", "quote", "followed")
LOOKS: tuple[tuple[str, int, Literal["light", "dark"]], ...] = (
    ("", 1120, "light"),
    ("-narrow", 360, "dark"),
)
"""How each page is shown: the end of the file's name, the width, the scheme."""


async def take(request: web.Request) -> web.Response:
    """The chats' side: two of them refuse."""
    await request.read()
    if request.path == "/gone":
        return web.json_response({"code": 10015, "message": "Unknown Webhook"}, status=404)
    if request.path == "/picky":
        return web.Response(status=400, text="invalid_blocks")
    if request.path == "/slack":
        return web.Response(text="ok")
    if request.method == "GET":
        return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)
    return web.json_response({"id": "1", "event_id": "$1"})


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The address of the pages of a relay to which something has happened."""
    chats = web.Application()
    chats.router.add_route("*", "/{path:.*}", take)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # where the outbox is made
        async with TestServer(chats) as server:
            port = unused_port()
            text = CONFIG.format(
                port=port,
                password=PASSWORD,
                chats=str(server.make_url("")).rstrip("/"),
            )
            config = parse(text, file="config.yaml", base=Path(folder), environ={})
            stop, opened = asyncio.Event(), asyncio.get_running_loop().create_future()
            running = asyncio.create_task(app.run(config, stop=stop, ready=opened.set_result))
            try:
                await _post(f"{await opened}/hooks/alice")
                yield f"http://127.0.0.1:{port}"
            finally:
                stop.set()
                await running


async def _post(hook: str) -> None:
    bodies = [scene.raw for scene in STORY] + [sample.raw(kind) for kind in KINDS]
    async with aiohttp.ClientSession(headers={"X-Misskey-Hook-Secret": "hook secret"}) as session:
        for number, body in enumerate(bodies):
            event = json.loads(body) | {"eventId": f"{number:08}-5f0c-4b1e-9d0a-screenshot"}
            async with session.post(hook, json=event) as answer:
                answer.raise_for_status()


async def shoot(address: str, browser: Browser, folder: Path) -> None:
    for suffix, width, scheme in LOOKS:
        context = await browser.new_context(
            viewport={"width": width, "height": 720}, color_scheme=scheme, locale="en"
        )
        page = await context.new_page()
        await page.goto(f"{address}/login")
        await page.fill("#password", PASSWORD)
        await page.click("main button")
        for name in PAGES:
            await PAGES[name](page, address)
            await _picture(page, folder / f"{name}{suffix}.png")
        await context.close()


async def _picture(page: Page, file: Path) -> None:
    await page.screenshot(path=file, full_page=True)


async def _deliveries(page: Page, address: str) -> None:
    await page.goto(f"{address}/")
    await page.wait_for_selector("#rows .pill.bad", timeout=5000)


async def _delivery(page: Page, address: str) -> None:
    await page.goto(f"{address}/?kind=mention&sink=mentions")
    await page.click("#rows .line")
    await page.wait_for_selector(".attempts")


async def _sinks(page: Page, address: str) -> None:
    await page.goto(f"{address}/sinks")


async def _dead(page: Page, address: str) -> None:
    await page.goto(f"{address}/dead")


async def _playground(page: Page, address: str) -> None:
    await page.goto(f"{address}/playground?kind=note")


async def _config(page: Page, address: str) -> None:
    await page.goto(f"{address}/config")


PAGES = {
    "deliveries": _deliveries,
    "delivery": _delivery,
    "sinks": _sinks,
    "dead": _dead,
    "playground": _playground,
    "config": _config,
}


async def main(folder: Path) -> None:
    chromium = shutil.which("chromium")
    async with serving() as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        await shoot(address, browser, folder)
        await browser.close()


if __name__ == "__main__":
    wanted = Path(sys.argv[1]).resolve() if sys.argv[1:] else PICTURES
    wanted.mkdir(exist_ok=True)
    asyncio.run(main(wanted))
