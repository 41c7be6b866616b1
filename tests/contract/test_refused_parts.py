"""A chat that refuses a picture gets the message without it, by its own words for what is wrong."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Rejected
from relay.sinks import AnySink
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.http import open_session
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Image, Message
from relay.text.tree import Link, Text
from tests import cases, chats
from tests.e2e.process import serving
from tests.e2e.waiting import until
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_pings import links

CAT, DOG = (
    Image(url=f"https://misskey.example/files/{name}.png", alt=f"a {name}", type="image/png")
    for name in ("cat", "dog")
)
FACE = "https://misskey.example/bob.png"
MESSAGE = Message(
    author=(Text("Bob"),),
    avatar=FACE,
    author_url="https://misskey.example/@bob",
    title=(Text("Note"),),
    url="https://misskey.example/notes/1",
    body=(Text("hello "), Link("https://misskey.example/@eve", (Text("@eve"),))),
    images=(CAT, DOG),
)
SECRET = "a secret of the hook"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.mark.parametrize("bad", [CAT.url, DOG.url, FACE, MESSAGE.author_url, MESSAGE.url])
async def test_discord_names_the_address_that_it_refuses(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession, bad: str
) -> None:
    fake_discord.bad_addresses = {bad}
    sink = DiscordSettings.model_validate(
        {"type": "discord", "url": fake_discord.url, "avatar": "author"}
    )
    outcome = await chats.send(sink, [MESSAGE], key="1", session=session)
    assert isinstance(outcome, Rejected)
    assert outcome.refused == {bad}


async def test_slacks_api_names_the_picture_that_it_cannot_load(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    fake_slack.served = {DOG.url: "image/webp"}
    given = {"token": fake_slack.token, "channel": fake_slack.channel}
    sink = SlackSettings.model_validate({"type": "slack", "api_base": fake_slack.api_base, **given})
    outcome = await chats.send(sink, [MESSAGE], key="1", session=session)
    assert isinstance(outcome, Rejected)
    assert outcome.refused == {DOG.url}


async def test_slacks_webhooks_name_nothing_so_it_can_be_any_picture(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    fake_slack.served = {DOG.url: "image/webp"}
    sink = SlackSettings.model_validate({"type": "slack", "url": fake_slack.url})
    outcome = await chats.send(sink, [MESSAGE], key="1", session=session)
    assert isinstance(outcome, Rejected)
    assert outcome.refused == {CAT.url, DOG.url}


ANSWERS = [
    pytest.param(
        "slack",
        200,
        r'{"ok":false,"error":"invalid_blocks","errors":["downloading image failed '
        r'[json-pointer:\/blocks\/3\/image_url]"]}',
        {DOG.url},
        id="slashes escaped, and in errors",
    ),
    pytest.param(
        "slack", 400, "invalid_blocks: [json-pointer:/blocks/2]", {CAT.url}, id="a whole block"
    ),
    pytest.param(
        "slack", 400, "invalid_blocks [json-pointer:/blocks/99/image_url]", set(), id="out of range"
    ),
    pytest.param(
        "slack", 400, f"invalid_blocks [json-pointer:/blocks/{'9' * 9000}]", set(), id="huge"
    ),
    pytest.param("slack", 400, "invalid_payload", set(), id="not about blocks"),
    pytest.param(
        "discord",
        400,
        '{"code": 50035, "message": "Invalid Form Body", "errors": {"embeds": {"1": {"image": '
        '{"_errors": [{"code": "X", "message": ""}]}}}}}',
        {DOG.url},
        id="the object around an address",
    ),
    pytest.param(
        "discord",
        400,
        '{"code": 50035, "message": "Invalid Form Body", "errors": {"embeds": {"0": {"author": '
        '{"icon_url": {"_errors": [{"code": "X"}]}}, "image": {"url": {"_errors": [{}]}}}}}}',
        {CAT.url, FACE},
        id="two at once",
    ),
    pytest.param(
        "discord",
        400,
        '{"code": 50035, "message": "x", "errors": {"embeds": {"0": {"description": {"_errors": '
        '[{"code": "BASE_TYPE_MAX_LENGTH"}]}}}}}',
        set(),
        id="no address",
    ),
    pytest.param(
        "discord", 400, '{"code": 50035, "message": "x", "errors": [1, {"a": 2}]}', set(), id="odd"
    ),
]


@pytest.mark.parametrize(("vendor", "status", "answer", "refused"), ANSWERS)
async def test_what_is_named_is_found_in_what_was_sent(
    aiohttp_server: AiohttpServer,
    session: aiohttp.ClientSession,
    vendor: str,
    status: int,
    answer: str,
    refused: set[str],
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, text=answer, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", refuse)
    base = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    sink: AnySink = DiscordSettings.model_validate(
        {"type": "discord", "url": f"{base}/api/webhooks/1/tok"}
    )
    if vendor == "slack" and status == 400:
        sink = SlackSettings.model_validate(
            {"type": "slack", "url": f"{base}/services/T1/B1/secret"}
        )
    elif vendor == "slack":
        given = {"token": "xoxb-1-2-abcdefgh", "channel": "C0123ABCD", "api_base": f"{base}/api/"}
        sink = SlackSettings.model_validate({"type": "slack", **given})
    outcome = await chats.send(sink, [MESSAGE], key="1", session=session)
    assert isinstance(outcome, Rejected)
    assert outcome.refused == refused


# --- through the real process


CONFIG = """
listen: 127.0.0.1:0
hold: 0
hooks:
  all: {{secret: {secret}}}
