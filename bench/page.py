"""The operator's page: how long the first one takes, and whether who watches slows relay down."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.request import urlopen

from bench.backlog import installation
from bench.figure import Figure, Wanted
from bench.installation import closed_sink, relay, sinks
from bench.load import Load
from bench.process import free_port
from bench.scale import Scale
from bench.sink import Sink, sink
from bench.workload import PATH, every_kind

PART = "page"
CONNECTIONS = 32
PAGES = 10
LOOKS = 50
PATIENCE = 60.0  # seconds for what is drained


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    most = scale.waiting[-1]
    yield Figure(
        part=PART,
        name=f"first page, {most} deliveries",
        unit="ms",
        ours=tuple(_first_page(installation(folder, most), scale) for _ in range(scale.rounds)),
        wanted=Wanted("≤", 50, of="value"),
    )
    load = Load(every_kind(folder))
    rounds = [
        tuple(_taken(installation(folder, 0), load, scale, pages=pages) for pages in (PAGES, 0))
        for _ in range(scale.rounds)
    ]
    yield _watched("events taken", rounds)
    line = max(scale.waiting[1], scale.drained)
    with sink(folder) as chat:
        rounds = [
            tuple(
                _drained(installation(folder, line), chat, scale.drained, pages=pages)
                for pages in (PAGES, 0)
            )
            for _ in range(scale.rounds)
        ]
    yield _watched("events drained", rounds)


def _watched(what: str, rounds: list[tuple[float, ...]]) -> Figure:
    return Figure(
        part=PART,
        name=f"{what}, {PAGES} pages open",
        unit="1/s",
        ours=tuple(watched for watched, _ in rounds),
        beside="no page",
        theirs=tuple(alone for _, alone in rounds),
        wanted=Wanted("≥", 0.95),
    )


def _first_page(place: Path, scale: Scale) -> float:
    """The median of milliseconds, as a browser on this machine would see it."""
    port = free_port()
    with relay(place, closed_sink(), web=port) as server:
        found = sorted(_look(port) for _ in range(max(3, LOOKS // (1 if scale.installs else 10))))
        server.kill()
    shutil.rmtree(place)
    return found[len(found) // 2]


def _look(port: int) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
    finally:
        connection.close()
    if answer.status != 200 or b'id="rows"' not in body:
        raise RuntimeError(f"the page answers {answer.status}")
    return took


def _taken(place: Path, load: Load, scale: Scale, *, pages: int) -> float:
    port = free_port()
    with relay(place, closed_sink(), web=port) as server, watching(port, pages):
        url = server.address + PATH
        rate = load.on(url, connections=CONNECTIONS, seconds=scale.seconds).rate
        server.kill()
    shutil.rmtree(place)
    return rate


def _drained(place: Path, chat: Sink, events: int, *, pages: int) -> float:
    """The rate at which the first of those that wait reach a chat that takes everything."""
    chat.forget()
    port = free_port()
    with relay(place, sinks(chat.address, "discord"), web=port) as server, watching(port, pages):
        came = chat.wait_for(events, patience=PATIENCE)
        server.kill()
    shutil.rmtree(place)
    if not came:
        raise RuntimeError(f"of {events} events {chat.fewest()} have come")
    arrived = sorted(chat.arrivals()["discord"].values())[:events]
    return len(arrived) / (arrived[-1] - arrived[0])


@contextmanager
def watching(port: int, pages: int) -> Iterator[None]:
    """So many windows of one browser lie open, until the server ends."""
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        for _ in range(pages):
            stream = stack.enter_context(urlopen(f"{address}/live/", timeout=300))
            stream.readline()
            threading.Thread(target=_drain, args=[stream], daemon=True).start()
        yield


def _drain(stream: object) -> None:
    with suppress(OSError, ValueError, HTTPException, AttributeError):
        while stream.read1(65536):  # type: ignore[attr-defined]
            continue
