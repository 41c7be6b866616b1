"""What relay holds and takes when little happens: memory, a start, an idle processor."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from bench.backlog import installation
from bench.ceiling import NAME, ceiling
from bench.figure import Figure, Wanted
from bench.installation import closed_sink, relay, sinks
from bench.load import Load
from bench.scale import Scale
from bench.sink import sink
from bench.workload import PATH, every_kind

PART = "memory and start"
REST = 1.0  # seconds after which a start is over
CONNECTIONS = 32
FEW = 60  # messages, some of each kind
PATIENCE = 30.0  # seconds
NO_BACKLOG = "relay with nothing waiting"


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    yield from _starts(scale, folder)
    yield from _idle(scale, folder)
    yield from _after_messages(folder)
    yield from _under_load(scale, folder)
    for waiting in scale.waiting[1:]:
        yield from _with_backlog(scale, folder, waiting)


def _starts(scale: Scale, folder: Path) -> Iterator[Figure]:
    ours, bare = [], []
    for _ in range(scale.rounds):
        with relay(installation(folder, 0), closed_sink()) as server:
            ours.append(server.ready_after)
        with ceiling(folder) as server:
            bare.append(server.ready_after)
    yield Figure(
        part=PART,
        name="start until ready",
        unit="s",
        ours=tuple(ours),
        beside=NAME,
        theirs=tuple(bare),
        wanted=Wanted("≤", 1.0, of="value"),
    )


def _idle(scale: Scale, folder: Path) -> Iterator[Figure]:
    with relay(installation(folder, 0), closed_sink()) as ours, ceiling(folder) as bare:
        time.sleep(REST)
        before = ours.busy(), bare.busy()
        time.sleep(scale.idle)
        shares = [
            100 * (server.busy() - was) / scale.idle
            for server, was in zip((ours, bare), before, strict=True)
        ]
        yield Figure(
            part=PART,
            name="memory, idle",
            unit="MB",
            ours=(ours.resident(),),
            beside=NAME,
            theirs=(bare.resident(),),
            wanted=Wanted("≤", 60.0, of="value"),
        )
    yield Figure(
        part=PART,
        name=f"processor, idle for {scale.idle:.0f} s",
        unit="% of a core",
        ours=(shares[0],),
        beside=NAME,
        theirs=(shares[1],),
        wanted=Wanted("≤", 0.2, of="value"),
    )


def _after_messages(folder: Path) -> Iterator[Figure]:
    """What comes with its first use has come: libraries of vendors, templates, dates."""
    load = Load(every_kind(folder))
    with (
        sink(folder) as chat,
        relay(installation(folder, 0), sinks(chat.address, "discord")) as server,
    ):
        time.sleep(REST)
        before = server.resident()
        sent = load.paced(server.address + PATH, rate=FEW, seconds=1)
        if not chat.wait_for(len(sent), patience=PATIENCE):
            raise RuntimeError(f"{len(sent)} events were sent, {chat.fewest()} have come")
        time.sleep(REST)
        yield Figure(
            part=PART,
            name=f"memory, idle after {FEW} messages",
            unit="MB",
            ours=(server.resident(),),
            beside="relay before the first",
            theirs=(before,),
        )


def _under_load(scale: Scale, folder: Path) -> Iterator[Figure]:
    load = Load(every_kind(folder))
    held: tuple[list[float], list[float]] = [], []
    with relay(installation(folder, 0), closed_sink()) as ours, ceiling(folder) as bare:
        for _ in range(scale.rounds):
            for server, found in zip((ours, bare), held, strict=True):
                load.on(server.address + PATH, connections=CONNECTIONS, seconds=scale.seconds)
                found.append(server.resident())
    yield Figure(
        part=PART,
        name=f"memory, {CONNECTIONS} at once",
        unit="MB",
        ours=tuple(held[0]),
        beside=NAME,
        theirs=tuple(held[1]),
    )


def _with_backlog(scale: Scale, folder: Path, waiting: int) -> Iterator[Figure]:
    full, empty = installation(folder, waiting), installation(folder, 0)
    held: tuple[list[float], list[float]] = [], []
    took: tuple[list[float], list[float]] = [], []
    for _ in range(scale.rounds):
        for place, memory, start in zip((full, empty), held, took, strict=True):
            with relay(place, closed_sink()) as server:
                time.sleep(REST)
                memory.append(server.resident())
                start.append(server.ready_after)
    shutil.rmtree(full)
    yield Figure(
        part=PART,
        name=f"memory, {waiting} waiting",
        unit="MB",
        ours=tuple(held[0]),
        beside=NO_BACKLOG,
        theirs=tuple(held[1]),
        wanted=Wanted("≤", 1.3),
    )
    yield Figure(
        part=PART,
        name=f"start until ready, {waiting} waiting",
        unit="s",
        ours=tuple(took[0]),
        beside=NO_BACKLOG,
        theirs=tuple(took[1]),
    )
