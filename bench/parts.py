"""What each step of an event's way costs by itself, beside decoding its JSON."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

from bench import ROOT, mfm
from bench.figure import Figure
from bench.scale import Scale
from relay import misskey
from relay.config import parse
from relay.mfm import parse as parse_mfm
from relay.mfm.to_tree import Origin, tree_of
from relay.misskey import samples as sample
from relay.model import Display, Event, Gate
from relay.rendering.templates import Templates
from relay.routing.gate import denial_reason
from relay.routing.match import Route, sinks_for
from relay.sinks import SinkSettings
from relay.text.message import Message
from relay.text.shorten import shorten
from relay.text.tree import text_of

PART = "parts"
CONFIG = """
hooks: {bench: {secret: s}}
sinks:
  discord: {type: discord, url: "http://127.0.0.1:9/a"}
  slack: {type: slack, url: "http://127.0.0.1:9/b"}
  matrix: {type: matrix, homeserver: "http://127.0.0.1:9", room: "!a:b", token: t}
  text: {type: console}
routes: [{match: {event: [mention, note], text: "(?i)release"}, to: [discord, slack]}, {to: matrix}]
"""
LONG = "**bold** :emoji: @alice@remote.example https://misskey.example/notes/a $[tada wow]\n" * 60

Step = Callable[[], object]
"""One step for one event."""


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    raws = [sample.raw(kind) for kind in sample.kinds()]
    decode: list[Step] = [partial(json.loads, raw) for raw in raws]
    for name, steps in _steps(raws).items():
        _microseconds(steps, 1)  # what is compiled once is not what an event costs
        rounds = [
            (_microseconds(steps, scale.repeats), _microseconds(decode, scale.repeats))
            for _ in range(scale.rounds)
        ]
        yield Figure(
            part=PART,
            name=name,
            unit="µs per event",
            ours=tuple(mine for mine, _ in rounds),
            beside="decoding its JSON",
            theirs=tuple(theirs for _, theirs in rounds),
        )
    yield _imports(scale)
    yield from mfm.measure(scale, folder)


def _steps(raws: list[bytes]) -> dict[str, list[Step]]:
    config = parse(CONFIG, file="bench", base=ROOT, environ={})
    events = [misskey.parse(raw, hook="bench") for raw in raws]
    routes, templates = config.compiled_routes(), config.templates_in()
    gates = [sink.gate for sink in config.sinks.values()]
    messages = [_rendered(templates, event) for event in events]
    texts = [note.text for event in events if event.note for note in event.note.walk() if note.text]
    later = count(1)
    tree = tree_of(parse_mfm(LONG), Origin(server="https://misskey.example", host=None))
    return {
        "parse": [partial(misskey.parse, raw, hook="bench") for raw in raws],
        "gate and routes": [partial(_chosen, event, routes, gates) for event in events],
        "parse MFM": [partial(parse_mfm, text) for text in texts],
        "render": [partial(_rendered, templates, event) for event in events],
        **{
            f"write for {name}": [partial(_written, sink, message, later) for message in messages]
            for name, sink in config.sinks.items()
        },
        "shorten 5000 characters to 500": [
            lambda: shorten(tree, lambda found: len(text_of(found)) <= 500)
        ],
    }


def _chosen(event: Event, routes: Sequence[Route], gates: Sequence[Gate]) -> object:
    return sinks_for(event, routes), [denial_reason(gate, event) for gate in gates]


def _written(sink: SinkSettings, message: Message, later: Iterator[int]) -> object:
    """Of a message that nobody has seen."""
    return sink.layout([replace(message, at=next(later))])


def _rendered(templates: Templates, event: Event) -> Message:
    return templates.render(event, display=Display())


def _microseconds(steps: list[Step], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        for step in steps:
            step()
    return (time.perf_counter() - began) / repeats / len(steps) * 1e6


def _imports(scale: Scale) -> Figure:
    rounds = [(_import("relay.cli.serve"), _import("aiohttp.web")) for _ in range(scale.rounds)]
    return Figure(
        part=PART,
        name="import of what serves",
        unit="s",
        ours=tuple(mine for mine, _ in rounds),
        beside="importing aiohttp.web",
        theirs=tuple(theirs for _, theirs in rounds),
    )


def _import(module: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, check=True)
    return time.perf_counter() - began
