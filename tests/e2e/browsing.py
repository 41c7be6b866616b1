"""A real browser on the pages of a real relay, and all that it asks for and says."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, post

CHROMIUM = shutil.which("chromium")
PASSWORD = "open, sesame"
CONFIG = """
listen: 127.0.0.1:0
web: {{listen: "127.0.0.1:{port}", password: "{password}"}}
hold: 0
hooks: {{alice: {{secret: a secret word}}}}
sinks:
  team: {{type: discord, url: "{url}", rate: unlimited, moderation: true,
         local_only: true, signin_only: true, visibility: [public, home, followers, specified]}}
  mods: {{type: console, moderation: true}}
routes:
  - {{name: all notes, unless: {{event: somethingNew}}, to: team}}
  - {{name: the rest, match: {{hook: alice}}, unless: {{event: note}}, to: mods}}
"""
SCHEMES = ["light", "dark"]
LOOKS = [(360, "dark"), (1280, "light")]
WIDTHS = [360, 1280]

expect.set_options(timeout=120_000)  # milliseconds: a slow machine is not a defect

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


class Visit:
    """A browser's window, logged in or not yet; what it asked for and what it said."""

    def __init__(self, page: Page, relay: Relay, address: str) -> None:
        self.page = page
        self.relay = relay
        self.address = address
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    async def go(self, path: str) -> None:
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        assert answer.ok, (path, answer.status)

    async def log_in(self, password: str = PASSWORD) -> None:
        await self.page.goto(f"{self.address}/login")
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Log in").click()

    async def comes(self, *requests: Request) -> None:
        """Misskey brings these; returns once they are routed, so that the lists have them."""
        async with aiohttp.ClientSession() as session:
            for request in requests:
                answer = await post(
                    session, self.relay.address, "alice", request, secret="a secret word"
                )
                assert answer.status == 204
        await until(self._is_routed)

    def _is_routed(self) -> bool:
        file = self.relay.file.parent / "relay.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            return db.execute("SELECT 1 FROM unrouted").fetchone() is None

    def check(self) -> None:
        """Nobody else was asked for anything, and nothing ran that should not."""
        assert [url for url in self.asked if not url.startswith(self.address)] == []
        assert self.said == []

    async def _dialog(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"} and "status of 401" not in message.text:
            self.said.append(message.text)


@asynccontextmanager
async def visiting(
    folder: Path, discord: FakeDiscord, *, width: int = 1280, scheme: Any = "light"
) -> AsyncIterator[Visit]:
    """A relay and a browser's window on its pages; at the end nothing strange has happened."""
    port = unused_port()
    config = CONFIG.format(port=port, password=PASSWORD, url=discord.url)
    async with serving(folder, config) as relay, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en"
            )
            visit = Visit(await context.new_page(), relay, f"http://127.0.0.1:{port}")
            yield visit
            visit.check()
        finally:
            await browser.close()
