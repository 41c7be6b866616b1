"""What a configuration becomes, where one sink depends on another."""

from pathlib import Path
from typing import Any, cast

from relay.app.plan import Plan
from relay.config import parse
from relay.sinks.pacing import Pace

CONFIG = """
hooks: {alice: {secret: a-long-secret}}
sinks:
  team: {type: discord, url: "https://discord.example/api/webhooks/1/one"}
  quiet: {type: discord, url: "https://discord.example/api/webhooks/1/one", rate: 1/10s}
  other: {type: discord, url: "https://discord.example/api/webhooks/2/two"}
routes: [{to: [team, quiet, other]}]
"""


def plan(text: str = CONFIG, *, before: Plan | None = None) -> Plan:
    config = parse(text, file="config.yaml", base=Path(), environ={})
    return Plan.build(config, salt="salt", session=cast(Any, None), before=before)


def pace(of: Plan, sink: str) -> Pace:
    return of.lane_configs[sink].policy.pace


def test_sinks_of_one_webhook_share_what_has_left_and_each_keeps_to_its_own_rate() -> None:
    found = plan()
    pace(found, "team").note(now=0.0)
    assert [pace(found, name).pause(now=1.0) for name in ("team", "quiet", "other")] == [0, 9, 0]


def test_after_a_reload_what_has_left_is_known() -> None:
    before = plan()
    pace(before, "quiet").note(now=0.0)
    pace(before, "other").rest_everywhere(30.0, now=0.0)
    after = plan(CONFIG.replace("1/10s", "1/50s"), before=before)
    assert pace(after, "quiet").pause(now=1.0) == 49
    assert pace(after, "team").pause(now=1.0) == 29


def test_who_shares_a_limit_is_carried_together() -> None:
    assert [sorted(group) for group in plan().groups] == [["quiet", "team"], ["other"]]
