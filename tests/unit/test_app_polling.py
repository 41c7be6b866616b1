"""Which lists are asked for: by the tokens of hooks, and the events that routes name."""

from pathlib import Path

import pytest

from relay.app.plan import Plan
from relay.app.polling import groups, poll_configs
from relay.config import Config, parse

TOKEN = "a-token-of-thirty-two-characters"


def config(routes: str, *, hook: str = "", interval: str = "2m") -> Config:
    text = f"""
hooks:
  alice:
    server: https://misskey.example
    token: {TOKEN}
    poll_interval: {interval}
    notifications: [pollEnded]
    {hook}
  bob: {{secret: a-long-secret}}
sinks: {{team: {{type: discord, url: "https://d.ex/webhooks/1/x", moderation: true}}}}
routes: [{routes}]
"""
    return parse(text, file="config.yaml", base=Path(), environ={})


@pytest.mark.parametrize(
    ("routes", "lists"),
    [
        pytest.param("{to: team}", ["notifications"], id="everything"),
        pytest.param("{match: {event: [mention, follow]}, to: team}", ["notifications"], id="some"),
        pytest.param("{match: {event: [note]}, to: team}", ["notes"], id="own notes only"),
        pytest.param("{match: {event: note}, to: team}, {to: team}", ["notifications", "notes"],
                     id="own notes and everything"),
        pytest.param("{match: {event: [abuseReport, userCreated]}, to: team}",
                     ["reports", "users"], id="a moderator's"),
        pytest.param("{match: {event: abuseReportResolved}, to: team}", ["resolutions"],
                     id="the ends of reports"),
        pytest.param("{match: {hook: bob, event: note}, to: team}", ["notifications"],
                     id="own notes of another hook"),
    ],
)  # fmt: skip
def test_the_lists_follow_from_the_routes(routes: str, lists: list[str]) -> None:
    polled = [*poll_configs(config(routes))]
    assert [each.list.name for each in polled] == lists
    assert {(each.hook, each.server, each.interval) for each in polled} == {
        ("alice", "https://misskey.example", 120.0)
    }
    assert polled[0].types == {"pollEnded"}


def test_a_hook_without_a_secret_has_no_door_and_is_assigned_like_a_sink() -> None:
    asking, both = config("{to: team}"), config("{to: team}", hook="secret: s3cret")
    assert [*Plan.build(asking, salt="", session=None).hooks.by_name] == ["bob"]  # type: ignore[arg-type]
    assert [*Plan.build(both, salt="", session=None).hooks.by_name] == ["alice", "bob"]  # type: ignore[arg-type]
    assert groups(asking) == [["hook:alice"]]
    assert ["hook:alice"] in Plan.build(asking, salt="", session=None).groups  # type: ignore[arg-type]
