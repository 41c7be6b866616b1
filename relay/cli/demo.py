"""``demo``: a whole relay on this machine shows scenes made of events that real servers sent."""

import asyncio
import json
import secrets
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from relay.app import run as app
from relay.cli.output import colour_for, echo
from relay.cli.parser import Commands, add
from relay.config import Config, parse
from relay.errors import RelayError
from relay.misskey import samples as sample
from relay.outcome import Outcome, Sent
from relay.sinks import Layout, Sink
from relay.sinks.console import ConsoleSettings, picture
from relay.terminal import BARE, Colour, wrapped
from relay.text.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A sample event, and the sinks that show it."""

    headline: str
    kind: str
    body: Mapping[str, Any]
    """The differences from the sample of that kind."""
    sinks: tuple[str, ...] = ()
    remark: str = ""
    times: int = 1
    """The number of times that Misskey sends the event."""

    @property
    def raw(self) -> bytes:
        """The body of its webhook."""
        event = json.loads(sample.raw(self.kind))
        return json.dumps(_changed(event, {"body": self.body})).encode()


def _changed(value: Any, changes: Any) -> Any:
    """A value with parts replaced, at any depth."""
    if not isinstance(value, dict) or not isinstance(changes, Mapping):
        return changes
    return value | {key: _changed(value.get(key), part) for key, part in changes.items()}


BOB = {"name": "Bob 🐈", "username": "bob"}
ALICE = {"name": "アリス", "username": "alice", "emojis": {}}

STORY = (
    Scene(
        headline="Bob mentions you",
        kind="mention",
        body={
            "note": {
                "user": BOB,
                "text": "@alice **it's released!** 🎉 Everything new: https://misskey-hub.net",
            }
        },
        sinks=("discord",),
        remark="Misskey repeats a webhook that seems lost: this one came twice, and is shown once.",
        times=2,
    ),
    Scene(
        headline="Your team posts a note behind a content warning",
        kind="note",
        body={
            "note": {
                "user": ALICE,
                "cw": "spoilers for the last episode",
                "text": "The cat was the **gardener** all along.",
                "files": [],
            }
        },
        sinks=("discord", "slack"),
        remark="Discord hides it behind a spoiler. Slack has none, so relay shows a link instead.",
    ),
    Scene(
        headline="Bob answers, for his followers only",
        kind="reply",
        body={
            "note": {
                "user": BOB,
                "visibility": "followers",
                "text": "Just between us: I am moving to Osaka.",
            }
        },
        remark="Misskey sends such notes complete. relay shows them only where that is allowed.",
    ),
    Scene(
        headline="Somebody reports a spammer",
        kind="abuseReport",
        body={
            "comment": "Sends the same advertisement to everybody.",
            "targetUser": {"name": "Cheap pills", "username": "robo"},
            "reporter": {"name": "Eve", "username": "eve"},
        },
        sinks=("moderators",),
        remark="Reports go only to sinks that are marked as the moderators'.",
    ),
)


TIMEOUT = 10.0  # seconds for a message to arrive

CONFIG = """
listen: 127.0.0.1:0
outbox: sqlite:{folder}/demo.db
hold: 0
hooks:
  demo: {{secret: {secret}}}
sinks:
  discord: {{type: console, look: discord}}
  slack: {{type: console, look: slack}}
  moderators: {{type: console, look: matrix, moderation: true}}
routes:
  - match: {{event: [mention, reply]}}
    to: discord
  - match: {{event: note}}
    to: [slack, discord]
  - match: {{event: abuseReport}}
    to: moderators
