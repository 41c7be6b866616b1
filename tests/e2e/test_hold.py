"""One happening, several webhooks: one message, in the order in which things happened."""

from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, a_note_event, an_event, post

SECRET = "secret"


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(discord: FakeDiscord, hold: str) -> str:
    return f"""
listen: 127.0.0.1:0
hold: {hold}
hooks:
  alice: {{secret: {SECRET}}}
  bob: {{secret: {SECRET}}}
sinks: {{team: {{type: discord, url: "{discord.url}", rate: unlimited}}}}
routes: [{{to: team}}]
"""


async def post_all(relay: Relay, *events: Request, hook: str = "alice") -> None:
    async with aiohttp.ClientSession() as session:
        for event in events:
            assert (await post(session, relay.address, hook, event, secret=SECRET)).status == 204


def titles(discord: FakeDiscord) -> list[str]:
    return [one["title"] for one in discord.told()]


def texts(discord: FakeDiscord) -> list[str]:
    return [one.get("description", "") for one in discord.told()]


async def test_siblings_become_one_message_by_the_kind_that_tells_most(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, config(discord, "300ms")) as relay:
        await post_all(relay, *(a_note_event(1, kind=kind) for kind in ("mention", "reply")))
        await post_all(relay, a_note_event(1, kind="note"), hook="bob")
        await post_all(relay, an_event("unfollow", 1), an_event("unfollow", 2))
        await until(lambda: len(discord.told()) == 2)
        await post_all(relay, a_note_event(2, text="the last"))
        await until(lambda: "the last" in texts(discord))
        assert sorted(titles(discord)[:2]) == ["No longer following", "Reply"]
        await post_all(relay, a_note_event(1, kind="renote"))  # a late one, after the others went
        await post_all(relay, a_note_event(3, text="the very last"))
        await until(lambda: "the very last" in texts(discord))
        assert len(discord.told()) == 4  # one for each of four happenings


async def test_who_forges_a_note_of_another_server_holds_nothing_back_and_changes_nothing(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    bound = config(discord, "300ms").replace(
        "alice: {", 'alice: {server: "https://misskey.example", '
    )
    async with serving(tmp_path, bound) as relay:
        await post_all(relay, a_note_event(1, text="forged before"), hook="bob")
        await post_all(relay, a_note_event(1, text="true"))
        await until(lambda: len(discord.told()) == 2)
        await post_all(relay, a_note_event(1, kind="edited", text="forged after"), hook="bob")
        await post_all(relay, a_note_event(2, text="the last"))
        await until(lambda: "the last" in texts(discord))
    embeds = [embed for one in discord.messages.values() for embed in one.result["embeds"]]
    assert {embed["description"] for embed in embeds} == {"forged after", "true", "the last"}


async def test_without_a_hold_every_event_is_a_message(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, config(discord, "0")) as relay:
        await post_all(relay, *(a_note_event(1, kind=kind) for kind in ("mention", "reply")))
        await until(lambda: len(discord.told()) == 2)
    assert titles(discord) == ["Mention", "Reply"]


async def test_what_comes_together_goes_by_the_time_it_happened(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    def happened(n: int, at: int) -> Request:
        event = a_note_event(n, text=f"note {n}")
        return event.with_event({**event.event, "createdAt": at})

    async with serving(tmp_path, config(discord, "1s")) as relay:
        await post_all(relay, happened(3, 3_000), happened(1, 1_000), happened(2, 2_000))
        await until(lambda: len(discord.told()) == 3)
    assert texts(discord) == ["note 1", "note 2", "note 3"]
