"""Builds everything, in one place, and ends it again in one scope."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web

from relay import ending, intake, misskey
from relay.acceptance import Acceptance
from relay.config import Config
from relay.crew import Crew
from relay.delivery import Lane, Told
from relay.errors import BrokenError
from relay.language import Language
from relay.listening import EVERYBODY, Door, listening
from relay.metrics import Metrics
from relay.notify import Notify
from relay.outbox import Outbox, serve_outbox
from relay.outcome import Delivery, Outcome
from relay.pace import Pace
from relay.press import Manner, Press
from relay.rendering import Templates
from relay.retention import forget
from relay.secret import Secret
from relay.sinks import Sink, SinkSettings, open_session
from relay.trial import trial
from relay.watch import Watch
from relay.web import Advice, Bell, Lap, Operation, Tally

logger = logging.getLogger(__name__)

GRACE = 10.0  # seconds to finish what is in flight
SILENT = Notify({})


Examine = Callable[[], Awaitable[Sequence[Advice]]]


async def _nothing() -> Sequence[Advice]:
    return ()


def unix_milliseconds() -> int:
    return time.time_ns() // 1_000_000


async def run(
    config: Config,
    *,
    stop: asyncio.Event,
    ready: Callable[[str], None] = lambda address: None,
    notify: Notify = SILENT,
    examine: Examine = _nothing,
    clock: Callable[[], int] = unix_milliseconds,
) -> None:
    """
    Serve until ``stop`` is set, then finish what is in flight; the rest waits in the outbox.

    ``ready`` is told the public address once events can be stored, ``notify`` tells systemd,
    ``examine`` tells the page what is doubtful in the set-up.
    """
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(serve_outbox(config.outbox, now=clock()))
        session = await stack.enter_async_context(open_session())
        metrics = Metrics(kinds=misskey.KINDS, sinks=config.sinks)

        bell, tally = Bell(), Tally(clock=clock)

        def told(settled: Sequence[Delivery], outcome: Outcome) -> None:
            bell.ring()
            tally.count(settled, outcome)
            metrics.settled(settled, outcome)
            ending.tell(settled, outcome, now=clock())

        lanes = _lanes(config, outbox, session, clock, told)
        await _reopen(outbox, lanes, now=clock())
        crew = Crew(lanes)
        watch = Watch(outbox, lanes, metrics, clock=clock)
        stack.push_async_callback(watch.close)

        def wake(name: str) -> None:
            bell.ring()
            crew.wake([name])

        if config.web is not None:
            seen = _operation(config, outbox, session, lanes, tally, wake, examine, clock)
            await stack.enter_async_context(watch.listening(config.web, lambda: seen, bell))
        accept = _acceptance(config, outbox, wake, clock)
        runner = _door(config, accept, metrics.answered, clock)
        door = await stack.enter_async_context(listening(runner, config.listen, mode=EVERYBODY))
        ready(door.address)
        notify.ready(f"listens on {door.address}")
        await _finished(
            [
                crew.run(outbox, _groups(config), clock=clock, stop=stop),
                forget(outbox, older_than=config.retention, stop=stop, clock=clock),
                accept.watch(stop),
                _close(door, notify, stop=stop),
                watch.keep(notify, stop=stop),
            ],
            stop=stop,
        )


def press(config: Config) -> Press:
    return Press(config.templates_in(), {route.name: route for route in config.compiled_routes()})


def manner(config: Config, sink: SinkSettings, *, pace: Pace | None = None) -> Manner:
    """``pace``: that of all sinks that count against the same limit of their vendor's."""
    return Manner(
        gate=sink.gate,
        display=sink.display,
        schedule=config.retry if sink.retry is None else sink.retry,
        resend=sink.resends,
        hold=round(config.hold * 1000),
        pace=Pace(sink.pace) if pace is None else pace,
        language=Language(config.locale, sink.timezone or config.timezone),
    )


def _lanes(
    config: Config,
    outbox: Outbox,
    session: aiohttp.ClientSession,
    clock: Callable[[], int],
    told: Told,
) -> dict[str, Lane]:
    shared = press(config)
    paces: dict[Hashable, Pace] = {}
    vendors: dict[Hashable, Pace] = {}

    def pace(sink: SinkSettings) -> Pace:
        vendor = vendors.setdefault(sink.vendor_key, Pace(sink.known_refusals))
        return paces.setdefault(sink.pace_key, Pace(sink.pace, vendor=vendor))

    return {
        name: Lane(
            name,
            sink,
            manner=manner(config, sink, pace=pace(sink)),
            press=shared,
            outbox=outbox,
            session=session,
            fingerprint=fingerprint(sink, salt=outbox.id),
            clock=clock,
            told=told,
        )
        for name, sink in config.sinks.items()
    }


