"""Notifies open pages of changes."""

import asyncio


class Changes:
    """Counts changes, and wakes those that wait for the next one."""

    def __init__(self) -> None:
        self.version = 0
        self.is_closed = False
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Count a change."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End all waiting."""
        self.is_closed = True
        self.notify()

    async def wait(self, version: int, *, within: float) -> None:
        """Return once the version is another one, or after so many seconds."""
        if self.version == version:
            try:
                await asyncio.wait_for(self._changed.wait(), within)
            except TimeoutError:
                return
