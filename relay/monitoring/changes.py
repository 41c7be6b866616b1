"""Tells whoever looks at a page that something has changed."""

import asyncio


class Changes:
    """Rung whenever something has changed."""

    def __init__(self) -> None:
        self.version = 0
        self.is_closed = False
        self._news = asyncio.Event()

    def notify(self) -> None:
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Let all who listen go."""
        self.is_closed = True
        self.notify()

    async def wait(self, heard: int, *, within: float) -> None:
        """Return once the version is another than ``heard``, or after so many seconds."""
        if self.version == heard:
            try:
                await asyncio.wait_for(self._news.wait(), within)
            except TimeoutError:
                return
