"""Every captured request, through the real process, to all three vendors."""

from pathlib import Path

import aiohttp
import pytest
from pytest_aiohttp import AiohttpServer

from relay import misskey
from relay.model import Event, Gate
from relay.routing.gate import may_show
from tests.e2e.process import Relay, serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, post, requests
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import Synapse

SECRET = "a secret of the hook"
OPEN = (
    "visibility: [public, home, followers, specified], local_only: true, moderation: true, "
    "signin_only: true"
)


def config(fake_discord: FakeDiscord, fake_slack: FakeSlack, matrix: str, gate: str = "") -> str:
    gate = f", {gate}" if gate else ""
    return f"""
listen: 127.0.0.1:0
hold: 0
hooks:
  all: {{secret: {SECRET}}}
sinks:
  discord: {{type: discord, url: "{fake_discord.url}", rate: unlimited{gate}}}
  slack: {{type: slack, url: "{fake_slack.url}", rate: unlimited{gate}}}
  bot: {{type: slack, token: "{fake_slack.token}", channel: "{fake_slack.channel}",
        api_base: "{fake_slack.api_base}", rate: unlimited{gate}}}
{matrix}
routes:
  - to: [discord, slack, bot{", matrix" if matrix else ""}]
"""


@pytest.fixture
async def vendors(aiohttp_server: AiohttpServer) -> tuple[FakeDiscord, FakeSlack]:
    """The vendors with their headers and answers, but without their slowness."""
    discord = FakeDiscord(webhook_limit=(50, 0.2), channel_limit=None)
    slack = FakeSlack(rate=None)
    for fake in (discord, slack):
        fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return discord, slack


async def post_all(relay: Relay) -> list[Request]:
    async with aiohttp.ClientSession() as session:
        for request in requests():
            answer = await post(session, relay.address, "all", request, secret=SECRET)
            assert answer.status == 204, (request.seq, answer)
    return list(requests())


def parsed(request: Request) -> Event:
    return misskey.parse(request.body, hook="all")


def links(sent: list[Request]) -> list[str | None]:
    """Where the message of each request leads to, if it is about a note."""
    return [event.note.url if event.note is not None else None for event in map(parsed, sent)]


@pytest.mark.synapse
async def test_every_sample_arrives_everywhere_once_and_in_order(
    vendors: tuple[FakeDiscord, FakeSlack], synapse: Synapse, tmp_path: Path
) -> None:
    discord, slack = vendors
    room = await synapse.create_room()
    matrix = f"""
  matrix: {{type: matrix, homeserver: "{synapse.base_url}", room: "{room}", emojis: names,
           token: "{synapse.bot.token}", rate: unlimited, {OPEN}}}
"""
    async with serving(tmp_path, config(discord, slack, matrix, OPEN)) as relay:
        sent = await post_all(relay)
        await until(lambda: len(discord.told()) == len(sent))
        await until(lambda: slack.told() == 2 * len(sent))

        async def all_in_room() -> bool:
            return len(await told(synapse, room)) == len(sent)

        await until(all_in_room)
        assert await relay.terminate() == 0
    assert (discord.refused, slack.refused) == ([], [])
    assert (discord.pings(), slack.pings()) == (set(), set())
    assert [it["url"] if "/notes/" in it["url"] else None for it in discord.told()] == links(sent)
    bodies = await told(synapse, room)
    assert [
        link for link, body in zip(links_of(sent), bodies, strict=True) if link and link not in body
    ] == []
    assert {one["content"]["m.mentions"] == {} for one in await synapse.messages(room)} == {True}


async def told(synapse: Synapse, room: str) -> list[str]:
    """What a room shows of each event: a line stands between those of one message."""
    bodies = [it["content"]["formatted_body"] for it in await synapse.messages(room)]
    return [part for body in bodies for part in body.split("<hr>")]


def links_of(sent: list[Request]) -> list[str | None]:
    events = [misskey.parse(request.body, hook="all") for request in sent]
    return [event.note.url if event.note is not None else None for event in events]


def private_texts(sent: list[Request]) -> set[str]:
    """What notes for few and reports say, as far as no public note says it too."""
    private, public = set[str](), set[str]()
    for event in map(parsed, sent):
        for note in event.note.walk() if event.note is not None else ():
            is_public = may_show(Gate(), note)
            found = {note.text, note.cw, *(file.name for file in note.files)}
            (public if is_public else private).update(filter(None, found))
        if event.report is not None and event.report.comment:
            private.add(event.report.comment)
    return {text for text in private if not any(text in other for other in public)}


async def test_nothing_private_leaves_through_a_default_gate(
    vendors: tuple[FakeDiscord, FakeSlack], tmp_path: Path
) -> None:
    discord, slack = vendors
    async with serving(tmp_path, config(discord, slack, "")) as relay:
        sent = await post_all(relay)
        allowed = [it for it in map(parsed, sent) if shown_by_default(it)]
        await until(lambda: len(discord.told()) == len(allowed))
        await until(lambda: slack.told() == 2 * len(allowed))
        assert await relay.terminate() == 0
    everything = "\n".join([*discord.texts(), *slack.texts(), relay.log.read_text("utf-8")])
    secret = private_texts(sent)
    assert len(secret) > 5
    assert [text for text in secret if text in everything] == []


def shown_by_default(event: Event) -> bool:
    if event.is_moderation:
        return False
    note = event.note
    if note is None or event.is_test:
        return True
    return may_show(Gate(), note)
