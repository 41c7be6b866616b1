"""Whose lanes are woken by what comes in."""

from collections.abc import Collection
from typing import Any

import pytest

from relay import misskey
from relay.intake.acceptance import Acceptance, AcceptanceRules
from relay.model import Gate, Visibility
from relay.outbox import NewEvent
from relay.routing.index import RouteIndex
from tests.fakes.misskey import a_note_event


class Answering:
    """An outbox that answers each event alike."""

    def __init__(self, answer: Collection[str] | None) -> None:
        self._answer = answer

    async def pending_count(self) -> int:
        return 0

    async def accept(self, arrival: NewEvent) -> Collection[str] | None:
        self.arrival = arrival
        return self._answer


@pytest.mark.parametrize(
    ("answer", "woken"),
    [
        pytest.param({"team"}, ["team"], id="a new change wakes those that were told of the note"),
        # The answer to the first may have been lost on the way from the database.
        pytest.param(None, ["ops", "team"], id="one that comes again wakes all that may have been"),
    ],
)
async def test_who_is_woken(answer: Collection[str] | None, woken: list[str]) -> None:
    found: list[str] = []
    outbox: Any = Answering(answer)
    gates = {"team": Gate(), "ops": Gate()}
    rules = AcceptanceRules(
        table=RouteIndex([]),
        server_bound=(),
        gates=gates,
        alike={Gate(): tuple(gates)},
        hold=300,
        max_waiting=10,
        log_content=False,
    )
    accept = Acceptance(outbox, rules=lambda: rules, wake=found.extend, clock=lambda: 0)
    raw = a_note_event(1, kind="edited", text="hello, edited").body
    await accept(misskey.parse(raw, hook="alice", now=0), raw)
    assert sorted(found) == woken


@pytest.mark.parametrize("hold", [300, 0])
async def test_a_note_that_became_private_is_taken_back_though_nothing_says_that_it_changed(
    hold: int,
) -> None:
    outbox: Any = Answering(set())
    wide = Gate(visibility=frozenset(Visibility))
    rules = AcceptanceRules(
        table=RouteIndex([]),
        server_bound=(),
        gates={"team": Gate(), "ops": wide},
        alike={Gate(): ("team",), wide: ("ops",)},
        hold=hold,
        max_waiting=10,
        log_content=False,
    )
    accept = Acceptance(outbox, rules=lambda: rules, wake=lambda sinks: None, clock=lambda: 0)
    raw = a_note_event(1, visibility="followers").body
    await accept(misskey.parse(raw, hook="alice", now=0), raw)
    arrival = outbox.arrival
    assert arrival.restricts is not None
    assert (set(arrival.withdrawn), set(arrival.editing)) == (
        ({"team"}, {"team"}) if hold else (set(), set())
    )