sinks:
  chat: {{{sink}}}
routes:
  - to: [chat]
"""


def bot(fake: FakeSlack) -> str:
    return (
        f'type: slack, token: "{fake.token}", channel: "{fake.channel}", '
        f'api_base: "{fake.api_base}", rate: unlimited'
    )


async def post(address: str, *bodies: bytes) -> None:
    headers = {"X-Misskey-Hook-Secret": SECRET, "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in bodies:
            async with session.post(f"{address}/hooks/all", data=body) as answer:
                assert answer.status == 204


def with_files(name: str, *files: dict[str, Any], event: int = 1) -> bytes:
    """The webhook of a case with other files, as an event of its own."""
    body = json.loads(cases.raw(name))
    note = body["body"]["note"]
    body["eventId"] = note["id"] = f"event{event}"
    template = note["files"][0]
    note["files"] = [template | {"id": f"f{n}"} | file for n, file in enumerate(files)]
    return json.dumps(body).encode()


PNG = [
    {"type": "image/png", "name": f"{n}.png", "url": f"https://misskey.example/files/{n}"}
    for n in range(6)
]


async def test_v20_discord_refuses_a_picture_and_gets_all_but_that(
    fake_discord: FakeDiscord, tmp_path: Any
) -> None:
    picture = cases.event("g01").note.files[0]
    fake_discord.bad_addresses = {picture.url}
    sink = f'type: discord, url: "{fake_discord.url}", rate: unlimited'
    async with serving(tmp_path, CONFIG.format(secret=SECRET, sink=sink)) as relay:
        await post(relay.address, cases.raw("g01"))
        await until(lambda: fake_discord.accepted)
        assert await relay.terminate() == 0
    assert len(fake_discord.requests) == 2
    [embed] = fake_discord.accepted[0].payload["embeds"]
    assert "image" not in embed
    assert f"(<{picture.url}>)" in embed["description"]
    for part in (
        "**drawing**", "[@carol](<https://misskey.example/@carol>)", "<https://example.com/x>",
        "[the shop](<https://shop.example/>)", "[#art](<https://misskey.example/tags/art>)",
    ):  # fmt: skip
        assert part in embed["description"]
    assert embed["author"]["url"] == "https://misskey.example/@bob"
    assert embed["author"]["icon_url"]


@pytest.mark.parametrize("way", ["bot", "webhook"])
async def test_slack_cannot_load_a_picture_and_gets_all_but_that(
    fake_slack: FakeSlack, tmp_path: Any, way: str
) -> None:
    fake_slack.served = {PNG[1]["url"]: "image/webp"}
    webhook = f'type: slack, url: "{fake_slack.url}", rate: unlimited'
    sink = bot(fake_slack) if way == "bot" else webhook
    async with serving(tmp_path, CONFIG.format(secret=SECRET, sink=sink)) as relay:
        await post(relay.address, with_files("g01", *PNG[:3]))
        await until(lambda: fake_slack.accepted)
        assert await relay.terminate() == 0
    assert len(fake_slack.refused) == 1
    payload = fake_slack.accepted[0].payload
    drawn = [one["image_url"] for one in payload["blocks"] if one["type"] == "image"]
    assert drawn == ([PNG[0]["url"], PNG[2]["url"]] if way == "bot" else [])
    assert {
        PNG[1]["url"], "https://misskey.example/@carol", "https://shop.example/",
        "https://misskey.example/@bob", "https://misskey.example/tags/art",
    } <= set(links(payload))  # fmt: skip


async def test_a_chat_that_refuses_picture_after_picture_is_not_asked_for_ever(
    fake_slack: FakeSlack, tmp_path: Any
) -> None:
    """Slack could name one at a time: after the second nothing is drawn."""
    fake_slack.served = {one["url"]: "image/webp" for one in PNG}
    fake_slack.names_one_at_a_time = True
    async with serving(tmp_path, CONFIG.format(secret=SECRET, sink=bot(fake_slack))) as relay:
        await post(relay.address, with_files("g01", *PNG))
        await until(lambda: fake_slack.accepted)
        assert await relay.terminate() == 0
    assert len(fake_slack.refused) == 2
    assert {one["url"] for one in PNG} <= set(links(fake_slack.accepted[0].payload))


async def test_of_a_batch_only_the_picture_goes(fake_discord: FakeDiscord, tmp_path: Any) -> None:
    fake_discord.bad_addresses = {PNG[1]["url"]}
    sink = f'type: discord, url: "{fake_discord.url}", rate: unlimited'
    bodies = [with_files("g01", PNG[n], event=n) for n in range(3)]
    config = CONFIG.format(secret=SECRET, sink=sink).replace("hold: 0", "hold: 1s")
    async with serving(tmp_path, config) as relay:
        await post(relay.address, *bodies)
        await until(lambda: len(fake_discord.told()) == 3)
        assert await relay.terminate() == 0
    pictures = [
        embed["image"]["url"]
        for one in fake_discord.accepted
        for embed in one.payload["embeds"]
        if "image" in embed
    ]
    assert pictures == [PNG[0]["url"], PNG[2]["url"]]


@pytest.mark.parametrize(
    "interruption",
    [
        pytest.param({"status": 503}, id="a failure"),
        pytest.param({"status": 429, "headers": {"Retry-After": "1"}}, id="a limit"),
    ],
)
async def test_what_was_refused_once_is_not_offered_again_when_a_try_is_repeated(
    aiohttp_server: AiohttpServer, tmp_path: Any, interruption: dict[str, Any]
) -> None:
    """Else a slow pace would bring the same refusal for ever."""
    bodies: list[dict[str, Any]] = []
    word = "downloading image failed [json-pointer:/blocks/2/image_url]"
    refusal = {"ok": False, "error": "invalid_blocks", "errors": [word]}

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        if len(bodies) == 2:
            return web.json_response({"ok": False, "error": "ratelimited"}, **interruption)
        is_first = len(bodies) == 1
        return web.json_response(
            refusal if is_first else {"ok": True, "channel": "C1", "ts": "1.1"}
        )

    app = web.Application()
    app.router.add_post("/api/chat.postMessage", answer)
    base = str((await aiohttp_server(app)).make_url("/api/"))
    sink = f'type: slack, token: "xoxb-1-abcdefgh", channel: C0123ABCD, api_base: "{base}"'
    config = CONFIG.format(secret=SECRET, sink=f"{sink}, rate: unlimited, retry: [1s, 1s]")
    async with serving(tmp_path, config) as relay:
        await post(relay.address, with_files("g01", PNG[0]))
        await until(lambda: len(bodies) == 3)
        assert await relay.terminate() == 0
    drawn = [[one for one in body["blocks"] if one["type"] == "image"] for body in bodies]
    assert [len(one) for one in drawn] == [1, 0, 0]
    assert bodies[1] == bodies[2]
