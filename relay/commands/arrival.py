"""The first event that comes through to its sink, which shows that a set-up works."""

import asyncio
import os
from collections.abc import Mapping

from relay import app
from relay.commands.serving import stop_on_signals
from relay.commands.setting import say, warn
from relay.commands.uses import Use
from relay.config import Config
from relay.outbox import Outbox, open_outbox
from relay.sinks import open_session
from relay.sinks.proxy import proxies

POLL = 0.5  # seconds


async def first_event(config: Config, use: Use) -> int:
    """Serve until an event has come through to the sink, or cannot."""
    async with open_session(proxies(config.proxy, os.environ)) as session:
        if (problem := await config.sinks[use.sink].check(session)) is not None:
            warn(f"{use.sink} refuses relay: {problem}")
            warn("Put it right in the configuration, ask relay check --online, then relay serve.")
            return 1
    stop, ready = asyncio.Event(), asyncio.Event()
    stop_on_signals(stop)
    serving = asyncio.create_task(app.run(config, stop=stop, ready=lambda _: ready.set()))
    waiting = asyncio.create_task(_arrival(config, use, ready=ready, stop=stop))
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await serving
        return await waiting
    finally:
        waiting.cancel()


async def _arrival(config: Config, use: Use, *, ready: asyncio.Event, stop: asyncio.Event) -> int:
    await ready.wait()
    say("Save it, open it again, and press Test. relay waits for that event; Ctrl-C ends it.\n")
    async with open_outbox(config.outbox) as outbox:
        before = await outbox.counts()
        while not stop.is_set():
            if (end := await _end(outbox, before, use.sink)) is not None:
                code, told = end
                say(told)
                return code
            await asyncio.sleep(POLL)
    say("No event has come through yet. relay serve goes on waiting for them.")
    return 1


async def _end(
    outbox: Outbox, before: Mapping[tuple[str, str], int], sink: str
) -> tuple[int, str] | None:
    """How the first event ended, once it did."""
    now = await outbox.counts()
    if now.get((sink, "delivered"), 0) > before.get((sink, "delivered"), 0):
        return 0, (
            f"It works: an event of Misskey's has arrived in {sink}.\n"
            "Next: relay serve, or relay install-service for systemd."
        )
    if now.get((sink, "dead"), 0) > before.get((sink, "dead"), 0):
        (letter,) = await outbox.dead(sink=sink, limit=1)
        return 1, f"{sink} refused the event: {letter.reason}"
    for closed in await outbox.closed_sinks():
        return 1, f"{sink} refuses relay: {closed.reason}"
    return None
