"""The state of a sink, and that metrics, the operator's page and ``relay sinks`` agree on it."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from relay.admin.sinks import rows
from relay.cli.sinks import json_row, reports
from relay.config import Config, parse
from relay.delivery.lane import LaneStatus
from relay.monitoring.health import HealthCheck
from relay.monitoring.metrics import Metrics
from relay.monitoring.sink_status import SinkState, sink_state
from relay.outbox import Backlog, ClosedSink
from relay.outcome import Attempt
from tests.page import admin_context

NOW = 1_795_309_600_000
ALERTS = Path("deploy/alerts.yaml")
CONFIG = "hooks: {alice: {secret: a-long-enough-secret}}\nsinks: {%s: {type: console}}\n"


class Outbox:
    """One sink, ``team``, with a backlog."""

    def __init__(self, *, is_paused: bool, is_closed: bool) -> None:
        self.is_paused = is_paused
        self.is_closed = is_closed

    async def touch(self, size: int = 0) -> None:
        pass

    async def backlog(self) -> Mapping[str, Backlog]:
        return {"team": Backlog(number=3, since=NOW - 2000)}

    async def paused_sinks(self) -> Mapping[str, int]:
        return {"team": NOW - 1000} if self.is_paused else {}

    async def closed_sinks(self) -> Sequence[ClosedSink]:
        closed = ClosedSink(name="team", reason="404", fingerprint="f", closed_at=NOW - 500)
        return [closed] if self.is_closed else []

    async def last_failures(self) -> Mapping[str, Attempt]:
        return {}

    async def counts(self) -> Mapping[tuple[str, str], int]:
        return {("team", "pending"): 3}

    async def due_at(self, sink: str) -> int | None:
        return NOW


class Intake:
    """An intake that can store everything."""

    refusal = None

    async def try_write(self) -> None:
        pass


async def state_in_metrics(outbox: Any, lanes: Mapping[str, LaneStatus]) -> set[tuple[str, str]]:
    """Sinks and their states, of which exactly one is 1."""
    health_check = HealthCheck(Intake(), dict)
    text, _ = await Metrics(kinds=()).scrape(health_check, outbox, lanes, now=NOW)
    await health_check.close()
    states = re.findall(r'relay_sink_state\{sink="(\w+)",state="(\w+)"\} 1\.0', text.decode())
    assert 'relay_backlog{sink="team"} 3.0' in text.decode()
    return set(states)


async def state_on_page(outbox: Any, config: Config, lanes: Any) -> set[tuple[str, str]]:
    now = admin_context(outbox, config, [])
    object.__setattr__(now, "lanes", lambda: lanes)
    return {(row.status.name, row.status.state) for row in await rows(now)}


async def state_in_cli(outbox: Any, config: Config, lanes: Any) -> set[tuple[str, str]]:
    lines = [json_row(line, now=NOW) for line in await reports(config, outbox, lanes)]
    return {(line["sink"], line["state"]) for line in lines}


@pytest.mark.parametrize(
    ("is_configured", "is_paused", "is_closed", "is_failing"), [*product([True, False], repeat=4)]
)
async def test_metrics_page_and_cli_report_the_same_state(
    is_configured: bool, is_paused: bool, is_closed: bool, is_failing: bool
) -> None:
    name = "team" if is_configured else "other"
    config = parse(CONFIG % name, file="config.yaml", base=Path("/"), environ={})
    outbox = Outbox(is_paused=is_paused, is_closed=is_closed)
    lanes = {name: LaneStatus(is_failing=is_failing)}
    state = sink_state(
        is_configured=is_configured,
        is_paused=is_paused,
        is_closed=is_closed,
        is_failing=is_failing,
    )
    expected = {("team", str(state))}
    if not is_configured:
        expected.add(("other", "failing" if is_failing else "ok"))
    assert await state_in_metrics(outbox, lanes) == expected
    assert await state_on_page(outbox, config, lanes) == expected
    assert await state_in_cli(outbox, config, lanes) == expected


@pytest.mark.parametrize(
    ("holds", "state"),
    [
        ((), SinkState.OK),
        (("is_failing",), SinkState.FAILING),
        (("is_closed", "is_failing"), SinkState.CLOSED),
        (("is_paused", "is_closed", "is_failing"), SinkState.PAUSED),
    ],
)
def test_what_an_operator_paused_is_neither_closed_nor_failing(
    holds: tuple[str, ...], state: SinkState
) -> None:
    facts = {name: name in holds for name in ("is_paused", "is_closed", "is_failing")}
    assert sink_state(is_configured=True, **facts) is state
    assert sink_state(is_configured=False, **facts) is SinkState.ORPHANED


def test_the_alerts_ask_for_states_that_there_are() -> None:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    assert rules["RelaySinkClosed"] == 'relay_sink_state{state="closed"} == 1'
    asked = set(re.findall(r'relay_sink_state\{state="(\w+)"\}', " ".join(rules.values())))
    assert asked <= set(SinkState)
