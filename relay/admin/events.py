"""Events with their deliveries, as the list and the page of one show them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from relay.admin.attention import SinkView
from relay.admin.summary import Summary, summarize
from relay.admin.why import Why, why
from relay.outcome import Attempt, Delivery, State

WORST_FIRST = ("bad", "wait", "mute")
FOLDED = 3
"""So many equal attempts in a row are shown as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDelivery:
    """A delivery with the reason why it has not arrived."""

    delivery: Delivery
    why: Why | None

    @property
    def look(self) -> str:
        """The name of its state on pages."""
        if self.delivery.merged is not None:
            return "merged"
        if self.delivery.edits is not None and self.delivery.state is State.DELIVERED:
            return "changed"
        return self.delivery.state


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEvent:
    """An event with its deliveries, in the order of their ids."""

    deliveries: Sequence[ShownDelivery]
    summary: Summary

    @property
    def first(self) -> Delivery:
        return self.deliveries[0].delivery

    @property
    def key(self) -> int:
        return self.first.id

    @property
    def level(self) -> str:
        """The worst level of its deliveries; empty if nothing is wrong."""
        levels = {item.why.level for item in self.deliveries if item.why}
        return next((level for level in WORST_FIRST[:2] if level in levels), "")

    @property
    def worst(self) -> Delivery:
        """The delivery to which the row leads."""
        ranks = {level: rank for rank, level in enumerate(WORST_FIRST)}
        levels = [ranks[item.why.level] if item.why else len(ranks) for item in self.deliveries]
        return self.deliveries[levels.index(min(levels))].delivery


def shown_events(
    deliveries: Iterable[Delivery], sinks: Mapping[str, SinkView], *, now: int
) -> Sequence[ShownEvent]:
    """The events of deliveries, in the order of the first delivery of each."""
    by_event: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in deliveries:
        by_event.setdefault((delivery.hook, delivery.event_id), []).append(delivery)
    return [
        ShownEvent(
            deliveries=[
                ShownDelivery(delivery=each, why=why(each, sinks.get(each.sink), now=now))
                for each in sorted(group, key=lambda delivery: delivery.id)
            ],
            summary=summarize(group[0]),
        )
        for group in by_event.values()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """Equal attempts in a row; shown as one if they are many."""

    attempts: Sequence[Attempt]

    @property
    def first(self) -> Attempt:
        return self.attempts[0]

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]

    @property
    def took(self) -> tuple[int, int]:
        """The shortest and the longest, in milliseconds."""
        lengths = [attempt.took for attempt in self.attempts]
        return min(lengths), max(lengths)


def folded(attempts: Sequence[Attempt]) -> Sequence[Tries]:
    """Attempts in their order, those with the same outcome and reason together."""
    groups: list[list[Attempt]] = []
    for attempt in attempts:
        last = groups[-1][-1] if groups else None
        if last and (last.outcome, last.reason) == (attempt.outcome, attempt.reason):
            groups[-1].append(attempt)
        else:
            groups.append([attempt])
    return [
        Tries(attempts=part)
        for group in groups
        for part in ([group] if len(group) >= FOLDED else [[attempt] for attempt in group])
    ]


@dataclass(frozen=True, slots=True)
class Dot:
    """An attempt on the line of time, from 0 to 500."""

    x: float
    is_good: bool


def dots(attempts: Sequence[Attempt], until: int | None) -> Sequence[Dot]:
    """Attempts on a line of time that ends with the next one, at ``until``."""
    if not attempts:
        return ()
    start = attempts[0].at
    length = max(until or 0, attempts[-1].at) - start or 1
    return [
        Dot(round(500 * (attempt.at - start) / length, 1), attempt.outcome == "Sent")
        for attempt in attempts
    ]
