"""Whether relay slows down as something grows: what waits, the routes, the sinks."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.backlog import installation
from bench.figure import Figure, Wanted
from bench.installation import closed_sink, relay, sinks
from bench.load import Load
from bench.scale import Scale
from bench.sink import Sink, sink
from bench.workload import PATH, every_kind

PART = "growth"
CONNECTIONS = 32
PATIENCE = 60.0  # seconds for what is drained

Routes = Sequence[object] | None
Rate = Callable[[int], float]
"""Events in a second at one size."""


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    load = Load(every_kind(folder))

    def taken(
        place: Path, ways_out: Mapping[str, object], routes: Sequence[object] | None
    ) -> float:
        with relay(place, ways_out, routes=routes) as server:
            url = server.address + PATH
            rate = load.on(url, connections=CONNECTIONS, seconds=scale.seconds).rate
            server.kill()  # a million that wait must not be carried anywhere at the end
        shutil.rmtree(place)
        return rate

    yield from _grown(
        "events taken, {} waiting",
        scale.waiting,
        lambda waiting: taken(installation(folder, waiting), closed_sink(), None),
        scale.rounds,
        Wanted("≥", 0.8),
    )
    with sink(folder) as chat:
        # Nothing that waits cannot be drained: the smallest line is as long as what is counted.
        yield from _grown(
            "events drained, {} waiting",
            [max(waiting, scale.drained) for waiting in scale.waiting],
            lambda waiting: _drained(installation(folder, waiting), chat, scale.drained),
            scale.rounds,
            Wanted("≥", 0.8),
        )
    yield from _grown(
        "events taken, {} routes",
        scale.routes,
        lambda number: taken(installation(folder, 0), closed_sink(), _routes(number)),
        scale.rounds,
        Wanted("≥", 0.5),
    )
    yield from _grown(
        "events taken, {} sinks",
        scale.sinks,
        lambda number: taken(installation(folder, 0), _sinks(number), [{"to": "s0"}]),
        scale.rounds,
    )


def _grown(
    name: str, sizes: Sequence[int], rate: Rate, rounds: int, wanted: Wanted | None = None
) -> Iterator[Figure]:
    """Every size in every round, each beside the smallest of its round."""
    rates = [[rate(size) for size in sizes] for _ in range(rounds)]
    smallest, *larger = sizes
    for place, size in enumerate(larger, start=1):
        yield Figure(
            part=PART,
            name=name.format(size),
            unit="1/s",
            ours=tuple(one[place] for one in rates),
            beside=name.format(smallest).rpartition(", ")[2],
            theirs=tuple(one[0] for one in rates),
            wanted=wanted if size == sizes[-1] else None,
        )


def _drained(place: Path, chat: Sink, events: int) -> float:
    """The rate at which the first of those that wait reach a chat that takes everything."""
    chat.forget()
    with relay(place, sinks(chat.address, "discord")) as server:
        came = chat.wait_for(events, patience=PATIENCE)
        server.kill()
    shutil.rmtree(place)
    if not came:
        raise RuntimeError(f"of {events} events {chat.fewest()} have come")
    arrived = sorted(chat.arrivals()["discord"].values())[:events]
    return len(arrived) / (arrived[-1] - arrived[0])


def _routes(number: int) -> Sequence[object]:
    """Routes of which only the last matches."""
    asked = {"author": "nobody@*", "text": "release [0-9]+"}
    return [{"to": "discord", "match": asked}] * (number - 1) + [{"to": "discord"}]


def _sinks(number: int) -> dict[str, object]:
    settings = closed_sink()["discord"]
    return {f"s{place}": settings for place in range(number)}
