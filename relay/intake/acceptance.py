"""Accepts an event: routes it, asks the gates, stores it and wakes lanes."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from relay.aio import first
from relay.errors import BrokenError, OutboxError
from relay.intake.backlog_limit import BacklogLimit
from relay.model import Event, Gate
from relay.outbox.base import Outbox
from relay.outbox.records import NewEvent
from relay.outbox.siblings import is_change, restricts, subject_version
from relay.routing.gate import allows, denial_reason, revokes
from relay.routing.index import RouteIndex
from relay.routing.match import sinks_for

logger = logging.getLogger(__name__)

LOGGED = 500  # characters of a note
USUAL = 64 * 2**10  # bytes; few events are larger


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRules:
    """
    The rules by which sinks get an event, and the limit of pending deliveries.

    ``hold`` is in milliseconds, and 0 where events have no siblings; ``server_bound`` are the hooks
    of one server each.
    """

    table: RouteIndex
    server_bound: Collection[str]
    gates: Mapping[str, Gate]
    alike: Mapping[Gate, Collection[str]]
    """The sinks of each gate; thousands share a few gates."""
    hold: int
    max_waiting: int
    log_content: bool


class Acceptance:
    """
    Commits events with their deliveries, and wakes the lanes of their sinks.

    ``rules`` returns the current rules, ``clock`` Unix milliseconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        rules: Callable[[], AcceptanceRules],
        wake: Callable[[Collection[str]], None],
        clock: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._rules = rules
        self._backlog_limit = BacklogLimit(outbox.pending_count)
        self._wake = wake
        self._clock = clock
        self._broken: BrokenError | None = None
        self._breaks = asyncio.Event()
        self._refused = 0
        self._size = 0  # bytes of the largest event that was refused
        self.refusal: str | None = None
        """Why the last event was refused; None once one as large could be stored again."""

    async def __call__(self, event: Event, raw: bytes) -> bool:
        """Commit an event; False if it had been accepted before. Raises OutboxError."""
        try:
            is_new = await self._accepted(event, raw)
        except OutboxError as error:
            self._refused += 1
            self._size = max(self._size, len(raw))
            self.refusal = str(error)
            if isinstance(error, BrokenError):
                self._broken = error
                self._breaks.set()
            raise
        if len(raw) >= self._size:
            self._trust()
        return is_new

    async def try_write(self) -> None:
        """Store trial data as large as an event that was refused. Raises OutboxError."""
        refused = self._refused
        await self._backlog_limit.check(self._rules().max_waiting, now=self._clock())
        await self._outbox.touch(max(USUAL, self._size))
        if refused == self._refused:
            self._trust()

    def _trust(self) -> None:
        self._size, self.refusal = 0, None

    async def watch(self, stop: asyncio.Event) -> None:
        """Run until ``stop``. Raises BrokenError when the outbox turns out to be broken."""
        await first(None, stop, self._breaks)
        if self._broken is not None:
            raise self._broken

    async def _accepted(self, event: Event, raw: bytes) -> bool:
        rules = self._rules()
        routed = sinks_for(event, rules.table.routes_for(event))
        withheld = {
            name: why for name in routed if (why := denial_reason(rules.gates[name], event))
        }
        chosen = {name: route for name, route in routed.items() if name not in withheld}
        same = subject_version(event, server_bound=rules.server_bound) if rules.hold else None
        editing, withdrawn = set[str](), set[str]()
        if same is not None:
            withdrawn = {name for name in withheld if revokes(rules.gates[name], event)}
            editing, closed = _sinks_to_edit(event, rules, routed)
            withdrawn |= closed
        await self._backlog_limit.check(rules.max_waiting, now=self._clock())
        taken = await self._outbox.accept(
            NewEvent(
                event=event,
                raw=raw,
                sinks=chosen,
                now=self._clock(),
                hold=rules.hold,
                restricts=restricts(event, server_bound=rules.server_bound),
                subject_version=same,
                editing=editing,
                withdrawn=withdrawn,
            )
        )
        if taken is not None:
            self._backlog_limit.add(len(chosen))
            _log(event, chosen, withheld, text=_text(event) if rules.log_content else None)
        # Also for a repeated event: it may have been stored although the answer was lost.
        self._wake([*chosen, *editing, *withdrawn] if taken is None else taken)
        return taken is not None


def _sinks_to_edit(
    event: Event, rules: AcceptanceRules, routed: Collection[str]
) -> tuple[set[str], set[str]]:
    """
    The sinks that no route selects, but that get the event as an edit of an earlier one.

    Also those of them that may not even show the earlier one any longer.
    """
    editing, withdrawn = set[str](), set[str]()
    changes = is_change(event)
    for gate, names in rules.alike.items():
        if revokes(gate, event):  # whether or not it says that it is another version
            withdrawn.update(names)
        elif changes and allows(gate, event):
            editing.update(names)
    withdrawn.difference_update(routed)
    editing.difference_update(routed)
    return editing | withdrawn, withdrawn


def _log(
    event: Event, chosen: Mapping[str, str], withheld: Mapping[str, str], *, text: str | None
) -> None:
    """Log the sinks that get an event, and those that may not with the reasons."""
    logger.info(
        "routed" if chosen or withheld else "no route matches",
        extra={
            "action": "route",
            "hook": event.hook,
            "event_id": event.id,
            "kind": event.kind,
            "sinks": ",".join(chosen) or None,
            "withheld": "; ".join(f"{name}: {why}" for name, why in withheld.items()) or None,
            "text": text,
        },
    )


def _text(event: Event) -> str | None:
    """The beginning of a note's text."""
    return None if event.note is None else (event.note.text or "")[:LOGGED]
