"""relay, as a user runs it: a folder with a configuration, and ``relay serve``."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.process import Server, free_port, python, serving
from bench.workload import HOOK, SECRET
from relay.outbox import open_outbox

OUTBOX = "relay.db"
# Everything may be shown: what the gate withholds costs nothing more.
OPEN = {
    "visibility": ["public", "home", "followers", "specified"],
    "local_only": True,
    "moderation": True,
    "signin_only": True,
}
CHATS = ("discord", "slack", "matrix")


def sinks(address: str, *names: str, rate: str = "unlimited") -> dict[str, object]:
    """Sinks of these kinds, at a chat that stands for all of them."""
    places: Mapping[str, Mapping[str, object]] = {
        "discord": {"url": f"{address}/discord"},
        "slack": {"url": f"{address}/slack"},
        # Pictures would be fetched from a server that is not there.
        "matrix": {
            "homeserver": address, "room": "!bench:example", "token": SECRET, "emojis": "names",
        },
    }  # fmt: skip
    return {name: {"type": name, **places[name], **OPEN, "rate": rate} for name in names}


def closed_sink() -> dict[str, object]:
    """A sink that sends nothing, so that only the way in is measured."""
    return sinks("http://127.0.0.1:9", "discord", rate="1/7d")


@contextmanager
def relay(
    folder: Path,
    ways_out: Mapping[str, object],
    *,
    routes: Iterable[object] | None = None,
    hold: str = "300ms",
    web: int | None = None,
) -> Iterator[Server]:
    """
    Serve until the end of the block; without ``routes`` every sink gets every event.

    ``web`` is the port of the operator's page, which needs no password here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = {
        "listen": f"127.0.0.1:{port}",
        "outbox": f"sqlite:{OUTBOX}",
        "hold": hold,
        "max_waiting": 10_000_000,
        "hooks": {HOOK: {"secret": SECRET}},
        "sinks": ways_out,
        "routes": [{"to": list(ways_out)}] if routes is None else list(routes),
    }
    if web is not None:
        config["web"] = {"listen": f"127.0.0.1:{web}"}
    file = folder / "config.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    command = python("relay", "serve", "--config", file)
    with serving(command, folder=folder, port=port) as server:
        yield server


def stored(folder: Path) -> int:
    """The deliveries on the disk, with events not routed yet; only while nobody serves them."""

    async def count() -> int:
        async with open_outbox(f"sqlite:{folder / OUTBOX}") as outbox:
            counts = await outbox.counts()
            ended = sum(number for (_, state), number in counts.items() if state != "pending")
            return ended + await outbox.pending_count()

    return asyncio.run(count())
