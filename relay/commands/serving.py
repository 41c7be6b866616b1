"""``serve``, ``demo``, ``check``, ``send-test``: what runs, or asks whether it would."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from relay import app, sample
from relay import demo as demonstration
from relay.commands.setting import configuration, say, sink_of
from relay.config import Config
from relay.logs import log_to
from relay.message import Message
from relay.outcome import Sent
from relay.sinks import open_session
from relay.tree import Text


async def serve(path: Path | None) -> int:
    config = configuration(path)
    log_to(sys.stderr)
    stop = asyncio.Event()
    _stop_on_signals(stop)

    def ready(address: str) -> None:
        names = ", ".join(f"/hooks/{name}" for name in config.hooks) or "no hooks"
        say(f"relay listens on {address} ({names}), delivers to {', '.join(config.sinks) or '-'}")

    await app.run(config, stop=stop, ready=ready)
    return 0


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal asks for an end in order, the second ends at once."""
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)


async def demo() -> int:
    await demonstration.run()
    say()
    say("These events came through relay's own HTTP door and outbox. Next: relay --help")
    return 0


async def check(path: Path | None, *, online: bool) -> int:
    config = configuration(path)
    problems = [*_template_problems(config), *_way_problems(config)]
    if online:
        problems += await _sink_problems(config)
    for problem in problems:
        say(problem)
    if not problems:
        say(
            f"ok: {len(config.hooks)} hooks, {len(config.routes)} routes, "
            f"{len(config.sinks)} sinks, all templates render"
        )
    return 1 if problems else 0


def _template_problems(config: Config) -> list[str]:
    """Whatever any template does wrong with any sample, for any sink and route."""
    templates = config.templates_in()
    variants = {None, *(route.template for route in config.routes)}
    displays = {sink.display for sink in config.sinks.values()}
    found = [
        problem
        for kind in sample.kinds()
        for variant in sorted(variants, key=str)
        for display in displays
        for problem in templates.problems(sample.event(kind), display=display, variant=variant)
    ]
    return list(dict.fromkeys(found))


def _way_problems(config: Config) -> list[str]:
    """What is no mistake, but surely not meant."""
    routed = {name for route in config.routes for name in route.to}
    unused = [f"sink {name}: no route leads to it" for name in config.sinks if name not in routed]
    none = [] if config.hooks else ["hooks: there is none, so no event can come in"]
    return none + unused


async def _sink_problems(config: Config) -> list[str]:
    async with open_session() as session:
        found = await asyncio.gather(*(sink.check(session) for sink in config.sinks.values()))
    return [
        f"sink {name}: {wrong}" for name, wrong in zip(config.sinks, found, strict=True) if wrong
    ]


async def send_test(path: Path | None, name: str) -> int:
    config = configuration(path)
    message = Message(
        title=(Text("relay test"),),
        body=(Text("If you can read this, relay can reach you here."),),
        footer=(Text("relay send-test"),),
        at=app.unix_milliseconds(),
    )
    async with open_session() as session:
        key = f"test-{app.unix_milliseconds()}"
        outcome = await sink_of(config, name).send(message, key=key, session=session)
    reason = getattr(outcome, "reason", None)
    say(f"{name}: {type(outcome).__name__}" + (f": {reason}" if reason else ""))
    return 0 if isinstance(outcome, Sent) else 1
