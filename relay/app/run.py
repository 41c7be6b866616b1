"""Builds all parts of relay in one place, runs them, and ends them in one scope."""

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
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from relay import misskey
from relay.admin.context import AdminContext
from relay.app.control import Control, controlled, socket_of
from relay.app.plan import Plan, Running
from relay.app.polling import PollerFactory
from relay.app.reload import Reload, reopen
from relay.config import Config, WebSettings
from relay.delivery import outcome_log
from relay.delivery.lane import Lane
from relay.delivery.lane_config import LaneConfig
from relay.delivery.lanes import LaneSupervisor
from relay.doctor.findings import Finding
from relay.errors import BrokenError
from relay.i18n import Language
from relay.intake import server as intake
from relay.intake.acceptance import Acceptance
from relay.intake.backlog_limit import BacklogLimit
from relay.intake.router import Router
from relay.listener import EVERYBODY, OWNER, UNIX, BoundedRunner, Listener, listen
from relay.monitoring.changes import Changes
from relay.monitoring.health import HealthCheck
from relay.monitoring.null_metrics import NullMetrics
from relay.monitoring.rolling import RollingStats
from relay.monitoring.systemd import Notifier
from relay.outbox import Outbox, file_of, serve_outbox
from relay.outbox.lifecycle import prune_expired
from relay.outcome import Delivery, Outcome
from relay.polling.polls import Polls
from relay.rendering.blocks import trial
from relay.rendering.templates import Templates
from relay.sinks import Sink
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies

if TYPE_CHECKING:
    from relay.monitoring.metrics import Metrics

logger = logging.getLogger(__name__)

GRACE = 10.0  # seconds to finish what is in flight
SILENT = Notifier({})


Examine = Callable[[Config], Awaitable[Sequence[Finding]]]


async def _no_findings(config: Config) -> Sequence[Finding]:
    return ()


def unix_milliseconds() -> int:
    return time.time_ns() // 1_000_000


async def run(
    config: Config,
    *,
    stop: asyncio.Event,
    ready: Callable[[str], None] = lambda address: None,
    notifier: Notifier = SILENT,
    examine: Examine = _no_findings,
    clock: Callable[[], int] = unix_milliseconds,
    load: Callable[[], Config] | None = None,
    reload: asyncio.Event | None = None,
) -> None:
    """
    Serve until ``stop`` is set, then finish what is in flight; the rest waits in the outbox.

    ``ready`` is called with the public address once events can be stored; ``examine`` finds
    problems of the set-up for the page. When ``reload`` is set, ``load`` reads the configuration
    again. Raises ConfigError where it cannot start, BrokenError where the outbox broke.
    """
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(serve_outbox(config.outbox, now=clock()))
        session = await stack.enter_async_context(_session(config))
        metrics = None if config.web is None else _metrics()
        counters = NullMetrics() if metrics is None else metrics
        changes, stats = Changes(), RollingStats(clock=clock)

        def on_settled(settled: Sequence[Delivery], outcome: Outcome) -> None:
            changes.notify()
            stats.count(settled, outcome)
            counters.on_settled(settled, outcome)
            outcome_log.log(settled, outcome, now=clock())

        def new_lane(name: str, lane_config: LaneConfig) -> Lane:
            counters.add_sink(name)
            return Lane(name, lane_config, outbox=outbox, clock=clock, on_settled=on_settled)

        running = Running(Plan.build(config, salt=outbox.id, session=session))
        supervisor = LaneSupervisor(new_lane)
        supervisor.change(running.plan.lane_configs, running.plan.groups)
        await reopen(outbox, running.plan.lane_configs, now=clock())

        def wake(names: Collection[str]) -> None:
            changes.notify()
            supervisor.wake(names)

        backlog_limit = BacklogLimit(outbox.pending_count)
        router = Router(outbox, backlog_limit, rules=lambda: running.plan.rules, wake=wake)
        accept = Acceptance(
            outbox,
            backlog_limit,
            max_waiting=lambda: running.plan.config.max_waiting,
            on_accepted=router.notify,
            clock=clock,
        )
        polls = Polls(owns=outbox.owns, clock=clock)
        factory = PollerFactory(
            outbox=outbox,
            session=session,
            check_room=lambda: backlog_limit.check(running.plan.config.max_waiting, now=clock()),
            on_polled=router.notify,
            on_step=counters.on_poll,
            clock=clock,
        )
        polls.change(factory.pollers(config))
        health_check = HealthCheck(
            accept, lambda: {"the router": router.heartbeat, **supervisor.heartbeats()}
        )
        stack.push_async_callback(health_check.close)

        def context() -> AdminContext:
            return _admin_context(running.plan, supervisor, outbox, stats, wake, examine, clock)

        if config.web is not None and metrics is not None:
            page = _listen_for_operators(
                config.web,
                context,
                changes,
                health_check,
                scrape=lambda: metrics.scrape(
                    health_check, outbox, supervisor.statuses(), now=clock()
                ),
            )
            address = (await stack.enter_async_context(page)).address
            logger.info("web is open", extra={"action": "listen", "address": address})
        door = intake.Door(
            lambda: running.plan.hooks, accept, clock=clock, on_response=counters.on_response
        )
        runner = intake.runner(door, grace=GRACE)
        listener = await stack.enter_async_context(listen(runner, config.listen, mode=EVERYBODY))
        again = Reload(
            running,
            supervisor,
            outbox,
            session=session,
            on_change=lambda changed: polls.change(factory.pollers(changed)),
            load=load or (lambda: config),
            notifier=notifier,
            clock=clock,
        )
        socket = socket_of(file_of(config.outbox), config.home)

        def wake_all(names: Collection[str]) -> None:
            wake(names)
            polls.wake(names)

        control = Control(reload=again, wake=wake_all, lanes=supervisor.statuses)
        await stack.enter_async_context(controlled(control, socket))
        ready(listener.address)
        notifier.ready(f"listens on {listener.address}")
        await _run_until(
            [
                supervisor.run(outbox, clock=clock, stop=stop),
                prune_expired(
                    outbox, older_than=lambda: running.plan.config.retention, stop=stop, clock=clock
                ),
                accept.watch(stop),
                router.run(stop, crowd=accept.crowd),
                polls.run(stop),
                _close(listener, notifier, stop=stop),
                health_check.feed_watchdog(notifier, stop=stop),
                again.watch(reload or asyncio.Event(), stop=stop),
            ],
            stop=stop,
        )