"""
NAMES = {
    "discord": "Discord #fediverse",
    "slack": "Slack #team",
    "moderators": "Matrix, the moderators' room",
}

Say = Callable[[str], None]
Arrivals = asyncio.Queue[tuple[str, Message]]


class Screen(ConsoleSettings):
    """A console that passes its messages on, so that they appear in the order of the story."""

    _name: str
    _arrivals: Arrivals

    @classmethod
    def of(cls, sink: ConsoleSettings, name: str, arrivals: Arrivals) -> "Screen":
        screen = cls.model_validate(sink.model_dump())
        screen._name, screen._arrivals = name, arrivals
        return screen

    def open(self, session: object) -> Sink:
        return ScreenSink(self, self._name, self._arrivals)


class ScreenSink(Sink):
    """Hands messages on."""

    def __init__(self, settings: Screen, name: str, arrivals: Arrivals) -> None:
        self.settings, self._name, self._arrivals = settings, name, arrivals

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        return Layout({"message": messages[0]}, 1)

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        self._arrivals.put_nowait((self._name, layout.payload["message"]))
        return Sent()

    async def probe(self) -> Outcome:
        return Sent()


async def demo(args: Namespace) -> int:
    await run(echo, colour=colour_for(sys.stdout))
    return 0


async def run(say: Say, *, colour: Colour = BARE) -> None:
    """Start a relay on this machine, post the story to it, and print the messages."""
    arrivals: Arrivals = asyncio.Queue()
    secret, began = secrets.token_urlsafe(16), time.monotonic()
    say(f"{colour.bold('relay')} turns Misskey's webhooks into messages in chats.")
    say("Here is a complete one on this machine, and what happens on a Misskey server:")
    async with (
        _serving(secret, arrivals) as address,
        aiohttp.ClientSession(headers={"X-Misskey-Hook-Secret": secret}) as session,
    ):
        for number, scene in enumerate(STORY, start=1):
            await _play(number, scene, f"{address}/hooks/demo", session, arrivals, say, colour)
    if not arrivals.empty():
        raise RelayError("the demo showed more than it should have: this is a bug")
    _say_end(say, time.monotonic() - began)


@asynccontextmanager
async def _serving(secret: str, arrivals: Arrivals) -> AsyncIterator[str]:
    """The address of a running relay, which leaves no files behind."""
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as folder:
        config = _config(Path(folder), secret, arrivals)
        stop, opened = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(app.run(config, stop=stop, ready=opened.set_result))
        try:
            await asyncio.wait([serving, opened], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            yield opened.result()
        finally:
            stop.set()
            await serving


def _config(folder: Path, secret: str, arrivals: Arrivals) -> Config:
    text = CONFIG.format(folder=folder, secret=secret)
    config = parse(text, file="demo", base=folder, environ={})
    screens = {
        name: Screen.of(sink, name, arrivals)
        for name, sink in config.sinks.items()
        if isinstance(sink, ConsoleSettings)
    }
    return config.model_copy(update={"sinks": screens})


async def _play(
    number: int,
    scene: Scene,
    address: str,
    session: aiohttp.ClientSession,
    arrivals: Arrivals,
    say: Say,
    colour: Colour,
) -> None:
    say("")
    where = ", ".join(scene.sinks) or "nowhere"
    say(f"{colour.bold(f'{number}. {scene.headline}')}  {colour.dim(f'{scene.kind} → {where}')}")
    for _ in range(scene.times):
        async with session.post(address, data=scene.raw) as response:
            response.raise_for_status()
    async with asyncio.timeout(TIMEOUT):
        messages = dict([await arrivals.get() for _ in scene.sinks])
    for name in scene.sinks:
        say(picture(messages[name], name=NAMES[name], colour=colour))
    for line in wrapped(scene.remark):
        say(colour.dim(line))


def _say_end(say: Say, seconds: float) -> None:
    events, messages = len(STORY), sum(len(scene.sinks) for scene in STORY)
    say("")
    say(f"{events} events came in over HTTP, were stored, and left as {messages} messages,")
    say(f"in {seconds:.1f} s. Next: relay serve, which without a configuration shows how to begin.")


def add_command(commands: Commands) -> None:
    add(
        commands,
        "demo",
        demo,
        about="show what relay does: sample events take the real way to this terminal",
        example="relay demo",
        config=False,
    )
