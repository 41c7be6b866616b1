"""The fake Discord refuses what Discord refuses, with Discord's words, and stores the rest."""

import aiohttp
import pytest

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_pings import pings

AGENT = {"User-Agent": "DiscordBot (https://relay.example, 0.1)"}
QUIET = {"allowed_mentions": {"parse": []}}
WIDE = "\U0001f600"  # one code point, two UTF-16 units


def body(**fields):
    return {"content": "hi"} | QUIET | fields


def embed(**fields):
    return {"embeds": [fields]} | QUIET


def field(**fields):
    return embed(fields=[{"name": "n", "value": "v"} | fields])


def mentions(**fields):
    return {"content": "hi", "allowed_mentions": fields}


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(headers=AGENT) as session:
        yield session


async def send(session, fake: FakeDiscord, payload, query="?wait=true"):
    async with session.post(fake.url + query, json=payload) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


def at(tree, path):
    for step in path.split("."):
        tree = tree[step]
    return [error["code"] for error in tree["_errors"]]


REFUSED = [
    (body(content="x" * 2001), "content", "BASE_TYPE_MAX_LENGTH"),
    (body(content=WIDE * 1001), "content", "BASE_TYPE_MAX_LENGTH"),
    (body(content=1), "content", "STRING_TYPE_CONVERT"),
    (body(username=""), "username", "BASE_TYPE_BAD_LENGTH"),
    (body(username="x" * 81), "username", "BASE_TYPE_BAD_LENGTH"),
    (body(username="Clyde"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="my Discord"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="a@b"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="a#b"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="a:b"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="a```b"), "username", "USERNAME_INVALID_CONTAINS"),
    (body(username="Everyone"), "username", "USERNAME_INVALID"),
    (body(username="here"), "username", "USERNAME_INVALID"),
    (body(avatar_url=""), "avatar_url", "URL_TYPE_INVALID_SCHEME"),
    (body(avatar_url="https://a.example/" + "x" * 2048), "avatar_url", "BASE_TYPE_MAX_LENGTH"),
    (body(avatar_url=1), "avatar_url", "STRING_TYPE_CONVERT"),
    (body(avatar_url="https://a.example:port/"), "avatar_url", "URL_TYPE_INVALID_URL"),
    (body(username=1), "username", "STRING_TYPE_CONVERT"),
    (body(tts="yes"), "tts", "BOOLEAN_TYPE_CONVERT"),
    (body(flags=1 << 6), "flags", "FLAGS_INVALID"),
    (body(flags="4"), "flags", "NUMBER_TYPE_COERCE"),
    (body(thread_name="x" * 101), "thread_name", "BASE_TYPE_BAD_LENGTH"),
    (body(applied_tags=["1"] * 6), "applied_tags", "BASE_TYPE_MAX_LENGTH"),
    (body(applied_tags=["x"]), "applied_tags.0", "NUMBER_TYPE_COERCE"),
    (body(attachments=[{"id": "0"}] * 11), "attachments", "BASE_TYPE_MAX_LENGTH"),
    (body(wait=True), "wait", "UNKNOWN_KEY"),
    (body(timeout=None), "timeout", "UNKNOWN_KEY"),
    (body(proxies=None), "proxies", "UNKNOWN_KEY"),
    (body(nonce="1"), "nonce", "UNKNOWN_KEY"),
    (body(embeds=5), "embeds", "LIST_TYPE_CONVERT"),
    (embed(title="x", fields=5), "embeds.0.fields", "LIST_TYPE_CONVERT"),
    (mentions(parse=5), "allowed_mentions.parse", "LIST_TYPE_CONVERT"),
    (body(embeds={}), "embeds", "LIST_TYPE_CONVERT"),
    (body(embeds=["x"]), "embeds.0", "MODEL_TYPE_CONVERT"),
    (body(embeds=[{"title": "x"}] * 11), "embeds", "BASE_TYPE_MAX_LENGTH"),
    (body(embeds=[{}]), "embeds.0", "LIST_ITEM_VALUE_REQUIRED"),
    (embed(color=1), "embeds.0", "LIST_ITEM_VALUE_REQUIRED"),
    (embed(title="x" * 257), "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    (embed(title=["x"]), "embeds.0.title", "STRING_TYPE_CONVERT"),
    (embed(description="x" * 4097), "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    (embed(title="x", rate_limit=1), "embeds.0.rate_limit", "UNKNOWN_KEY"),
    (embed(title="x", url=""), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embed(title="x", url="javascript:1"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embed(title="x", url="attachment://a"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    (embed(title="x", url="http://misskey:3000"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embed(title="x", url="https://a.example/ b"), "embeds.0.url", "URL_TYPE_INVALID_URL"),
    (embed(title="x", color=-1), "embeds.0.color", "NUMBER_TYPE_MIN"),
    (embed(title="x", color=1 << 24), "embeds.0.color", "NUMBER_TYPE_MAX"),
    (embed(title="x", color="#fff"), "embeds.0.color", "NUMBER_TYPE_COERCE"),
    (embed(title="x", color=True), "embeds.0.color", "NUMBER_TYPE_COERCE"),
    (embed(title="x", timestamp="today"), "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE"),
    (embed(title="x", timestamp=1795308234), "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE"),
    (embed(author={"name": "x" * 257}), "embeds.0.author.name", "BASE_TYPE_MAX_LENGTH"),
    (embed(author={"url": "https://a.example"}), "embeds.0.author.name", "BASE_TYPE_REQUIRED"),
    (
        embed(author={"name": "x", "icon_url": ""}),
        "embeds.0.author.icon_url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (embed(footer={"text": "x" * 2049}), "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
    (embed(footer={"text": " "}), "embeds.0.footer.text", "BASE_TYPE_REQUIRED"),
    (
        embed(footer={"text": "x", "icon_url": ""}),
        "embeds.0.footer.icon_url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (embed(image={"url": ""}), "embeds.0.image.url", "URL_TYPE_INVALID_SCHEME"),
    (embed(image={"width": 1}), "embeds.0.image.url", "BASE_TYPE_REQUIRED"),
    (
        embed(thumbnail={"url": "ftp://a.example/a"}),
        "embeds.0.thumbnail.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (embed(fields=[{"name": "n", "value": "v"}] * 26), "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
    (field(name="x" * 257), "embeds.0.fields.0.name", "BASE_TYPE_MAX_LENGTH"),
    (field(value="x" * 1025), "embeds.0.fields.0.value", "BASE_TYPE_MAX_LENGTH"),
    (field(name="\n "), "embeds.0.fields.0.name", "BASE_TYPE_REQUIRED"),
    (field(value=None), "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    (field(inline=1), "embeds.0.fields.0.inline", "BOOLEAN_TYPE_CONVERT"),
    (body(embeds=[{"description": "x" * 3001}] * 2), "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    (
        embed(title=WIDE * 100, description="x" * 4000, footer={"text": "x" * 1801}),
        "embeds",
        "MAX_EMBED_SIZE_EXCEEDED",
    ),
    ({"content": "hi"}, "allowed_mentions", "BASE_TYPE_REQUIRED"),
    (body(allowed_mentions=None), "allowed_mentions", "BASE_TYPE_REQUIRED"),
    (mentions(parse="users"), "allowed_mentions.parse", "LIST_TYPE_CONVERT"),
    (mentions(parse=["here"]), "allowed_mentions.parse.0", "BASE_TYPE_CHOICES"),
    (mentions(users=["bob"]), "allowed_mentions.users.0", "NUMBER_TYPE_COERCE"),
    (mentions(roles=["1"] * 2), "allowed_mentions.roles.1", "SET_TYPE_ALREADY_CONTAINS_VALUE"),
    (
        mentions(roles=[str(n) for n in range(101)]),
        "allowed_mentions.roles",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (mentions(everyone=True), "allowed_mentions.everyone", "UNKNOWN_KEY"),
    (
        mentions(parse=["roles"], roles=["1"]),
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
]


@pytest.mark.parametrize(("payload", "place", "code"), REFUSED)
async def test_a_wrong_field_is_named_in_the_tree(fake_discord, session, payload, place, code):
    status, answer = await send(session, fake_discord, payload)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    assert code in at(answer["errors"], place)
    assert fake_discord.accepted == []
    assert [(r.code, r.payload) for r in fake_discord.refused] == [(50035, payload)]


TAKEN = [
    body(content="x" * 2000 + "  \n"),
    body(content=WIDE * 1000),
    body(username="cl\u200byde", avatar_url="https://a.example/a.png", flags=4 | 4096),
    body(content=None, embeds=[{"title": "x"}] * 10),
    embed(title="x" * 256, description="x" * 4096, footer={"text": "x" * 1648}),
    embed(author={"name": "x" * 256, "url": "http://127.0.0.1:3000/@bob"}, color=0),
    embed(fields=[{"name": "\u200b", "value": "\u200b", "inline": False}] * 25, color=0xFFFFFF),
    embed(image={"url": "attachment://a.png"}, timestamp="2026-11-22T00:43:54.014Z"),
    mentions(parse=["everyone"], users=[], roles=["1"]),
]


@pytest.mark.parametrize("payload", TAKEN)
async def test_what_is_just_within_the_limits_is_stored_whole(fake_discord, session, payload):
    status, answer = await send(session, fake_discord, payload)
    assert status == 200
    [record] = fake_discord.accepted
    assert (record.message, record.payload, record.result) == (answer["id"], payload, payload)
    assert fake_discord.refused == []


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": QUIET}, 400, 50006),
        ({"json": body(content=" \n")}, 400, 50006),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, 50109),
        (
            {"data": b'{"content": NaN}', "headers": {"Content-Type": "application/json"}},
            400,
            50109,
        ),
        ({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400, 50109),
        ({"data": {"content": "hi"}}, 400, 50035),
        ({"json": ["hi"]}, 400, 50035),
        ({"json": body(content="\ud800")}, 400, 50109),
        ({"json": body(embeds=[{"title": "a\0b"}])}, 400, 50109),
        ({"json": body(), "headers": {"User-Agent": "python-requests/2"}}, 403, 40333),
        ({"json": body(), "headers": {"User-Agent": "DiscordBot"}}, 403, 40333),
        ({"json": body(), "params": {"thread_id": "1"}}, 404, 10003),
        ({"json": body(thread_name="x")}, 400, 220003),
    ],
)
async def test_other_refusals_have_their_own_code(fake_discord, session, sent, status, code):
    async with session.post(fake_discord.url, **sent) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert fake_discord.accepted == []
    assert [(r.status, r.code) for r in fake_discord.refused] == [(status, code)]


async def test_a_body_can_be_too_large(aiohttp_server, session):
    fake = FakeDiscord(max_bytes=1000)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    status, answer = await send(session, fake, body(content="x" * 1000))
    assert (status, answer["code"], fake.refused[0].code) == (413, 40005, 40005)


async def test_other_paths_and_methods_are_no_part_of_it(fake_discord, session):
    for method, path, status in [("PUT", fake_discord.url, 405), ("POST", "/api/v10/users", 404)]:
        url = path if path.startswith("http") else fake_discord.base_url + path
        async with session.request(method, url) as answer:
            assert (answer.status, (await answer.json())["code"]) == (status, 0)


async def test_a_webhook_needs_its_id_and_its_token(fake_discord, session):
    other = fake_discord.add_webhook()
    async with session.post(fake_discord.url + "x", json=body()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, 50027)
    fake_discord.remove_webhook(other)
    async with session.post(fake_discord.url_of(other), json=body()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 10015)
    async with session.get(fake_discord.url) as answer:
        assert (await answer.json())["channel_id"] == fake_discord.webhook.channel


@pytest.mark.parametrize("version", ["", "/v10"])
@pytest.mark.parametrize(("wait", "status"), [("", 204), ("?wait=false", 204), ("?wait=true", 200)])
async def test_only_a_client_that_waits_gets_the_message(
    fake_discord, session, version, wait, status
):
    url = fake_discord.url.replace("/api", "/api" + version)
    async with session.post(url + wait, json=body()) as answer:
        assert answer.status == status
    assert fake_discord.texts() == ["hi"]


async def test_a_forum_needs_exactly_one_of_thread_id_and_thread_name(aiohttp_server, session):
    fake = FakeDiscord(kind="forum")
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    thread = fake.add_thread()
    both = f"?wait=true&thread_id={thread}"
    assert (await send(session, fake, body()))[1]["code"] == 220001
    assert (await send(session, fake, body(thread_name="x"), both))[1]["code"] == 220002
    assert (await send(session, fake, body(), both))[1]["channel_id"] == thread
    opened = (await send(session, fake, body(thread_name="x")))[1]
    assert fake.accepted[-1].thread == opened["id"] == opened["channel_id"]


async def test_an_edit_keeps_what_it_does_not_name(fake_discord, session):
    sent = body(embeds=[{"title": "old"}], username="bob")
    _, message = await send(session, fake_discord, sent)
    url = f"{fake_discord.url}/messages/{message['id']}"
    async with session.patch(url, json=body(content="new")) as answer:
        assert (await answer.json())["content"] == "new"
    assert [record.action for record in fake_discord.accepted] == ["post", "edit"]
    assert fake_discord.accepted[-1].result == sent | {"content": "new"}
    async with session.get(url) as answer:
        assert (await answer.json())["embeds"] == [{"type": "rich", "title": "old"}]
    for payload, code in [
        ({"content": "x"}, 50035),
        (body(username="x"), 50035),
        (body(flags=4096), 50035),
        (QUIET | {"content": None, "embeds": []}, 50006),
    ]:
        async with session.patch(url, json=payload) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, code)
    assert len(fake_discord.posts()) == 1


async def test_a_deleted_message_is_unknown(fake_discord, session):
    _, message = await send(session, fake_discord, body())
    url = f"{fake_discord.url}/messages/{message['id']}"
    async with session.delete(url) as answer:
        assert answer.status == 204
    for method in ("GET", "PATCH", "DELETE"):
        async with session.request(method, url, json=body()) as answer:
            assert (answer.status, (await answer.json())["code"]) == (404, 10008)
    assert (fake_discord.messages, fake_discord.deleted) == ({}, [message["id"]])


async def test_without_wait_nobody_learns_that_automod_dropped_it(fake_discord, session):
    fake_discord.automod = ("spam",)
    assert await send(session, fake_discord, body(content="some spam"), "") == (204, None)
    status, answer = await send(session, fake_discord, body(content="some spam"))
    assert (status, answer["code"], fake_discord.accepted) == (400, 200000, [])


async def test_a_fake_knows_everyone_it_would_have_pinged(fake_discord, session):
    for role in ("1", "2"):
        allowed = {"parse": [], "roles": [role]}
        await send(session, fake_discord, {"content": "<@&1> @here", "allowed_mentions": allowed})
    assert fake_discord.pings() == {"<@&1>"}


@pytest.mark.parametrize(
    ("content", "allowed", "expected"),
    [
        ("<@1> <@!2> <@&3> @everyone @here", None, {"<@1>", "<@2>"}),
        ("<@1> <@&3> @everyone", {"parse": []}, set()),
        ("\\<@&3> `<@&4>`", {"parse": [], "roles": ["3"]}, {"<@&3>"}),
        ("<@&3> <@1>", {"parse": ["roles"], "users": ["2"]}, {"<@&3>"}),
        ("x@everyone `@here`", {"parse": ["everyone"]}, {"@everyone", "@here"}),
        ("@\u200beveryone <@\u200b1>", {"parse": ["everyone", "users"]}, set()),
    ],
)
def test_pings_follow_the_raw_content_and_the_allowed_mentions(content, allowed, expected):
    payload = {"content": content, "embeds": [{"title": "<@9> @everyone"}]}
    assert (
        pings(payload if allowed is None else payload | {"allowed_mentions": allowed}) == expected
    )
