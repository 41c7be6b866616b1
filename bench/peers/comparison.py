"""relay and what others run, in turns: the same load, the same chat."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from bench.flow import empty, rate
from bench.installation import relay, sinks
from bench.load import Load
from bench.peers import alertmanager, apprise, node_red, script, webhook
from bench.peers.peer import MissingError, Peer
from bench.scale import Scale
from bench.sink import Sink, sink

PART = "peers"
PEERS = (script.PEER, apprise.PEER, webhook.PEER, alertmanager.PEER, node_red.PEER)
BROUGHT = (apprise.PEER, node_red.PEER)
"""What has to be brought here first, from PyPI and npm."""
REST = 1.0  # seconds after which a start is over


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    with sink(folder) as chat:
        for peer in PEERS:
            if peer in BROUGHT and not scale.installs:
                yield _absent(peer, "not brought here for a trial")
                continue
            try:
                yield from _beside(peer, scale, folder, chat)
            except MissingError as missing:
                yield _absent(peer, str(missing))


def _absent(peer: Peer, why: str) -> Figure:
    return Figure(part=PART, name=f"events through, {peer.name}", unit="1/s", remark=why)


def _beside(peer: Peer, scale: Scale, folder: Path, chat: Sink) -> Iterator[Figure]:
    us = Peer(name="relay", serving=lambda _, chats: relay(empty(folder), sinks(chats, "discord")))
    loads = {one.name: Load(one.events(folder)) for one in (us, peer)}
    rounds = [
        [_round(one, folder, chat, loads[one.name], scale.seconds) for one in (us, peer)]
        for _ in range(scale.rounds)
    ]
    for place, (name, unit) in enumerate([("events through", "1/s"), ("memory, idle", "MB")]):
        yield Figure(
            part=PART,
            name=name,
            unit=unit,
            ours=tuple(ours[place] for ours, _ in rounds),
            beside=peer.name,
            theirs=tuple(theirs[place] for _, theirs in rounds),
        )


def _round(peer: Peer, folder: Path, chat: Sink, load: Load, seconds: int) -> tuple[float, float]:
    """Events through in a second, and the memory before the first."""
    with peer.serving(folder, chat.address) as server:
        time.sleep(REST)
        held = server.resident()
        return rate(server, chat, load, seconds=seconds, path=peer.path), held
