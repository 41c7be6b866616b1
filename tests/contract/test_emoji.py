"""Custom emoji: by the chat's own code, or by a picture that Matrix is given."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Sent
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.http import open_session
from relay.sinks.layout import of_server
from relay.sinks.matrix.emoji import IN_A_ROW, PICTURES, REDIRECTS, SIZE, Pictures
from relay.sinks.matrix.layout import CONTENT
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.proxy import proxies
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Message
from relay.text.tree import Emoji, Style, Styled, Text
from tests import chats
from tests.fakes.proxy import FakeProxy
from tests.fakes.synapse import Synapse

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "60606000000005000165f645400000000049454e44ae426082"
)


PLACES = {
    "away.webp": "http://127.0.0.1:1/evil",
    "inside.webp": "https://127.0.0.1:1/evil",
    "circle.webp": "/emoji/circle.webp",
}


class EmojiServer:
    """A Misskey that has pictures of emoji, behind the redirect that a real one gives."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.end = asyncio.Event()
        self.app = web.Application()
        self.app.router.add_get("/emoji/{name}", self._redirect)
        self.app.router.add_get("/files/{name}", self._picture)
        self.url = ""

    async def _redirect(self, request: web.Request) -> web.Response:
        self.asked.append(request.match_info["name"])
        if request.match_info["name"] in PLACES:
            raise web.HTTPFound(PLACES[request.match_info["name"]])
        raise web.HTTPFound(f"/files/{request.match_info['name']}")

    async def _picture(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name == "missing.webp":
            raise web.HTTPNotFound
        if name == "slow.webp":
            await self.end.wait()
        if name == "cut.webp":
            assert request.transport is not None
            request.transport.close()
        if name == "page.webp":
            return web.Response(text="<html>", content_type="text/html")
        return web.Response(
            body=PNG * (SIZE if name == "huge.webp" else 1), content_type="image/png"
        )


@pytest.fixture
async def misskey(aiohttp_server: AiohttpServer) -> AsyncIterator[EmojiServer]:
    fake = EmojiServer()
    fake.url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    yield fake
    fake.end.set()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


def message(*names: str, server: str = "https://misskey.example") -> Message:
    emojis = tuple(Emoji(name, f"{server}/emoji/{name}.webp") for name in names)
    return Message(title=(Text("Mention"),), body=(Styled(Style.BOLD, emojis),))


def test_discord_shows_its_own_emoji_and_names_the_others() -> None:
    sink = DiscordSettings.model_validate(
        {
            "type": "discord",
            "url": "https://d.example/webhooks/1/x",
            "emojis": {"cat": "<:cat:123>"},
        }
    )
    (embed,) = sink.layout([message("cat", "dog")]).payload["embeds"]
    assert embed["description"] == "**<:cat:123>**\u200b**\\:dog:**"


def test_slack_shows_its_own_emoji_and_names_the_others() -> None:
    sink = SlackSettings.model_validate(
        {"type": "slack", "url": "https://s.example/x", "emojis": {"cat": "blobcat"}}
    )
    elements: Any = [
        element
        for block in sink.layout([message("cat", "dog")]).payload["blocks"]
        for section in block["elements"]
        for element in section["elements"]
    ]
    assert {"type": "emoji", "name": "blobcat", "style": {"bold": True}} in elements
    assert any(":dog:" in element.get("text", "") for element in elements)


@pytest.mark.parametrize("code", ["blobcat", "<@123>", "<:cat:123> @everyone", "<:cat:x>"])
def test_an_emoji_code_that_is_none_is_a_mistake(code: str) -> None:
    with pytest.raises(ValueError, match="emojis"):
        DiscordSettings.model_validate(
            {"type": "discord", "url": "https://d.example/webhooks/1/x", "emojis": {"cat": code}}
        )


async def kept(picture: bytes, kind: str) -> str:
    assert (picture, kind) == (PNG, "image/png")
    return "mxc://matrix.example/1"


async def pictured(names: list[str], server: str, session: aiohttp.ClientSession) -> list[str]:
    return codes(await Pictures().with_pictures([message(*names, server=server)], session, kept))


def codes(messages: Sequence[Message]) -> list[str]:
    (bold,) = messages[0].body
    assert isinstance(bold, Styled)
    return [node.code for node in bold.children if isinstance(node, Emoji)]


async def test_pictures_come_through_the_redirect_of_the_server(
    misskey: EmojiServer, session: aiohttp.ClientSession
) -> None:
    assert await pictured(["cat"], misskey.url, session) == ["mxc://matrix.example/1"]


@pytest.mark.parametrize("name", ["missing", "page", "huge", "away"])
async def test_what_is_no_picture_keeps_its_name(
    misskey: EmojiServer, session: aiohttp.ClientSession, name: str
) -> None:
    assert await pictured([name], misskey.url, session) == [""]


async def test_a_server_that_cannot_be_reached_rests_a_while(
    misskey: EmojiServer, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    server, pictures = f"http://127.0.0.1:{unused_tcp_port}", Pictures()
    names = [f"e{n}" for n in range(IN_A_ROW)]
    await pictures.with_pictures([message(*names, server=server)], session, kept)
    await pictures.with_pictures([message("other", server=misskey.url)], session, kept)
    assert misskey.asked == ["other.webp"]
    app, asked = web.Application(), []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=PNG, content_type="image/png")

    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    await pictures.with_pictures([message("new", server=server)], session, kept)
    assert asked == []
    await runner.cleanup()


@pytest.mark.parametrize("name", ["missing", "page", "huge", "away", "inside", "cut", "circle"])
async def test_one_picture_that_is_none_silences_no_other(
    misskey: EmojiServer, session: aiohttp.ClientSession, name: str
) -> None:
    pictures = Pictures()
    for others in (["a", name, "b"], ["c", name], ["d"]):
        shown = await pictures.with_pictures([message(*others, server=misskey.url)], session, kept)
        assert codes(shown) == ["" if one == name else "mxc://matrix.example/1" for one in others]
    assert misskey.asked.count(f"{name}.webp") == 1 + (name == "circle") * REDIRECTS


async def test_one_slow_picture_silences_no_other(
    misskey: EmojiServer, session: aiohttp.ClientSession
) -> None:
    pictures = Pictures()
    for others in (["slow", "a", "b"], ["c", "slow", "d"]):
        shown = await pictures.with_pictures([message(*others, server=misskey.url)], session, kept)
        assert codes(shown) == ["" if one == "slow" else "mxc://matrix.example/1" for one in others]
    assert misskey.asked.count("slow.webp") == 1


@pytest.mark.parametrize(
    "place",
    [
        "https://127.0.0.1:{port}/x",
        "https://localhost:{port}/x",
        "https://[::1]:{port}/x",
        "https://2130706433:{port}/x",
        "https://127.1:{port}/x",
        "https://[::ffff:127.0.0.1]:{port}/x",
        "https://0.0.0.0:{port}/x",
        "http://127.0.0.1:{port}/x",
        "https://me@127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/x",
        "https://",
        "",
    ],
)
async def test_a_redirect_into_the_own_network_is_not_followed(
    aiohttp_server: AiohttpServer, session: aiohttp.ClientSession, place: str
) -> None:
    touched: list[object] = []

    async def touch(reader: object, writer: asyncio.StreamWriter) -> None:
        touched.append(writer)
        writer.close()

    inside = await asyncio.start_server(touch, "127.0.0.1", 0)
    port = inside.sockets[0].getsockname()[1]

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": place.format(port=port)})

    app = web.Application()
    app.router.add_get("/emoji/{name}", redirect)
    server = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    assert await pictured(["cat"], server, session) == [""]
    assert touched == []
    inside.close()


async def test_a_redirect_into_the_own_network_is_not_asked_of_a_proxy(
    aiohttp_server: AiohttpServer,
) -> None:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound("https://db.internal/x")

    app = web.Application()
    app.router.add_get("/emoji/{name}", redirect)
    server = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    async with (
        FakeProxy().running() as proxy,
        open_session(proxies("env", {"HTTPS_PROXY": proxy.url})) as session,
    ):
        assert await pictured(["cat"], server, session) == [""]
        assert proxy.asked == []


async def test_a_picture_is_brought_once_and_never_too_many_at_a_time(
    misskey: EmojiServer, session: aiohttp.ClientSession
) -> None:
    pictures, names = Pictures(), [f"e{n}" for n in range(PICTURES + 5)]
    for _ in range(3):
        await pictures.with_pictures([message(*names, server=misskey.url)], session, kept)
    assert sorted(misskey.asked) == sorted(f"{name}.webp" for name in names)


@pytest.mark.synapse
async def test_matrix_shows_pictures(
    misskey: EmojiServer, session: aiohttp.ClientSession, synapse: Synapse
) -> None:
    room = await synapse.create_room()
    sink = MatrixSettings.model_validate(
        {
            "type": "matrix",
            "homeserver": synapse.base_url,
            "room": room,
            "token": synapse.bot.token,
        }
    )
    sent = await chats.send(
        sink, [message("cat", server=misskey.url)], key="emoji-1", session=session
    )
    assert isinstance(sent, Sent)
    (event,) = await synapse.messages(room)
    html = event["content"]["formatted_body"]
    assert '<img data-mx-emoticon src="mxc://' in html
    assert 'alt=":cat:"' in html
    assert ":cat:" in event["content"]["body"]


async def test_pictures_for_which_several_messages_have_no_room_stay_names(
    misskey: EmojiServer, aiohttp_server: AiohttpServer, session: aiohttp.ClientSession
) -> None:
    sent: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)
        if request.method == "PUT":
            sent.append(await request.read())
        return web.json_response({"event_id": "$e", "content_uri": "mxc://m.example/" + "a" * 24})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    homeserver = str((await aiohttp_server(app)).make_url(""))
    sink = MatrixSettings.model_validate(
        {"type": "matrix", "homeserver": homeserver, "room": "!a", "token": "token"}
    )
    for several in ([message(*["cat"] * 60, server=misskey.url)] * count for count in (1, 8)):
        assert sink.layout(several).count == len(several)
        sent_as = await chats.send(sink, several, key="1", session=session)
        assert sent_as == Sent(message="!a $e m.notice")
        assert (
            await chats.edit(sink, "!a $e m.notice", several, key="2", session=session) == sent_as
        )
    assert [b"mxc://" in body for body in sent] == [True, True, False, False]
    assert max(map(len, sent)) <= CONTENT


@pytest.mark.parametrize(
    ("server", "is_shown"),
    [
        ("https://misskey.example", True),
        ("", False),
        ("https://misskey", False),
        ("https://misskey.example.evil.example", False),
        ("http://misskey.example", False),
    ],
)
def test_only_the_server_that_the_configuration_names_is_asked(server: str, is_shown: bool) -> None:
    (bold,) = of_server(message("cat"), server).body
    assert isinstance(bold, Styled)
    (emoji,) = bold.children
    assert isinstance(emoji, Emoji)
    assert bool(emoji.url) is is_shown
