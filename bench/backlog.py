"""Outboxes in which events wait: filled through their own protocol, once, and copied."""

import asyncio
import os
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp

from bench.installation import OUTBOX
from bench.workload import HOOK, notes, numbered
from relay.outbox import Outbox, RoutedEvent, open_outbox
from relay.outbox.records import journal_entry

TOGETHER = 512  # events that wait for the same commit
FIRST = 500_000_000_000  # far from every number that a load uses


def installation(folder: Path, waiting: int, *, sink: str = "discord") -> Path:
    """A new folder for a relay for whose sink so many events wait, and a disk that rests."""
    made = Path(mkdtemp(dir=folder, prefix=f"waiting-{waiting}-"))
    if waiting:
        shutil.copyfile(_filled(folder, waiting, sink), made / OUTBOX)
        # Else the first events would pay for the copy.
        os.sync()
    return made


def _filled(folder: Path, waiting: int, sink: str) -> Path:
    """Filled once; a copy takes seconds, a million events minutes."""
    path = folder / f"{sink}-{waiting}.db"
    if not path.exists():
        line = notes(folder).read_text(encoding="utf-8").splitlines()[0]
        asyncio.run(_fill(path, waiting, sink, line))
    return path


async def _fill(path: Path, waiting: int, sink: str, line: str) -> None:
    async with open_outbox(f"sqlite:{path}") as outbox:
        for begin in range(0, waiting, TOGETHER):
            numbers = range(begin, min(begin + TOGETHER, waiting))
            await asyncio.gather(
                *(_add(outbox, numbered(line, FIRST + number), sink) for number in numbers)
            )


async def _add(outbox: Outbox, raw: bytes, sink: str) -> None:
    now = time.time_ns() // 1_000_000
    await outbox.replay(journal_entry(raw, hook=HOOK, now=now), RoutedEvent(sinks={sink: "#1"}))
