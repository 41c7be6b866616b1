"""What happens to the process: it is killed, or asked to end, and started again."""

import asyncio
import random

from tests.e2e.process import Relay

APART = (1.0, 10.0)  # seconds


async def mishaps(relay: Relay, chance: random.Random, *, until: asyncio.Event) -> int:
    """The number of kills: each may have come between a message and what is known of it."""
    kills = 0
    while not until.is_set():
        try:
            await asyncio.wait_for(until.wait(), chance.uniform(*APART))
        except TimeoutError:
            if chance.random() < 0.7:
                kills += 1
                await relay.kill()
            elif code := await relay.terminate():
                raise RuntimeError(f"asked to end, relay ended with {code}") from None
            await relay.start()
    return kills
