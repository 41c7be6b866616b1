"""
How fast events come through: from Misskey's webhook to a chat that takes everything at once.

relay answers before it has delivered, the script after; so what counts is what has arrived, and a
backlog gets its time too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import mkdtemp

from bench.figure import Figure, Wanted
from bench.installation import CHATS, relay, sinks
from bench.load import Load
from bench.peers import script
from bench.process import Server
from bench.scale import Scale
from bench.sink import Sink, sink
from bench.workload import PATH, every_kind

PART = "end to end"
CONNECTIONS = 32
PATIENCE = 5  # times as long as a load, for its backlog
HOLD = 300.0  # milliseconds, relay's own default
AIMED_AT = 50  # events in a second

Start = Callable[[], AbstractContextManager[Server]]


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    load = Load(every_kind(folder))
    with sink(folder) as chat:
        starts: dict[str, Start] = {
            "one": lambda: relay(empty(folder), sinks(chat.address, "discord")),
            "three": lambda: relay(empty(folder), sinks(chat.address, *CHATS)),
            "script": lambda: script.serving(folder, chat.address),
        }
        rates: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(scale.rounds):
            for name, start in starts.items():
                with start() as server:
                    rates[name].append(rate(server, chat, load, seconds=scale.seconds))
        yield _through("one sink", rates["one"], rates["script"], Wanted("≥", 1.0))
        yield _through("three sinks", rates["three"], rates["script"])
        for pace in scale.rates:
            yield from _latency(scale, pace, load, chat, starts)


def empty(folder: Path) -> Path:
    """A folder without an outbox: a load is cut off, and what was on its way comes later."""
    return Path(mkdtemp(dir=folder, prefix="relay-"))


def rate(server: Server, chat: Sink, load: Load, *, seconds: int, path: str = PATH) -> float:
    """Events in a second that reach every chat, until the last of the backlog or our patience."""
    chat.forget()
    began = time.monotonic()
    answers = load.on(server.address + path, connections=CONNECTIONS, seconds=seconds)
    chat.wait_for(answers.answered - answers.failed, patience=PATIENCE * seconds)
    came = [list(times.values()) for times in chat.arrivals().values()]
    if not came:
        raise RuntimeError("nothing has come through")
    return min(len(times) / (max(times) - began) for times in came)


def _through(
    name: str, ours: list[float], theirs: list[float], wanted: Wanted | None = None
) -> Figure:
    return Figure(
        part=PART,
        name=f"events through, {name}",
        unit="1/s",
        ours=tuple(ours),
        beside=f"{script.NAME}, one sink",
        theirs=tuple(theirs),
        wanted=wanted,
    )


def _latency(
    scale: Scale, pace: int, load: Load, chat: Sink, starts: dict[str, Start]
) -> Iterator[Figure]:
    with starts["one"]() as ours, starts["script"]() as other:
        waits = partial(_waits, chat=chat, load=load, pace=pace, seconds=2 * scale.seconds)
        rounds = [(waits(ours), waits(other)) for _ in range(scale.rounds)]
    aims = {"p50": Wanted("≤", HOLD + 15, of="value"), "p99": Wanted("≤", HOLD + 60, of="value")}
    shares: dict[str, Callable[[list[float]], float]] = {
        "p50": median,
        "p99": _p99,
        "longest": max,
    }
    for name, of in shares.items():
        yield Figure(
            part=PART,
            name=f"webhook to chat, {name}, {pace} in a second",
            unit="ms",
            ours=tuple(of(mine) for mine, _ in rounds),
            beside=f"{script.NAME}, which holds nothing back",
            theirs=tuple(of(theirs) for _, theirs in rounds),
            wanted=aims.get(name) if pace == AIMED_AT else None,
        )


def _waits(server: Server, *, chat: Sink, load: Load, pace: int, seconds: int) -> list[float]:
    """Milliseconds from the webhook of each event to its arrival."""
    chat.forget()
    sent = load.paced(server.address + PATH, rate=pace, seconds=seconds)
    if not chat.wait_for(len(sent), patience=PATIENCE * seconds):
        raise RuntimeError(f"{len(sent)} events were sent, {chat.fewest()} have come")
    came = chat.arrivals()["discord"]
    return [(came[f"{number:012d}"] - at) * 1000 for number, at in sent.items()]


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98]
