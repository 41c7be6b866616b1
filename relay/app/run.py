"""Builds everything, in one place, and ends it again in one scope."""

import asyncio
import logging
import os
import time
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack

import aiohttp

from relay import misskey
from relay.admin.context import AdminContext
from relay.app.control import Control, controlled, socket_of
from relay.app.monitoring import Monitoring
from relay.app.plan import Plan, Running
from relay.app.reload import Reload, reopen
from relay.config import Config
from relay.delivery import outcome_log as ending
from relay.delivery.lane import Lane
from relay.delivery.lanes import LaneSupervisor
from relay.delivery.sender import LaneConfig
from relay.doctor.findings import Finding
from relay.errors import BrokenError
from relay.i18n import Language
from relay.intake import server as intake
from relay.intake.acceptance import Acceptance
from relay.listener import EVERYBODY, Listener, listen
from relay.monitoring.changes import Changes
from relay.monitoring.metrics import Metrics, NullMetrics
from relay.monitoring.rolling import RollingStats
from relay.monitoring.sink_status import LaneStatus
from relay.monitoring.systemd import Notifier
from relay.outbox import Outbox, file_of, serve_outbox
from relay.outbox.lifecycle import forget
from relay.outcome import Delivery, Outcome
from relay.rendering.blocks import trial
from relay.rendering.templates import Templates
from relay.sinks import Sink
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies

logger = logging.getLogger(__name__)

GRACE = 10.0  # seconds to finish what is in flight
SILENT = Notifier({})


Examine = Callable[[Config], Awaitable[Sequence[Finding]]]


async def _nothing(config: Config) -> Sequence[Finding]:
    return ()


def unix_milliseconds() -> int:
    return time.time_ns() // 1_000_000


async def run(
    config: Config,
    *,
    stop: asyncio.Event,
    ready: Callable[[str], None] = lambda address: None,
    notifier: Notifier = SILENT,
    examine: Examine = _nothing,
    clock: Callable[[], int] = unix_milliseconds,
    load: Callable[[], Config] | None = None,
    reload: asyncio.Event | None = None,
) -> None:
    """
    Serve until ``stop`` is set, then finish what is in flight; the rest waits in the outbox.

    ``ready`` is told the public address once events can be stored, ``notifier`` tells systemd,
    ``examine`` tells the page what is doubtful in the set-up. When ``reload`` is set, ``load``
    reads the configuration anew.
    """
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(serve_outbox(config.outbox, now=clock()))
        session = await stack.enter_async_context(_session(config))
        metrics = None if config.web is None else _metrics()
        counts = NullMetrics() if metrics is None else metrics
        changes, stats = Changes(), RollingStats(clock=clock)

        def on_settled(settled: Sequence[Delivery], outcome: Outcome) -> None:
            changes.notify()
            stats.count(settled, outcome)
            counts.settled(settled, outcome)
            ending.tell(settled, outcome, now=clock())

        def new_lane(name: str, lane_config: LaneConfig) -> Lane:
            counts.begin(name)
            return Lane(
                name,
                lane_config,
                outbox=outbox,
                clock=clock,
                on_settled=on_settled,
            )

        running = Running(Plan.build(config, salt=outbox.id, session=session))
        supervisor = LaneSupervisor(new_lane)
        supervisor.change(running.plan.lane_configs, running.plan.groups)
        await reopen(outbox, running.plan.lane_configs, now=clock())

        def wake(names: Collection[str]) -> None:
            changes.notify()
            supervisor.wake(names)

        accept = Acceptance(outbox, rules=lambda: running.plan.rules, wake=wake, clock=clock)
        monitoring = Monitoring(outbox, accept, supervisor.lanes, clock=clock)
        stack.push_async_callback(monitoring.close)

        def context() -> AdminContext:
            return _admin_context(running.plan, supervisor, outbox, stats, wake, examine, clock)

        if config.web is not None and metrics is not None:
            opened = monitoring.serve_admin(config.web, context, changes, metrics)
            await stack.enter_async_context(opened)
        public = intake.create_app(
            lambda: running.plan.hooks, accept, clock=clock, on_response=counts.answered
        )
        runner = intake.runner(public, grace=GRACE)
        listener = await stack.enter_async_context(listen(runner, config.listen, mode=EVERYBODY))
        again = Reload(
            running,
            supervisor,
            outbox,
            session=session,
            load=load or (lambda: config),
            notifier=notifier,
            clock=clock,
        )
        socket = socket_of(file_of(config.outbox), config.home)
        control = Control(reload=again, wake=wake, lanes=lambda: _lane_statuses(supervisor))
        await stack.enter_async_context(controlled(control, socket))
        ready(listener.address)
        notifier.ready(f"listens on {listener.address}")
        await _finished(
            [
                supervisor.run(outbox, clock=clock, stop=stop),
                forget(
                    outbox, older_than=lambda: running.plan.config.retention, stop=stop, clock=clock
                ),
                accept.watch(stop),
                _close(listener, notifier, stop=stop),
                monitoring.keep(notifier, stop=stop),
                again.watch(reload or asyncio.Event(), stop=stop),
            ],
            stop=stop,
        )


def _session(config: Config) -> aiohttp.ClientSession:
    """The session of all requests, by the proxy that there is. Raises ConfigError."""
    found = proxies(config.proxy, os.environ)
    if found.places:
        logger.info(
            "requests go through a proxy",
            extra={"action": "proxy", "address": ", ".join(found.places)},
        )
    return open_session(found)


def _metrics() -> Metrics:
    return Metrics(kinds=misskey.KINDS)


async def send_trial(sink: Sink, *, language: Language, now: int) -> Outcome:
    """Send a test message; ``now`` in milliseconds."""
    message = trial(at=now, language=language)
    return await sink.send(sink.layout([message]), key=f"test-{now}")


def _admin_context(
    plan: Plan,
    supervisor: LaneSupervisor,
    outbox: Outbox,
    stats: RollingStats,
    wake: Callable[[Collection[str]], None],
    examine: Examine,
    clock: Callable[[], int],
) -> AdminContext:
    config = plan.config

    async def attempt(name: str) -> Outcome:
        lane_config = plan.lane_configs[name]
        return await send_trial(lane_config.sink, language=lane_config.policy.language, now=clock())

    return AdminContext(
        outbox=outbox,
        renderer=plan.renderer,
        sinks=config.sinks,
        policies={name: lane_config.policy for name, lane_config in plan.lane_configs.items()},
        language=Language(config.locale, config.timezone),
        clock=clock,
        stats=stats,
        lanes=lambda: _lane_statuses(supervisor),
        wake=lambda name: wake([name]),
        attempt=attempt,
        hooks={name: hook.server for name, hook in config.hooks.items()},
        routes=plan.routes,
        draft=lambda drafts: Templates(config.templates, drafts=drafts),
        settings=config.effective,
        warnings=config.warnings,
        examine=lambda: examine(config),
    )


def _lane_statuses(supervisor: LaneSupervisor) -> Mapping[str, LaneStatus]:
    return {
        name: LaneStatus(is_failing=it.is_failing, rest=it.rest)
        for name, it in supervisor.lanes.items()
    }


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


async def _close(listener: Listener, notifier: Notifier, *, stop: asyncio.Event) -> None:
    """Take nothing more once ``stop`` is set: what comes now finds the next process."""
    await stop.wait()
    notifier.stopping("finishing what is in flight")
    await listener.close()
