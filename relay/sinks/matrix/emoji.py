"""The pictures of Misskey's custom emoji, which are uploaded to the homeserver once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from relay.sinks.http import has_proxy
from relay.sinks.public_address import is_public_name, public_only
from relay.text.message import Message, mapped
from relay.text.tree import Emoji, Node

PICTURES = 10  # new ones in one request; the others keep their names
KNOWN = 5000
SIZE = 512 * 1024  # bytes
TIMEOUT = aiohttp.ClientTimeout(total=4)
PICTURES_TIMEOUT = 6.0  # seconds for those of a request: names are better than a late message
REDIRECTS = 3
TYPES = frozenset(f"image/{kind}" for kind in ("png", "apng", "gif", "webp", "jpeg", "avif"))
TRY_AGAIN = 3600.0  # seconds after an answer that was not a picture
ONCE_MORE = 300.0  # seconds after a picture that did not come
IN_A_ROW = 3  # connections to a host that did not come about
HOST_RESTS = 60.0  # seconds that a host is then not asked for any picture
HOSTS = 1000
UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

Upload = Callable[[bytes, str], Awaitable[str | None]]
"""Takes a picture and its media type; where the chat keeps it, or None."""


class Pictures:
    """The pictures of emoji that a chat has been given, by their address on Misskey."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._not_before: dict[str, float] = {}
        """When a picture, or a host, may be asked for again, by the loop's clock."""
        self._unreached: Counter[str] = Counter()
        """How often in a row no connection to a host came about."""

    async def with_pictures(
        self, messages: Sequence[Message], session: aiohttp.ClientSession, upload: Upload
    ) -> Sequence[Message]:
        """
        The messages with pictures for the emoji that have one; the others keep their names.

        All addresses are on servers that the configuration names; redirects lead elsewhere.
        """
        urls = dict.fromkeys(url for message in messages for url in _addresses(message))
        if not urls:
            return messages
        new = [url for url in urls if url not in self._known and self._may_ask(url)]
        if new:
            async with aiohttp.ClientSession(
                connector=public_only(), cookie_jar=aiohttp.DummyCookieJar()
            ) as outside:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PICTURES_TIMEOUT), asyncio.TaskGroup() as tasks:
                        for url in new[:PICTURES]:
                            tasks.create_task(self._bring(_Way(url, session, outside), upload))
        return [mapped(message, self._pictured) for message in messages]

    def _pictured(self, node: Node) -> Node:
        if isinstance(node, Emoji) and (picture := self._known.get(node.url or "")):
            return Emoji(node.name, node.url, picture)
        return node

    def _may_ask(self, place: str) -> bool:
        return asyncio.get_running_loop().time() >= self._not_before.get(place, 0.0)

    def _pause(self, place: str, seconds: float) -> None:
        if len(self._known) + len(self._not_before) >= KNOWN:
            self._known.clear()
            self._not_before.clear()
        self._not_before[place] = asyncio.get_running_loop().time() + seconds

    async def _bring(self, way: "_Way", upload: Upload) -> None:
        """Fetch and upload one picture; its errors affect no other, unless its host is gone."""
        self._pause(way.url, ONCE_MORE)  # also where the time ends before the answer
        try:
            download = await self._fetched(way)
        except UNREACHED:
            self._pause(way.url, HOST_RESTS)
            return
        except (aiohttp.ClientError, OSError):
            return
        except ValueError:
            download = None
        if download is None:
            self._pause(way.url, TRY_AGAIN)
        elif (picture := await upload(*download)) is not None:
            self._known[way.url] = picture

    async def _fetched(self, way: "_Way") -> tuple[bytes, str] | None:
        """
        A picture and its media type, from where Misskey redirects to; None if there is none.

        Raises ValueError for addresses that are not asked.
        """
        url = way.url
        for _ in range(REDIRECTS + 1):
            host = urlsplit(url).netloc
            if not self._may_ask(host):
                raise aiohttp.ConnectionTimeoutError("the host was not reached lately")
            try:
                async with way.to(url).get(url, allow_redirects=False, timeout=TIMEOUT) as response:
                    self._unreached.pop(host, None)
                    if response.status not in {301, 302, 303, 307, 308}:
                        return await _picture(response)
                    url = urljoin(url, response.headers.get("Location", ""))
            except UNREACHED:
                self._note_unreached(host)
                raise
        return None

    def _note_unreached(self, host: str) -> None:
        if len(self._unreached) >= HOSTS:
            self._unreached.clear()
        self._unreached[host] += 1
        if self._unreached[host] >= IN_A_ROW:
            self._pause(host, HOST_RESTS)


@dataclass(frozen=True, slots=True)
class _Way:
    """How one picture is asked for."""

    url: str
    session: aiohttp.ClientSession
    outside: aiohttp.ClientSession
    """Reaches public addresses only."""

    def to(self, url: str) -> aiohttp.ClientSession:
        """
        The session for an address: the server's own origin may be anywhere, all others are public.

        Where a proxy looks names up, only the name tells. Raises ValueError for what is not asked.
        """
        parts = urlsplit(url)
        if parts[:2] == urlsplit(self.url)[:2]:
            return self.session
        if parts.scheme != "https" or "@" in parts.netloc:
            raise ValueError("not over https")
        if not has_proxy(self.session, url):
            return self.outside
        if not is_public_name(parts.hostname or ""):
            raise ValueError("not a public name")
        return self.session


def _addresses(message: Message) -> list[str]:
    addresses: dict[str, None] = {}

    def note(node: Node) -> Node:
        if isinstance(node, Emoji) and node.url and not node.code:
            addresses[node.url] = None
        return node

    mapped(message, note)
    return list(addresses)


async def _picture(response: aiohttp.ClientResponse) -> tuple[bytes, str] | None:
    if response.status != 200 or response.content_type not in TYPES:
        return None
    picture = await _bounded(response.content)
    return None if picture is None else (picture, response.content_type)


async def _bounded(content: aiohttp.StreamReader) -> bytes | None:
    picture = bytearray()
    async for chunk in content.iter_any():
        picture += chunk
        if len(picture) > SIZE:
            return None
    return bytes(picture)
