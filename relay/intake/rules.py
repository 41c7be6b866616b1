"""Decides which sinks get an event: routes select them, their gates allow or deny it. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from relay.model import Event, Gate
from relay.outbox.records import RoutedEvent
from relay.outbox.siblings import is_change, restricts, subject_version
from relay.routing.gate import allows, denial_reason, revokes
from relay.routing.index import RouteIndex
from relay.routing.match import sinks_for

NO_ROUTE = "no route matches"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """
    The rules by which sinks get an event.

    ``hold`` is in milliseconds, and 0 where events have no siblings; ``server_bound`` are the hooks
    of one server each.
    """

    table: RouteIndex
    server_bound: Collection[str]
    gates: Mapping[str, Gate]
    alike: Mapping[Gate, Collection[str]]
    """The sinks of each gate; thousands share a few gates."""
    hold: int
    log_content: bool

    def decide(self, event: Event) -> RoutedEvent:
        """The sinks that get an event, and those that may not with the reasons."""
        selected = sinks_for(event, self.table.routes_for(event))
        withheld = {
            name: why for name in selected if (why := denial_reason(self.gates[name], event))
        }
        same = subject_version(event, server_bound=self.server_bound) if self.hold else None
        editing, withdrawn = set[str](), set[str]()
        if same is not None:
            withdrawn = {name for name in withheld if revokes(self.gates[name], event)}
            editing, closed = self._sinks_to_edit(event, selected)
            withdrawn |= closed
        return RoutedEvent(
            sinks={name: route for name, route in selected.items() if name not in withheld},
            withheld=withheld,
            no_route=None if selected else NO_ROUTE,
            hold=self.hold,
            updated_at=None if event.note is None else event.note.updated_at,
            restricts=restricts(event, server_bound=self.server_bound),
            subject_version=same,
            editing=editing,
            withdrawn=withdrawn,
        )

    def _sinks_to_edit(self, event: Event, selected: Collection[str]) -> tuple[set[str], set[str]]:
        """
        The sinks that no route selects, but that get the event as an edit of an earlier one.

        Also those of them that may not even show the earlier one any longer.
        """
        editing, withdrawn = set[str](), set[str]()
        changes = is_change(event)
        for gate, names in self.alike.items():
            if revokes(gate, event):  # whether or not it says that it is another version
                withdrawn.update(names)
            elif changes and allows(gate, event):
                editing.update(names)
        withdrawn.difference_update(selected)
        editing.difference_update(selected)
        return editing | withdrawn, withdrawn