def _metrics() -> "Metrics":
    from relay.monitoring.metrics import Metrics  # late: see tests/unit/test_late_imports.py

    return Metrics(kinds=misskey.KINDS)


def _session(config: Config) -> aiohttp.ClientSession:
    """The HTTP session of all sinks, through the configured proxies. Raises ConfigError."""
    routes = proxies(config.proxy, os.environ)
    if routes.places:
        logger.info(
            "requests go through a proxy",
            extra={"action": "proxy", "address": ", ".join(routes.places)},
        )
    return open_session(routes)


def _listen_for_operators(
    settings: WebSettings,
    context: Callable[[], AdminContext],
    changes: Changes,
    health_check: HealthCheck,
    *,
    scrape: Callable[[], Awaitable[tuple[bytes, str]]],
) -> AbstractAsyncContextManager[Listener]:
    """Open the listener of the page, of ``/metrics`` and of the health checks."""
    from relay.admin.app import create_app  # late: see tests/unit/test_late_imports.py

    app = create_app(
        password=settings.password,
        hosts=_hosts(settings),
        check_health=health_check.check,
        scrape=scrape,
        context=context,
        changes=changes,
    )
    runner = BoundedRunner(app, access_log=None, auto_decompress=False)
    return listen(runner, settings.listen, mode=OWNER)


def _hosts(settings: WebSettings) -> set[str] | None:
    """The host names that requests may have; None on a socket, which no browser reaches."""
    if settings.listen.startswith(UNIX):
        return None
    own = urlsplit(f"//{settings.listen}").hostname or ""
    return {own, *(host.lower() for host in settings.hosts)}


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
        lanes=supervisor.statuses,
        wake=lambda name: wake([name]),
        attempt=attempt,
        hooks={name: hook.server for name, hook in config.hooks.items()},
        routes=plan.routes,
        draft=lambda drafts: Templates(config.templates, drafts=drafts),
        settings=config.effective,
        warnings=config.warnings,
        examine=lambda: examine(config),
    )


async def _run_until(work: Iterable[Coroutine[None, None, None]], *, stop: asyncio.Event) -> None:
    """
    Run everything until ``stop``, and then until it is done or the grace period is over.

    If one part fails all are cancelled. Raises BrokenError if the outbox broke.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(part) for part in work]
            await stop.wait()
            _, unfinished = await asyncio.wait(running, timeout=GRACE)
            for task in unfinished:
                task.cancel()
    except BaseExceptionGroup as group:
        raise _first_of(BrokenError, group) or group from None


def _first_of(kind: type[BaseException], error: BaseException) -> BaseException | None:
    """The first error of a kind in an exception group, at any depth."""
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, kind) else None
    matches = (_first_of(kind, member) for member in error.exceptions)
    return next((match for match in matches if match is not None), None)


async def _close(listener: Listener, notifier: Notifier, *, stop: asyncio.Event) -> None:
    """Close the listener once ``stop`` is set, so that new requests reach the next process."""
    await stop.wait()
    notifier.stopping("finishing what is in flight")
    await listener.close()
