"""A note that tries everything: it arrives as what it says, and pings no one."""

import html
import re
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import Synapse
from tests.readers.discord import spans

HOSTILE = (
    "@everyone @here <@1> <@&1> <#1> <!channel> <!here> <@U012ABCDEF> <!subteam^S1> "
    "[x](javascript:alert(1)) || __ ~~ `code` ``` <script>alert(1)</script> "
    "<https://evil.example|paypal.com> </cmd:1> <t:1:R> <:x:1> :smile: "
    "https://matrix.to/#/@bob:evil.example \u202etxt.exe\u202c {{ 7*7 }} %s ${x}"
)
NAME = "@everyone <!channel> **x** [y](https://evil.example) \u202eevil"


@pytest.mark.synapse
async def test_a_hostile_note_is_only_text_everywhere(
    aiohttp_server: AiohttpServer, synapse: Synapse, tmp_path: Path
) -> None:
    discord, slack = FakeDiscord(webhook_limit=None, channel_limit=None), FakeSlack(rate=None)
    for fake in (discord, slack):
        fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    room = await synapse.create_room()
    config = f"""
listen: 127.0.0.1:0
hold: 0
hooks: {{alice: {{secret: secret}}}}
sinks:
  discord: {{type: discord, url: "{discord.url}"}}
  slack: {{type: slack, url: "{slack.url}"}}
  matrix: {{type: matrix, homeserver: "{synapse.base_url}", room: "{room}", emojis: names,
           token: "{synapse.bot.token}"}}
routes: [{{to: [discord, slack, matrix]}}]
"""
    event = a_note_event(1, kind="mention", text=HOSTILE, author=NAME)
    async with serving(tmp_path, config) as relay, aiohttp.ClientSession() as session:
        await post(session, relay.address, "alice", event, secret="secret")
        await until(lambda: len(discord.posts()) == len(slack.posts()) == 1)

        async def is_in_room() -> bool:
            return len(await synapse.messages(room)) == 1

        await until(is_in_room)
        assert await relay.terminate() == 0
    assert (discord.pings(), slack.pings(), discord.refused, slack.refused) == (
        set(),
        set(),
        [],
        [],
    )
    (embed,) = discord.posts()[0].payload["embeds"]
    (matrix,) = [it["content"] for it in await synapse.messages(room)]
    assert matrix["m.mentions"] == {}
    shown = {
        "discord": "".join(span.text for span in spans(embed["description"])),
        "slack": "".join(texts(slack.posts()[0].payload["blocks"])),
        "matrix": html.unescape(re.sub(r"<br>|<[^>]*>", "", matrix["formatted_body"])),
    }
    for chat, text in shown.items():
        for piece in ("@everyone", "<@1>", "<!channel>", "<@U012ABCDEF>", "<script>", "{{ 7*7 }}"):
            assert piece in text.replace("\u200b", ""), (chat, piece, text)
        assert "\u202e" not in text
    links = re.findall(r'<a href="([^"]*)">(.*?)</a>', matrix["formatted_body"])
    assert not any("matrix.to" in address or "javascript" in address for address, _ in links)
    assert all(label in address for address, label in links if "evil" in host_of(address))


def host_of(address: str) -> str:
    return urlsplit(address).hostname or ""


def texts(value: object) -> list[str]:
    """What the elements of blocks show, in their order."""
    if isinstance(value, list):
        return [one for inner in value for one in texts(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + [one for inner in value.values() for one in texts(inner)]
