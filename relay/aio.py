"""Waits for the first of several events."""

import asyncio


async def first(pause: float | None, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or ``pause`` seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