async def send_trial(sink: Sink, session: aiohttp.ClientSession, *, now: int) -> Outcome:
    """Send a test message; ``now`` in milliseconds."""
    return await sink.send([trial(at=now)], key=f"test-{now}", session=session)


def _operation(
    config: Config,
    outbox: Outbox,
    session: aiohttp.ClientSession,
    lanes: Mapping[str, Lane],
    tally: Tally,
    wake: Callable[[str], None],
    examine: Examine,
    clock: Callable[[], int],
) -> Operation:
    def laps() -> Mapping[str, Lap]:
        return {name: Lap(is_sick=lane.is_sick, rest=lane.rest) for name, lane in lanes.items()}

    async def attempt(name: str) -> Outcome:
        return await send_trial(config.sinks[name], session, now=clock())

    return Operation(
        outbox=outbox,
        press=press(config),
        sinks=config.sinks,
        manners={name: manner(config, sink) for name, sink in config.sinks.items()},
        language=Language(config.locale, config.timezone),
        clock=clock,
        tally=tally,
        laps=laps,
        wake=wake,
        attempt=attempt,
        hooks={name: hook.server for name, hook in config.hooks.items()},
        routes=config.compiled_routes(),
        draft=lambda drafts: Templates(config.templates, drafts=drafts),
        settings=config.effective,
        warnings=config.warnings,
        examine=examine,
    )


def _groups(config: Config) -> Sequence[Collection[str]]:
    """Sinks that count against the same limit of their vendor's, together."""
    found: dict[Hashable, list[str]] = {}
    for name, sink in config.sinks.items():
        found.setdefault(sink.pace_key, []).append(name)
    return list(found.values())


def fingerprint(sink: SinkSettings, *, salt: str) -> str:
    """A digest that changes with any setting of a sink, its secrets included."""

    def plain(value: object) -> object:
        if isinstance(value, Secret):
            return value.reveal()
        return sorted(value) if isinstance(value, frozenset) else str(value)

    written = json.dumps(sink.model_dump(), default=plain, sort_keys=True)
    return hashlib.sha256(f"{salt} {written}".encode()).hexdigest()


async def _reopen(outbox: Outbox, lanes: Mapping[str, Lane], *, now: int) -> None:
    """Let sinks go on whose configuration changed since they refused us; name the others."""
    for closed in await outbox.closed_sinks():
        lane = lanes.get(closed.name)
        if lane is not None and lane.fingerprint == closed.fingerprint:
            logger.error(
                "sink still closed",
                extra={"action": "closed", "sink": closed.name, "reason": closed.reason},
            )
        else:
            await outbox.open_sink(closed.name, now=now)
    for (sink, state), number in (await outbox.counts()).items():
        if state == "pending" and sink not in lanes:
            logger.warning(
                "deliveries wait for a sink that is not in the configuration",
                extra={"action": "orphans", "sink": sink, "number": number},
            )


def _acceptance(
    config: Config, outbox: Outbox, wake: Callable[[str], None], clock: Callable[[], int]
) -> Acceptance:
    return Acceptance(
        outbox,
        routes=config.compiled_routes(),
        gates={name: sink.gate for name, sink in config.sinks.items()},
        hold=round(config.hold * 1000),
        max_waiting=config.max_waiting,
        log_content=config.log_content,
        wake=wake,
        clock=clock,
    )


def _door(
    config: Config, accept: intake.Accept, told: intake.Told, clock: Callable[[], int]
) -> web.AppRunner:
    """What serves the public door."""
    hooks = {
        name: intake.Hook(name=name, secrets=hook.secret, server=hook.server)
        for name, hook in config.hooks.items()
    }
    door = intake.door(hooks, accept, max_body=config.max_body, clock=clock, told=told)
    return intake.runner(door, grace=GRACE)


async def _finished(work: Iterable[Coroutine[None, None, None]], *, stop: asyncio.Event) -> None:
    """
    Let everything run until ``stop``, and for the grace period after it until it rests.

    If one dies all stop, and systemd restarts. Raises BrokenError if it was the outbox that broke.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one) for one in work]
            await stop.wait()
            _, unfinished = await asyncio.wait(running, timeout=GRACE)
            for task in unfinished:
                task.cancel()
    except BaseExceptionGroup as group:
        raise _first_of(BrokenError, group) or group from None


def _first_of(kind: type[BaseException], error: BaseException) -> BaseException | None:
    """An error of that kind, in whatever depth of groups."""
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, kind) else None
    found = (_first_of(kind, one) for one in error.exceptions)
    return next((one for one in found if one is not None), None)


async def _close(door: Door, notify: Notify, *, stop: asyncio.Event) -> None:
    """Take nothing more once ``stop`` is set: what comes now finds the next process."""
    await stop.wait()
    notify.stopping("finishing what is in flight")
    await door.close()
