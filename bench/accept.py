"""
How fast events are taken: each is on the disk, with its delivery, before it is answered.

The sink of this relay sends nothing, so that only the way in is measured. At the end the process
is killed, and what it had answered must be in its outbox.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.ceiling import NAME, ceiling
from bench.figure import Figure, Wanted
from bench.installation import closed_sink, relay, stored
from bench.load import Answers, Load
from bench.process import Server
from bench.scale import Scale
from bench.workload import PATH, every_kind

PART = "accept"
AIMED_AT = 32  # connections


class _Load:
    """One load on one server, and the processor time that it took there."""

    def __init__(self, server: Server, load: Load, *, connections: int, seconds: int) -> None:
        before = server.busy()
        self.answers: Answers = load.on(
            server.address + PATH, connections=connections, seconds=seconds
        )
        if self.answers.failed:
            raise RuntimeError(f"{self.answers.failed} requests failed at {server.address}")
        self.cost = (server.busy() - before) / self.answers.answered * 1e6


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    load = Load(every_kind(folder))
    installed = folder / "accept"
    answered = 0
    with ceiling(folder) as bare, relay(installed, closed_sink()) as ours:
        for connections in scale.connections:
            rounds = [
                tuple(
                    _Load(server, load, connections=connections, seconds=scale.seconds)
                    for server in (bare, ours)
                )
                for _ in range(scale.rounds)
            ]
            answered += sum(mine.answers.answered for _, mine in rounds)
            yield from _figures(
                connections, [mine for _, mine in rounds], [other for other, _ in rounds]
            )
        ours.kill()
    if (found := stored(installed)) < answered:
        raise RuntimeError(f"{answered} events were answered, but {found} are on the disk")


def _figures(connections: int, ours: list[_Load], bare: list[_Load]) -> Iterator[Figure]:
    def figure(name: str, unit: str, of: str, wanted: Wanted | None = None) -> Figure:
        return Figure(
            part=PART,
            name=f"{name}, {connections} at once",
            unit=unit,
            ours=tuple(getattr(one.answers, of) for one in ours),
            beside=NAME,
            theirs=tuple(getattr(one.answers, of) for one in bare),
            wanted=wanted if connections == AIMED_AT else None,
        )

    yield figure("events taken", "1/s", "rate", Wanted("≥", 0.65))
    yield figure("answer, p50", "ms", "p50")
    yield figure("answer, p99", "ms", "p99", Wanted("≤", 3.0))
    yield figure("answer, longest", "ms", "longest")
    yield Figure(
        part=PART,
        name=f"processor per event, {connections} at once",
        unit="µs",
        ours=tuple(one.cost for one in ours),
        beside=NAME,
        theirs=tuple(one.cost for one in bare),
    )
