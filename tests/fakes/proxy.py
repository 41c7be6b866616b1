"""A small HTTP proxy: CONNECT for https, whole addresses for http; it can ask for a password."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class FakeProxy:
    """Notes what it is asked for; ``places`` says where hosts are that DNS does not know."""

    def __init__(self, *, password: str = "", status: int = 200) -> None:
        self.password = password
        self.status = status
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.places: dict[str, tuple[str, int]] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_with_password(self) -> str:
        return f"http://{self.password}@127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["FakeProxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split(" ", 2)
            self.asked.append(f"{method} {target}")
            self.heads.append(head)
            if (status := self._refusal(head)) != 200:
                writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                await self._pass_on(method, target, head, reader, writer)
            await writer.drain()
        writer.close()

    def _refusal(self, head: str) -> int:
        told = base64.b64encode(self.password.encode()).decode()
        if self.password and f"Proxy-Authorization: Basic {told}\r\n" not in head:
            return 407
        return self.status

    async def _pass_on(
        self,
        method: str,
        target: str,
        head: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        asked = parts.hostname or "", parts.port or 80
        there, back = await asyncio.open_connection(*self.places.get(asked[0], asked))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            _, _, others = head.partition("\r\n")
            path = parts._replace(scheme="", netloc="").geturl()
            lines = [one for one in others.split("\r\n") if not one.startswith("Proxy-")]
            back.write(f"{method} {path} HTTP/1.1\r\n".encode() + "\r\n".join(lines).encode())
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
