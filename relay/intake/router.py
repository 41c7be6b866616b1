"""Routes the events of the journal, in the order in which they came, and wakes the lanes."""

import asyncio
import logging
import math
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from relay import misskey
from relay.aio import Heartbeat, first
from relay.errors import BrokenError, FormatError, OutboxError
from relay.intake.backlog_limit import BacklogLimit
from relay.intake.rules import RoutingRules
from relay.model import Event
from relay.outbox.base import Outbox
from relay.outbox.records import JournalEntry, RoutedEvent

logger = logging.getLogger(__name__)

LIMIT = 50  # events in one commit
SLICE = 0.001  # seconds of work after which requests get their turn
SHARE = 0.02  # of the time, while a crowd waits at the door: lanes need ten times as much for it
BURST = 15.0  # seconds; a crowd that waits for longer is a lasting load
SHARE_LATER = 0.5  # of the time from then on, so that the journal does not grow for ever
CROWD = 2  # requests that wait at the same time
GATHER = 0.003  # seconds in which others may follow the first event, to share its commit
GLANCE = 0.01  # seconds between two looks at the door
SWEEP = 30.0  # seconds between two looks for events that another node left
PAUSES = (0.1, 0.5, 1.0, 5.0, 30.0)  # seconds after the first, second, ... failure in a row
HANGS = 120.0  # seconds without a round
LOGGED = 500  # characters of a note
BUG = "a bug in relay"


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision on an event, and the event, if it could be read."""

    entry: JournalEntry
    event: Event | None
    decision: RoutedEvent


class Router:
    """
    The task that gives the sinks what the journal has.

    ``rules`` returns the current rules, ``monotonic`` seconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        backlog_limit: BacklogLimit,
        *,
        rules: Callable[[], RoutingRules],
        wake: Callable[[Collection[str]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._backlog_limit = backlog_limit
        self._rules = rules
        self._wake = wake
        self._monotonic = monotonic
        self.heartbeat = Heartbeat(monotonic=monotonic)
        self._has_work = asyncio.Event()
        self._routed: list[Routed] = []
        self._bugs = 0  # in a row

    def notify(self) -> None:
        """Route the events that were journaled since."""
        self._has_work.set()

    async def run(self, stop: asyncio.Event, *, crowd: Callable[[], int]) -> None:
        """
        Route until ``stop``: the rest is left to the next start.

        ``crowd`` returns the most requests that waited together since it was last called: to a
        crowd the router leaves most of the time. Raises BrokenError if the outbox is broken.
        """
        failures, caught_up_at = 0, self._monotonic()
        while not stop.is_set():
            self.heartbeat.beat(within=HANGS)
            began = self._monotonic()
            try:
                has_more = await self.route()
            except BrokenError:
                raise
            except OutboxError as error:
                logger.error("outbox fails", extra={"action": "route_retry", "reason": str(error)})
                await first(PAUSES[min(failures, len(PAUSES) - 1)], stop)
                failures += 1
                continue
            failures = 0
            share = SHARE if began - caught_up_at < BURST else SHARE_LATER
            rest = (self._monotonic() - began) * (1 / share - 1)
            await self._give_way(min(rest, BURST), crowd, stop)
            if not has_more:
                await first(SWEEP, stop, self._has_work)
                await first(GATHER, stop)
                caught_up_at = self._monotonic()
        self.heartbeat.beat(within=math.inf)

    async def _give_way(self, rest: float, crowd: Callable[[], int], stop: asyncio.Event) -> None:
        """Rest for so many seconds at most, while a crowd waits."""
        rested_at = self._monotonic() + rest
        while crowd() >= CROWD and self._monotonic() < rested_at and not stop.is_set():
            await first(GLANCE, stop)

    async def route(self) -> bool:
        """Route the oldest events in one commit; True if more may wait. Raises OutboxError."""
        self._has_work.clear()
        self._routed = []
        try:
            batch = await self._outbox.route(self._decide, limit=1 if self._bugs else LIMIT)
        except OutboxError:
            # The answer to a commit may have been lost.
            self._wake({name for routed in self._routed for name in _sinks(routed.decision)})
            raise
        except Exception as error:
            _log_bug(error)
            self._bugs += 1
            raise OutboxError(BUG) from None
        self._bugs = 0
        more = sum(len(routed.decision.sinks) - 1 for routed in self._routed)
        self._backlog_limit.add(more)
        with_text = self._rules().log_content
        for routed in self._routed:
            _log(routed, with_text=with_text)
        self._wake(batch.sinks)
        return batch.has_more

    async def _decide(self, entries: Sequence[JournalEntry]) -> Sequence[RoutedEvent]:
        rules, began, decided = self._rules(), self._monotonic(), list[Routed]()
        for entry in entries:
            decided.append(self._decision(entry, rules))
            if self._monotonic() - began >= SLICE:
                await asyncio.sleep(0)
                began = self._monotonic()
        self._routed = decided
        return [routed.decision for routed in decided]

    def _decision(self, entry: JournalEntry, rules: RoutingRules) -> Routed:
        """
        Read an event and decide; one that cannot be read gets no sink, and the reason is stored.

        So does one for which the outbox failed twice by a bug: otherwise all others would wait.
        """
        event, reason = None, BUG
        if self._bugs < 2:
            try:
                event = misskey.parse(
                    entry.raw, hook=entry.hook, server=entry.server, now=entry.accepted_at
                )
                return Routed(entry, event, rules.decide(event))
            except FormatError as error:
                reason = str(error)
            except Exception as error:
                _log_bug(error)
        return Routed(entry, None, RoutedEvent(no_route=f"cannot be routed: {reason}"))


def _sinks(decision: RoutedEvent) -> Collection[str]:
    return {*decision.sinks, *decision.editing, *decision.withdrawn}


def _log_bug(error: Exception) -> None:
    # Frames without the error's text: that can hold parts of an event.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("bug", extra={"action": "bug", "trace": frames})


def _log(routed: Routed, *, with_text: bool) -> None:
    """Log the sinks that get an event, and those that may not with the reasons."""
    entry, event, decision = routed.entry, routed.event, routed.decision
    if event is None:
        logger.error(
            "not routed",
            extra={
                "action": "unroutable",
                "hook": entry.hook,
                "event_id": entry.event_id,
                "kind": entry.kind,
                "reason": decision.no_route,
            },
        )
        return
    withheld = "; ".join(f"{name}: {why}" for name, why in decision.withheld.items())
    logger.info(
        decision.no_route or "routed",
        extra={
            "action": "route",
            "hook": entry.hook,
            "event_id": entry.event_id,
            "kind": entry.kind,
            "sinks": ",".join(decision.sinks) or None,
            "withheld": withheld or None,
            "text": (event.note.text or "")[:LOGGED] if with_text and event.note else None,
        },
    )
