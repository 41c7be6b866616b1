"""Stands in for ``Metrics`` where nobody asks for metrics, so that their library is not loaded."""

from collections.abc import Sequence

from relay.outcome import Delivery, Outcome


class NullMetrics:
    """Counts nothing."""

    def add_sink(self, sink: str) -> None:
        """See ``Metrics.add_sink``."""

    def on_response(self, response: object) -> None:
        """See ``Metrics.on_response``."""

    def on_poll(self, hook: str, polled: str, outcome: str) -> None:
        """See ``Metrics.on_poll``."""

    def on_settled(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """See ``Metrics.on_settled``."""
