"""
What `relay.sinks.discord` relies on in discord-webhook, of which it uses the builders alone.

The library is pinned to 1.4.*; what it does beside is why nothing of it may send.
"""

import logging
from typing import Any

import pytest
from discord_webhook import DiscordEmbed, DiscordWebhook
from discord_webhook.webhook_exceptions import ColorNotInRangeException

from relay.sinks.discord.settings import KEYS, DiscordSettings
from relay.text.message import Message
from relay.text.tree import Text
from tests.fakes.discord_rules import form_errors

EMBED = {"title": "t", "color": 0}


def raw(**settings: Any) -> dict[str, Any]:
    """What the library would send."""
    return dict(DiscordWebhook(url="https://x.invalid/webhooks/1/secret", **settings).json)


def test_the_json_has_what_was_set_under_the_names_of_the_api() -> None:
    settings = {
        "content": "c",
        "username": "u",
        "avatar_url": "https://a.example/x",
        "thread_name": "n",
        "embeds": [EMBED],
    }
    found = raw(**settings)
    assert {key: found[key] for key in settings} == settings
    assert set(KEYS) == settings.keys()
    assert "secret" not in str(found)


def test_what_is_not_set_is_left_out_or_empty() -> None:
    found = raw(content="c", username=None, avatar_url=None, thread_name=None)
    assert {key: found.get(key) for key in KEYS} == dict.fromkeys(KEYS) | {
        "content": "c",
        "embeds": [],
    }


def test_it_leaks_its_own_settings_and_drops_an_empty_list_of_mentions() -> None:
    found = raw(content="c", allowed_mentions={}, thread_id="1", timeout=5, id="7")
    assert {"wait", "timeout", "thread_id", "id"} <= found.keys()
    assert "allowed_mentions" not in found
    assert form_errors(found, edit=False).found
    ours = (
        DiscordSettings(type="discord", url="https://x.invalid/webhooks/1/secret")
        .layout([Message()])
        .payload
    )
    assert ours["allowed_mentions"] == {"parse": [], "roles": [], "users": []}
    assert ours.keys() <= {*KEYS, "allowed_mentions"}


def test_an_embed_is_its_attributes() -> None:
    embed = DiscordEmbed(
        title="t",
        description="d",
        url="https://a.example",
        color=0,
        timestamp="2026-01-01T00:00:00.000+00:00",
        fields=[{"name": "n", "value": "v", "inline": True}],
    )
    embed.set_author("a", url=None, icon_url="https://a.example/i")
    embed.set_footer("f")
    found = vars(embed)
    assert found["timestamp"] == "2026-01-01T00:00:00.000+00:00"
    assert (found["color"], found["title"], found["description"]) == (0, "t", "d")
    assert found["fields"] == [{"name": "n", "value": "v", "inline": True}]
    assert found["author"]["icon_url"] == "https://a.example/i"
    assert found["footer"]["text"] == "f"
    assert form_errors({"embeds": [found], "allowed_mentions": {}}, edit=False).found


def test_two_embeds_share_nothing() -> None:
    first, second = DiscordEmbed(), DiscordEmbed()
    first.add_embed_field("n", "v")
    assert second.fields == []


@pytest.mark.parametrize("color", [-1, 0x1000000])
def test_a_color_out_of_range_breaks_the_library_but_not_us(color: int) -> None:
    with pytest.raises(ColorNotInRangeException):
        DiscordEmbed(color=color)
    sink = DiscordSettings(type="discord", url="https://x.invalid/webhooks/1/secret")
    (embed,) = sink.layout([Message(title=(Text("t"),), color=color)]).payload["embeds"]
    assert embed == {"title": "t"}


def test_nothing_is_logged_of_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    DiscordSettings(type="discord", url="https://x.invalid/webhooks/1/secret").layout([Message()])
    assert caplog.records == []
