"""A relay that nobody can ask for metrics counts nothing."""

from collections.abc import Sequence

from relay.outcome import Delivery, Outcome


class Uncounted:
    """Takes what ``Metrics`` would count."""

    def begin(self, sink: str) -> None:
        """See ``Metrics.begin``."""

    def answered(self, answered: object) -> None:
        """See ``Metrics.answered``."""

    def settled(self, settled: Sequence[Delivery], outcome: Outcome) -> None:
        """See ``Metrics.settled``."""
