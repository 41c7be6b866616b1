"""
What is counted, in Prometheus's form. Only this module knows its library.

https://prometheus.io/docs/practices/naming/
"""

import platform
from collections.abc import Collection, Iterable, Sequence
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

from relay.intake.server import HookResponse
from relay.monitoring.sink_status import SinkState, SinkStatus
from relay.outcome import Closed, Delivery, Failed, Outcome, RateLimited, Rejected, Sent, State

OTHER = "other"
"""Every kind that is not known: who knows a secret can send names without end."""
OUTCOMES = (Sent, RateLimited, Failed, Rejected, Closed)

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds; Misskey gives up after five."""
LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
"""Seconds; a chat may be down for days."""


class Metrics:
    """Counts in a registry of its own, so that two of them never meet."""

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
            "relay_ready", "Whether events can be stored and no lane is stuck", registry=registry
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

    def begin(self, sink: str) -> None:
        """Let counters begin with 0: where a series is missing, nothing can increase."""
        self._waits.labels(sink)
        self._latency.labels(sink)
        for outcome in OUTCOMES:
            self._attempts.labels(sink, outcome.__name__)
        for outcome in (Sent, Failed, Rejected):
            self._deliveries.labels(sink, outcome.__name__)

    def answered(self, answered: HookResponse) -> None:
        """A request to a hook has its answer."""
        kind = answered.kind if answered.kind in self._kinds else answered.kind and OTHER
        self._events.labels(answered.hook, kind, str(answered.status)).inc()
        self._intake.observe(answered.seconds)

    def settled(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """An attempt has ended, and made this of its deliveries."""
        name = type(outcome).__name__
        if isinstance(outcome, Sent | RateLimited):
            self._waits.labels(settled[0].sink).inc(outcome.pause)
        for one in settled:
            self._attempts.labels(one.sink, name).inc()
            if one.state is not State.PENDING:
                self._deliveries.labels(one.sink, name).inc()
            if one.state is State.DELIVERED:
                self._latency.labels(one.sink).observe(max(0, one.due_at - one.accepted_at) / 1000)

    def written(
        self, *, is_ready: bool, statuses: Iterable[SinkStatus], now: int
    ) -> tuple[bytes, str]:
        """Everything, with how it stands now, and its content type."""
        self._ready.set(is_ready)
        for gauge in (self._backlog, self._oldest, self._state):
            gauge.clear()  # rather nothing than what was true before
        for status in statuses:
            self._backlog.labels(status.name).set(status.pending)
            self._oldest.labels(status.name).set(status.oldest(now))
            for state in SinkState:
                self._state.labels(status.name, state).set(status.state is state)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class NullMetrics:
    """Takes what ``Metrics`` would count."""

    def begin(self, sink: str) -> None:
        """See ``Metrics.begin``."""

    def answered(self, answered: object) -> None:
        """See ``Metrics.answered``."""

    def settled(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """See ``Metrics.settled``."""
