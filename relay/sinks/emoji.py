"""Misskey's custom emoji in chats: by the chat's own code for them, or by their picture."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

import aiohttp

from relay.message import Message, mapped
from relay.tree import Emoji, Node

PICTURES = 10  # new ones in one request; the others keep their names
KNOWN = 5000
SIZE = 512 * 1024  # bytes
TIMEOUT = aiohttp.ClientTimeout(total=4)
PATIENCE = 6.0  # seconds for all pictures of a request: names are better than a late message
REDIRECTS = 3
TYPES = frozenset(f"image/{kind}" for kind in ("png", "apng", "gif", "webp", "jpeg", "avif"))
TRY_AGAIN = 3600.0  # seconds after a picture, or all of a host, could not be had

Upload = Callable[[bytes, str], Awaitable[str | None]]
"""Takes a picture and its media type; where the chat keeps it, or None."""


def coded(message: Message, codes: Mapping[str, str]) -> Message:
    """The message with the chat's codes for emoji, by their names."""

    def change(node: Node) -> Node:
        if isinstance(node, Emoji) and (code := codes.get(node.name)) is not None:
            return Emoji(node.name, node.url, code)
        return node

    return mapped(message, change) if codes else message


class Pictures:
    """The pictures of emoji that a chat has been given, by their address on Misskey."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._missing: dict[str, float] = {}
        """When an address, or a whole host, could not be reached, by the loop's clock."""

    async def shown(
        self, messages: Sequence[Message], session: aiohttp.ClientSession, upload: Upload
    ) -> Sequence[Message]:
        """The messages with pictures for the emoji that have one; the others keep their names."""
        wanted = dict.fromkeys(url for message in messages for url in _addresses(message))
        new = [url for url in wanted if url not in self._known]
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for url in new[:PICTURES]:
                    await self._bring(url, session, upload)
        return [mapped(message, self._pictured) for message in messages]

    def _pictured(self, node: Node) -> Node:
        if isinstance(node, Emoji) and (picture := self._known.get(node.url or "")):
            return Emoji(node.name, node.url, picture)
        return node

    async def _bring(self, url: str, session: aiohttp.ClientSession, upload: Upload) -> None:
        now, host = asyncio.get_running_loop().time(), urlsplit(url).netloc
        if any(now < self._missing.get(it, -TRY_AGAIN) + TRY_AGAIN for it in (url, host)):
            return
        if len(self._known) + len(self._missing) >= KNOWN:
            self._known.clear()
            self._missing.clear()
        self._missing[host] = now  # unless it answers
        try:
            found = await _fetched(url, session)
        except (aiohttp.ClientError, OSError, ValueError):
            return
        del self._missing[host]
        picture = None if found is None else await upload(*found)
        if picture is None:
            self._missing[url] = now
        else:
            self._known[url] = picture


def _addresses(message: Message) -> list[str]:
    found: dict[str, None] = {}

    def note(node: Node) -> Node:
        if isinstance(node, Emoji) and node.url and not node.code:
            found[node.url] = None
        return node

    mapped(message, note)
    return list(found)


async def _fetched(url: str, session: aiohttp.ClientSession) -> tuple[bytes, str] | None:
    """
    A picture and its media type; Misskey redirects to where it keeps it.

    Over https, or from the server itself. Raises ValueError for any other address.
    """
    server = urlsplit(url)[:2]
    for _ in range(REDIRECTS + 1):
        if urlsplit(url)[:2] != server and urlsplit(url).scheme != "https":
            raise ValueError("not over https")
        async with session.get(url, allow_redirects=False, timeout=TIMEOUT) as response:
            if response.status in {301, 302, 303, 307, 308}:
                url = urljoin(url, response.headers.get("Location", ""))
                continue
            if response.status != 200 or response.content_type not in TYPES:
                return None
            picture = await _bounded(response.content)
            return None if picture is None else (picture, response.content_type)
    return None


async def _bounded(content: aiohttp.StreamReader) -> bytes | None:
    found = bytearray()
    async for chunk in content.iter_any():
        found += chunk
        if len(found) > SIZE:
            return None
    return bytes(found)
