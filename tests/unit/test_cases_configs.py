"""Configurations that people wrote, from the field, and what `relay check` says of each."""

import json
from pathlib import Path

import pytest

from relay.config import load, parse
from relay.errors import ConfigError
from tests.cases import VENDOR

CASES = Path(__file__).parents[1] / "samples" / "cases" / "configs"
TOLD = {
    "y13_homeserver_docker_http": ["2:27: sinks.m.homeserver: must be https", "allow_http: true"],
    "y14_homeserver_lan_http": ["2:27: sinks.m.homeserver: must be https", "allow_http: true"],
    "y15_discord_slack_suffix": ["sinks.d.url: ends with /slack", "take /slack off"],
    "y19_slack_in_discord": [
        "sinks.d.url: is the address of a Slack webhook: that belongs to a sink of type slack",
        "sinks.s.url: is the address of a Discord webhook: that belongs to a sink of type discord",
    ],
    "y21_durations": [
        "retention: should be",
        "did you mean 7d?",
        "timezone: should be a time zone",
        "did you mean Asia/Tokyo?",
    ],
    "y24_forum_nothing": ["sinks.d.thread_id: the url names another thread, with ?thread_id="],
    "z05_bearer": ["sinks.x.token: is written without Bearer"],
    "z10_discord_suffix": ["sinks.x.url: ends with /github", "take /github off"],
    "z14_slack_token_user": ["sinks.x.token: is an app-level token", "xoxb-"],
    "z15_slack_channel_link": ["sinks.x.channel: is a link", "like C0123ABCD"],
    "z32": ["sinks.x.url: lacks its last part, the token"],
    "z34": ["sinks.x.url: is an invitation to a Discord server"],
    "z35": ["sinks.x.url: ends with /slack"],
    "z36": ["sinks.x.url: is the address of a Slack webhook"],
    "z37": ["sinks.x.url: should be like https://discord.com/api/webhooks/ID/TOKEN"],
    "z43": ["sinks.x.url: has a comma"],
    "z63": ["sinks.x.url: is the address of a Discord webhook"],
}


@pytest.mark.parametrize("name", TOLD)
def test_a_mistake_of_the_field_is_told_with_what_would_be_right(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(CASES / f"{name}.yaml", environ={})
    for part in TOLD[name]:
        assert part in str(caught.value)


def test_a_blank_at_the_end_of_an_address_is_told() -> None:
    [sink] = json.loads(VENDOR.read_text(encoding="utf-8"))["x02_space_in_url"]["defs"]
    with pytest.raises(ConfigError, match=r"sinks\.d\.url: has a blank"):
        parse(f"sinks:\n{sink}\n", file="c", base=Path(), environ={})


def test_what_is_right_in_the_field_passes() -> None:
    assert [*load(CASES / "open.yaml", environ={}).sinks] == ["d", "s", "m"]


def test_no_case_is_left_out() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == {*TOLD, "open"}


@pytest.mark.parametrize("name", ["y13_homeserver_docker_http", "y14_homeserver_lan_http"])
def test_a_homeserver_on_a_network_of_ones_own_passes_when_it_is_allowed(
    name: str, tmp_path: Path
) -> None:
    text = (CASES / f"{name}.yaml").read_text(encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(text.replace("type: matrix", "type: matrix, allow_http: true"), "utf-8")
    assert load(file, environ={}).warnings == ()
