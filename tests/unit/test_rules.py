"""Which sinks get an event, and which get it only as an edit of an earlier one."""

import pytest

from relay import misskey
from relay.intake.rules import RoutingRules
from relay.model import Gate, Visibility
from relay.outbox.records import RoutedEvent
from relay.routing.index import RouteIndex
from relay.routing.match import Route
from tests.fakes.misskey import a_note_event

WIDE = Gate(visibility=frozenset(Visibility))


def decision(*routes: Route, hold: int = 300, **note: str) -> RoutedEvent:
    """On a note, for a sink that shows public notes and one that shows all."""
    rules = RoutingRules(
        table=RouteIndex(routes),
        server_bound=(),
        gates={"team": Gate(), "ops": WIDE},
        alike={Gate(): ("team",), WIDE: ("ops",)},
        hold=hold,
        log_content=False,
    )
    return rules.decide(misskey.parse(a_note_event(1, **note).body, hook="alice", now=0))


@pytest.mark.parametrize("hold", [300, 0])
def test_a_note_that_became_private_is_taken_back_though_nothing_says_that_it_changed(
    hold: int,
) -> None:
    made = decision(hold=hold, visibility="followers")
    assert made.restricts is not None
    assert (set(made.withdrawn), set(made.editing)) == (
        ({"team"}, {"team"}) if hold else (set(), set())
    )


def test_a_sink_that_may_not_show_an_event_is_named_with_the_reason() -> None:
    made = decision(Route(name="all", to=("team", "ops")), visibility="followers")
    assert (made.sinks, [*made.withheld], made.no_route) == ({"ops": "all"}, ["team"], None)


def test_an_event_that_no_route_matches_says_so() -> None:
    made = decision()
    assert (made.sinks, made.withheld, made.no_route) == ({}, {}, "no route matches")
