"""An edited note and a resolved report change the message that told them, in the real process."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.faults import status
from tests.fakes.misskey import Request, a_note_event, an_event, post
from tests.fakes.slack import FakeSlack

SECRET = "secret"
LATER = "2026-11-22T10:00:00.000Z"


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None, global_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


def config(sink: str, route: str = "{to: team}") -> str:
    return f"""
listen: 127.0.0.1:0
hold: 1ms
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{{sink}, rate: unlimited, moderation: true}}}}
routes: [{route}]
"""


def to_discord(discord: FakeDiscord) -> str:
    return f'type: discord, url: "{discord.url}"'


async def post_one(relay: Relay, event: Request) -> None:
    async with aiohttp.ClientSession() as session:
        assert (await post(session, relay.address, "alice", event, secret=SECRET)).status == 204


def edited(n: int, kind: str, text: str, *, at: int = 1, **fields: Any) -> Request:
    """As Sharkey tells of an edit: the same note, under a new event id, a while later."""
    event = a_note_event(n, kind=kind, text=text, updatedAt=LATER, **fields)
    changes = {"eventId": f"edit-{n}-{kind}-{at}", "createdAt": event.event["createdAt"] + at}
    return event.with_event({**event.event, **changes})


def embed(fake: FakeDiscord, number: int = 0) -> dict[str, Any]:
    """What a reader sees now of the message of that number."""
    found: dict[str, Any] = list(fake.messages.values())[number].result["embeds"][0]
    return found


async def test_an_edited_note_changes_its_message_and_stays_what_it_was(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, config(to_discord(discord))) as relay:
        await post_one(relay, a_note_event(1, kind="mention", text="befroe"))
        await until(lambda: len(discord.posts()) == 1)
        await post_one(relay, edited(1, "note", "before"))
        await until(lambda: embed(discord)["description"] == "before")
        assert embed(discord)["title"] == "Mention"
        await post_one(relay, edited(1, "edited", "before", at=2))  # the same edit, told again
        await post_one(relay, a_note_event(2, text="the last"))
        await until(lambda: len(discord.posts()) == 2)
    assert [one.action for one in discord.accepted] == ["post", "edit", "post"]
    assert discord.refused == []


async def test_an_edit_reaches_the_message_though_no_route_wants_such_events(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    only = "{match: {event: [mention, abuseReport], text: draft}, to: team}"
    async with serving(tmp_path, config(to_discord(discord), only)) as relay:
        await post_one(relay, a_note_event(1, kind="mention", text="a draft"))
        await until(lambda: len(discord.posts()) == 1)
        await post_one(relay, edited(1, "edited", "finished"))
        await post_one(relay, edited(2, "edited", "nobody was told of this one"))
        await until(lambda: embed(discord)["description"] == "finished")
        await post_one(relay, a_note_event(3, kind="mention", text="another draft"))
        await until(lambda: len(discord.posts()) == 2)
    assert len(discord.accepted) == 3


ROUTES = (
    pytest.param("{to: team}", id="a route wants the private version"),
    pytest.param("{match: {visibility: public}, to: team}", id="no route wants it"),
)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_note_that_becomes_private_while_it_waits_never_leaves(
    discord: FakeDiscord, tmp_path: Path, route: str
) -> None:
    async with serving(tmp_path, config(to_discord(discord), route)) as relay:
        discord.faults.fail_next(status(502))
        await post_one(relay, a_note_event(1, text="careless"))
        await until(lambda: len(discord.requests) == 1)
        await post_one(relay, edited(1, "note", "careful", visibility="followers"))
        await relay.terminate()
        await relay.start()  # whoever starts relay anew gets what waits at once
        await post_one(relay, a_note_event(2, text="the last"))
        await until(lambda: "the last" in discord.texts())
    assert not {"careless", "careful"} & set(discord.texts())


@pytest.mark.parametrize("route", ROUTES)
async def test_what_was_told_of_a_note_that_becomes_private_is_taken_back(
    discord: FakeDiscord, tmp_path: Path, route: str
) -> None:
    async with serving(tmp_path, config(to_discord(discord), route)) as relay:
        await post_one(relay, a_note_event(1, author="carol", text="careless"))
        await until(lambda: len(discord.posts()) == 1)
        await post_one(relay, edited(1, "note", "careful", visibility="followers"))
        await until(lambda: len(discord.accepted) == 2)
    assert embed(discord)["description"] == "🔒 *a note that may not be shown here*"
    assert "carol" not in str(embed(discord))
    assert "careful" not in discord.texts()


async def test_what_was_deleted_in_the_chat_is_not_told_again(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    async with serving(tmp_path, config(to_discord(discord))) as relay:
        await post_one(relay, a_note_event(1, text="before"))
        await until(lambda: len(discord.posts()) == 1)
        discord.messages.clear()
        await post_one(relay, edited(1, "note", "after"))
        await until(lambda: any(one.code == 10008 for one in discord.refused))
        await post_one(relay, a_note_event(2, text="another"))
        await until(lambda: len(discord.posts()) == 2)
    assert embed(discord)["description"] == "another"


async def test_a_resolved_report_changes_the_message_of_the_report(
    discord: FakeDiscord, tmp_path: Path
) -> None:
    opened, resolved = an_event("abuseReport"), an_event("abuseReportResolved")
    body = {**resolved.event["body"], "id": opened.event["body"]["id"]}
    later = {"body": body, "createdAt": opened.event["createdAt"] + 1}
    async with serving(tmp_path, config(to_discord(discord))) as relay:
        await post_one(relay, opened)
        await until(lambda: len(discord.posts()) == 1)
        await post_one(relay, resolved.with_event({**resolved.event, **later}))
        await until(lambda: len(discord.accepted) == 2)
    assert [one.action for one in discord.accepted] == ["post", "edit"]
    assert embed(discord)["title"].startswith("Report resolved by @")


async def test_a_chat_that_cannot_change_messages_is_told_anew(
    fake_slack: FakeSlack, tmp_path: Path
) -> None:
    sink = f'type: slack, url: "{fake_slack.url}"'
    async with serving(tmp_path, config(sink)) as relay:
        await post_one(relay, a_note_event(1, text="before"))
        await until(lambda: len(fake_slack.accepted) == 1)
        await post_one(relay, edited(1, "note", "after"))
        await until(lambda: len(fake_slack.accepted) == 2)
    assert "Edited" in str(fake_slack.accepted[1].payload)
    assert "after" in str(fake_slack.accepted[1].payload)
