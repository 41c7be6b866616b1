"""A line to PostgreSQL on which an answer gets lost after the server has done what was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

COMMIT = b"COMMIT;"
MUCH = 65_536  # bytes

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """Between relay and a server; ``address`` is relay's end of it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.address = ""
        self._answered: int | None = None
        self._words = COMMIT

    def lose_commit(self, *, after: int = 0) -> None:
        """The next commit is done, after so many others, and nobody hears of it."""
        self.lose(COMMIT, after=after)

    def lose(self, words: bytes, *, after: int = 0) -> None:
        """The same of the next request with these words: one statement commits by itself."""
        self._words, self._answered = words, after

    @property
    def has_lost(self) -> bool:
        return self._answered is None

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until an end of it is closed, or an answer is lost."""
        there, onwards = await self._connected()
        answers = asyncio.create_task(_pass_on(there, writer))
        try:
            while asked := await reader.read(MUCH):
                is_lost = self._words in asked and self._is_next()
                if is_lost:
                    answers.cancel()
                    await asyncio.wait([answers])
                onwards.write(asked)
                if is_lost:
                    await there.read(MUCH)
                    return
        except ConnectionError:
            return
        finally:
            answers.cancel()
            onwards.transport.abort()
            writer.transport.abort()

    async def _connected(self) -> Ends:
        parts = urlsplit(self._server)
        folder = parse_qs(parts.query).get("host")
        port = parts.port or 5432
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, port)

    def _is_next(self) -> bool:
        if self._answered is None:
            return False
        self._answered = self._answered - 1 if self._answered else None
        return self._answered is None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while answer := await reader.read(MUCH):
            writer.write(answer)
    writer.close()


@asynccontextmanager
async def line_to(server: str) -> AsyncIterator[Line]:
    """A line without TLS, for it has to read along."""
    line = Line(server)
    listening = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    parts = urlsplit(server)
    who, at, _ = parts.netloc.rpartition("@")
    netloc = f"{who}{at}127.0.0.1:{port}"
    line.address = urlunsplit(parts._replace(netloc=netloc, query="sslmode=disable"))
    async with listening:
        yield line
