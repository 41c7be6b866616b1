"""What the configuration of a sink may say, and what is told where it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from relay.base_settings import Settings
from relay.sinks import AnySink
from relay.sinks.discord.client import USER_AGENT


class Config(Settings):
    """What the real configuration is for them: it keeps values out of errors."""

    sink: AnySink


def made(settings: dict[str, Any]) -> Any:
    return Config.model_validate({"sink": settings}).sink


URL = "https://discord.com/api/webhooks/1/the-secret-token"
HOOK = "https://hooks.slack.com/services/T/B/the-secret-token"
DISCORD = {"type": "discord", "url": URL}
WEBHOOK = {"type": "slack", "url": HOOK}
BOT = {"type": "slack", "token": "xoxb-the-secret-token", "channel": "C1"}
MATRIX = {
    "type": "matrix", "homeserver": "https://m.example", "room": "!a", "token": "the-secret-token"
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (DISCORD | {"mentions": {"roles": ["@mods"]}}, "should be ids: numbers in quotes"),
        (DISCORD | {"mentions": {"users": ["١٢٣"]}}, "should be ids: numbers in quotes"),
        (DISCORD | {"mentions": {"roles": [str(n) for n in range(41)]}}, "at most 40"),
        (DISCORD | {"thread_id": "general"}, "should be the thread's id"),
        (DISCORD | {"thread_name": ""}, "at least 1 character"),
        (DISCORD | {"thread_id": "1", "thread_name": "news"}, "thread_name for new ones"),
        (DISCORD | {"url": "http://discord.com/api/webhooks/1/the-secret-token"}, "must be https"),
        (DISCORD | {"rate": "5"}, "should be a pace like 5/2s"),
        (WEBHOOK | {"token": "xoxb-the-secret-token"}, "needs either url"),
        ({"type": "slack"}, "needs either url"),
        (WEBHOOK | {"channel": "C1"}, "token and channel belong together"),
        (BOT | {"mentions": {"users": ["@bob"]}}, "like U0123ABCD"),
        (BOT | {"mentions": {"groups": ["mods"]}}, "like S0123ABCD"),
        (BOT | {"mentions": {"channel": "all"}}, "'here', 'channel' or 'everyone'"),
        (MATRIX | {"room": "ops"}, "should be a room id"),
        (MATRIX | {"room": "#ops"}, "should be a room id"),
        (MATRIX | {"room": ""}, "should be a room id"),
        (MATRIX | {"mentions": {"users": ["bob"]}}, "like @alice:matrix.example"),
        (MATRIX | {"homeserver": "http://m.example"}, "must be https"),
    ],
)
def test_a_mistake_is_told_without_the_secret(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(settings)
    assert told in str(caught.value)
    assert "the-secret-token" not in str(caught.value)


@pytest.mark.parametrize("settings", [DISCORD, WEBHOOK, BOT, MATRIX, {"type": "console"}])
def test_a_sink_shows_no_secret_of_its_own(settings: dict[str, Any]) -> None:
    sink = made(settings)
    for shown in (repr(sink), str(sink), sink.model_dump_json(), repr(sink.pace_key)):
        assert "the-secret-token" not in shown


def test_an_id_that_is_named_twice_is_kept_once() -> None:
    sink = made(DISCORD | {"mentions": {"roles": ["2", "1", "2"]}})
    assert sink.mentions.roles == ("2", "1")


def test_each_vendor_has_its_pace_and_the_config_another() -> None:
    pace = {it["type"]: made(it).pace for it in (DISCORD, WEBHOOK, MATRIX)}
    assert pace == {"discord": ((5, 2.0), (28, 60.0)), "slack": ((1, 1.0),), "matrix": ()}
    for settings in (DISCORD, WEBHOOK, MATRIX):
        assert made(settings | {"rate": "9/s"}).pace == ((9, 1.0),)
        assert made(settings | {"rate": "unlimited"}).pace == ()


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (DISCORD, DISCORD | {"username": "x"}, True),
        (DISCORD, DISCORD | {"url": URL + "2"}, False),
        (WEBHOOK, WEBHOOK | {"cw": "hide"}, True),
        (BOT, BOT | {"channel": "C2"}, False),
        (MATRIX, MATRIX | {"room": "!b", "homeserver": "https://m.example/"}, True),
        (MATRIX, MATRIX | {"token": "another"}, False),
        ({"type": "console"}, {"type": "console"}, False),
    ],
)
def test_sinks_that_share_a_limit_have_one_pace_key(
    one: dict[str, Any], other: dict[str, Any], shared: bool
) -> None:
    first, second = made(one), made(other)
    assert (first.pace_key == second.pace_key) is shared
    assert hash(first.pace_key) == hash(first.pace_key)


def test_discord_is_told_the_version_that_runs() -> None:
    (agent,) = USER_AGENT.values()
    assert agent.startswith("DiscordBot (https://")
    assert agent.endswith(")")
