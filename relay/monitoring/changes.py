"""Tells whoever looks at a page that something has changed."""

import asyncio


class Bell:
    """Rung whenever something has changed."""

    def __init__(self) -> None:
        self.rung = 0
        self.is_closed = False
        self._news = asyncio.Event()

    def ring(self) -> None:
        self.rung += 1
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Let all who listen go."""
        self.is_closed = True
        self.ring()

    async def after(self, heard: int, *, within: float) -> None:
        """Return once it has been rung more than ``heard`` times, or after so many seconds."""
        if self.rung == heard:
            try:
                await asyncio.wait_for(self._news.wait(), within)
            except TimeoutError:
                return
