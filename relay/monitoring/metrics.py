"""
Counts what happens, for Prometheus. Only this module imports its library.

https://prometheus.io/docs/practices/naming/
"""

import logging
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from relay.delivery.lane import LaneStatus
from relay.errors import OutboxError
from relay.intake.server import HookResponse
from relay.monitoring.health import HealthCheck
from relay.monitoring.sink_status import SinkState, SinkStatus, sink_statuses
from relay.outbox.base import Outbox
from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State

logger = logging.getLogger(__name__)

OTHER = "other"
"""Stands for every unknown kind, because a sender could make up kinds without end."""
OUTCOMES = (Sent, RateLimited, Failed, Rejected, Closed)

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds; Misskey gives up after five."""
LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
"""Seconds; a chat may be down for days."""


class Metrics:
    """Counters in a registry of their own, so that two instances do not collide."""

    def __init__(self, *, kinds: Collection[str]) -> None:
        self._kinds = kinds
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Info("relay_build", "Which relay this is", registry=registry)
        build.info({"version": version("relay"), "python": platform.python_version()})
        self._events = Counter(
            "relay_events_total",
            "Requests to hooks, by the status of their answer",
            ["hook", "kind", "answer"],
            registry=registry,
        )
        self._polls = Counter(
            "relay_polls_total",
            "Requests for a list of Misskey's API, by their outcome",
            ["hook", "list", "outcome"],
            registry=registry,
        )
        self._intake = Histogram(
            "relay_intake_seconds",
            "From a request to its answer",
            buckets=QUICK,
            registry=registry,
        )
        self._attempts = Counter(
            "relay_attempts_total",
            "Attempts at deliveries, by how they ended",
            ["sink", "outcome"],
            registry=registry,
        )
        self._deliveries = Counter(
            "relay_deliveries_total",
            "Deliveries that have ended, by their last attempt: Sent, or a dead letter",
            ["sink", "outcome"],
            registry=registry,
        )
        self._latency = Histogram(
            "relay_delivery_seconds",
            "From the acceptance of an event until a sink has it",
            ["sink"],
            buckets=LONG,
            registry=registry,
        )
        self._waits = Counter(
            "relay_rate_limit_wait_seconds_total",
            "Rest that the vendor asked for",
            ["sink"],
            registry=registry,
        )
        self._ready = Gauge(
            "relay_ready", "Whether events can be stored and nothing hangs", registry=registry
        )
        self._backlog = Gauge("relay_backlog", "Deliveries that wait", ["sink"], registry=registry)
        self._oldest = Gauge(
            "relay_oldest_waiting_seconds",
            "For how long the first delivery in line has waited",
            ["sink"],
            registry=registry,
        )
        self._state = Gauge(
            "relay_sink_state", "1 for the state of a sink", ["sink", "state"], registry=registry
        )

    def add_sink(self, sink: str) -> None:
        """Start the counters of a sink at 0: ``increase()`` misses a series that starts at 1."""
        self._waits.labels(sink)
        self._latency.labels(sink)
        for outcome in OUTCOMES:
            self._attempts.labels(sink, outcome.__name__)
        for outcome in (Sent, Failed, Rejected):
            self._deliveries.labels(sink, outcome.__name__)

    def on_response(self, response: HookResponse) -> None:
        """Count the response to a request."""
        kind = response.kind if response.kind in self._kinds else response.kind and OTHER
        self._events.labels(response.hook, kind, str(response.status)).inc()
        self._intake.observe(response.seconds)

    def on_poll(self, hook: str, polled: str, outcome: str) -> None:
        """Count an attempt to read a list."""
        self._polls.labels(hook, polled, outcome).inc()

    def on_settled(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """Count an attempt that has ended, and its settled deliveries."""
        name = type(outcome).__name__
        if isinstance(outcome, Sent | RateLimited):
            self._waits.labels(settled[0].sink).inc(outcome.pause)
        for delivery in settled:
            sink, seconds = delivery.sink, (delivery.due_at - delivery.accepted_at) / 1000
            self._attempts.labels(sink, name).inc()
            if delivery.state is not State.PENDING:
                self._deliveries.labels(sink, name).inc()
            if delivery.state is State.DELIVERED:
                self._latency.labels(sink).observe(max(0.0, seconds))

    def render(
        self, *, is_ready: bool, statuses: Iterable[SinkStatus], now: int
    ) -> tuple[bytes, str]:
        """All metrics in Prometheus's text format, and its content type."""
        self._ready.set(is_ready)
        for gauge in (self._backlog, self._oldest, self._state):
            gauge.clear()  # better no value than an old one
        for status in statuses:
            self._backlog.labels(status.name).set(status.pending)
            self._oldest.labels(status.name).set(status.oldest(now))
            for state in SinkState:
                self._state.labels(status.name, state).set(status.state is state)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    async def scrape(
        self,
        health_check: HealthCheck,
        outbox: Outbox,
        lanes: Mapping[str, LaneStatus],
        *,
        now: int,
    ) -> tuple[bytes, str]:
        """The metrics as text, with the state of all sinks unless relay is not ready."""
        report = await health_check.check()
        statuses: Sequence[SinkStatus] = ()
        if report.is_ready:
            try:
                statuses = await sink_statuses(outbox, lanes, lanes)
            except OutboxError as error:
                logger.error("outbox fails", extra={"action": "scrape", "reason": str(error)})
        return self.render(is_ready=report.is_ready, statuses=statuses, now=now)
