"""What happens to a chat: calm, faults, slowness, absence, each for a few seconds."""

import asyncio
import random

from tests.fakes.faults import AFTER_STORE, BEFORE_STORE, Faults, rate_limited

POOL = (*BEFORE_STORE, *AFTER_STORE, rate_limited("1"), rate_limited("soon"))


async def weather(faults: Faults, chance: random.Random, *, until: asyncio.Event) -> None:
    """One spell after the other; the sky is clear at the end."""
    spells = (_calm, _faulty, _slow, _away)
    while not until.is_set():
        _calm(faults, chance)
        chance.choice(spells)(faults, chance)
        try:
            await asyncio.wait_for(until.wait(), chance.uniform(0.5, 5.0))
        except TimeoutError:
            continue
    _calm(faults, chance)


def _calm(faults: Faults, chance: random.Random) -> None:
    faults.fail_randomly(0)
    faults.delay = 0.0
    faults.come_back()


def _faulty(faults: Faults, chance: random.Random) -> None:
    faults.fail_randomly(chance.uniform(0.05, 0.6), seed=chance.getrandbits(32), pool=POOL)


def _slow(faults: Faults, chance: random.Random) -> None:
    faults.delay = chance.uniform(0.05, 0.5)


def _away(faults: Faults, chance: random.Random) -> None:
    faults.go_down()
