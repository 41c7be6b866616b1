"""A Discord sink against a Discord that refuses what Discord refuses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Closed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.secret import Secret
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.http import open_session
from relay.text.message import Image, Message
from relay.text.tree import Text
from tests import chats
from tests.fakes.discord import FakeDiscord
from tests.fakes.limits import ManualClock
from tests.fakes.records import without_id

HELLO = Message(title=(Text("hello"),))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def fake_with(aiohttp_server: AiohttpServer) -> Any:
    async def start(**settings: Any) -> FakeDiscord:
        fake = FakeDiscord(clock=ManualClock(), **settings)
        fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
        return fake

    return start


@pytest.fixture
def serve_answer(aiohttp_server: AiohttpServer) -> Any:
    """A sink whose vendor always answers the same."""

    async def start(status: int, text: str) -> DiscordSettings:
        async def answer(request: web.Request) -> web.Response:
            await request.read()
            return web.Response(status=status, text=text, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", answer)
        base = str((await aiohttp_server(app)).make_url("")).rstrip("/")
        return DiscordSettings.model_validate(
            {"type": "discord", "url": f"{base}/api/webhooks/1/abc"}
        )

    return start


def sink_of(fake: FakeDiscord, **settings: Any) -> DiscordSettings:
    return DiscordSettings.model_validate({"type": "discord", "url": fake.url} | settings)


async def send(
    session: aiohttp.ClientSession, sink: DiscordSettings, message: Message = HELLO, times: int = 1
) -> Outcome:
    """Send a message so many times; the last outcome."""
    outcomes = [
        without_id(await chats.send(sink, [message], key=str(n), session=session))
        for n in range(times)
    ]
    return outcomes[-1]


def opening(outcome: Outcome) -> tuple[type, str]:
    """An outcome's class, with status and code."""
    return type(outcome), " ".join(str(getattr(outcome, "reason", "")).split()[:2])


async def test_a_message_goes_into_a_thread(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    thread = fake_discord.add_thread()
    assert await send(session, sink_of(fake_discord, thread_id=thread)) == Sent()
    assert [post.thread for post in fake_discord.posts()] == [thread]


async def test_each_message_begins_a_thread_in_a_forum(
    fake_with: Any, session: aiohttp.ClientSession
) -> None:
    forum = await fake_with(kind="forum")
    await send(session, sink_of(forum, thread_name="n" * 100), times=2)
    assert [post.payload["thread_name"] for post in forum.posts()] == ["n" * 100] * 2
    assert len({post.thread for post in forum.posts()}) == 2


@pytest.mark.parametrize(
    ("kind", "settings", "outcome"),
    [
        ("forum", {}, (Closed, "400 220001")),
        ("text", {"thread_name": "news"}, (Closed, "400 220003")),
        ("text", {"thread_id": "123"}, (Closed, "404 10003")),
    ],
)
async def test_a_thread_that_cannot_be_is_told(
    fake_with: Any,
    session: aiohttp.ClientSession,
    kind: str,
    settings: dict[str, Any],
    outcome: tuple[type, str],
) -> None:
    fake = await fake_with(kind=kind)
    sink = sink_of(fake, **settings)
    assert opening(await send(session, sink)) == outcome
    assert str(await chats.opened(sink, session).check()).startswith(f"refuses us: {outcome[1]}")
    assert fake.accepted == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(160005, "Thread is locked"), (50083, "Thread is archived")],
)
async def test_a_thread_that_is_closed_is_told_by_a_check(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession, code: int, words: str
) -> None:
    thread = fake_discord.add_thread()
    sink = sink_of(fake_discord, thread_id=thread)
    assert await chats.opened(sink, session).check() is None
    fake_discord.close_thread(thread, code, words)
    assert opening(await send(session, sink)) == (Closed, f"400 {code}")
    assert "thread_id" in str(await chats.opened(sink, session).check())


async def test_a_forum_that_wants_tags_gets_them(
    fake_with: Any, session: aiohttp.ClientSession
) -> None:
    fake = await fake_with(webhook_limit=None)
    fake.webhook = fake.add_webhook(kind="forum", tags=["7", "8"], wants_tag=True)
    bare, wrong, right = (
        sink_of(fake, thread_name="news", tags=tags) for tags in ([], ["9"], ["7", "8"])
    )
    for sink, code in ((bare, "400 40067"), (wrong, "400 10087")):
        assert opening(await send(session, sink)) == (Closed, code)
        assert "tags" in str(await chats.opened(sink, session).check())
    assert await chats.opened(right, session).check() is None
    assert fake.accepted == []
    assert await send(session, right) == Sent()
    assert [post.payload["applied_tags"] for post in fake.posts()] == [["7", "8"]]


@pytest.mark.parametrize("tags", [["1"], ["1"] * 3])
def test_tags_are_for_new_threads(tags: list[str]) -> None:
    with pytest.raises(ValueError, match="set thread_name"):
        DiscordSettings(type="discord", url="https://discord.com/api/webhooks/1/a", tags=tags)


async def test_an_address_of_another_form_is_told_though_discord_answers(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord)
    slack = sink.model_copy(update={"url": Secret(f"{fake_discord.url}/slack")})
    outcome = await send(session, slack)
    assert isinstance(outcome, Closed)
    assert outcome.is_lasting
    assert "/slack" in outcome.reason
    assert "/slack" in str(await chats.opened(slack, session).check())


async def test_a_message_in_which_there_is_nothing_to_read_is_no_fault_of_the_address(
    serve_answer: Any, session: aiohttp.ClientSession
) -> None:
    empty = '{"message": "Cannot send an empty message", "code": 50006}'
    sink = await serve_answer(400, empty)
    assert isinstance(await send(session, sink), Closed)
    assert opening(await send(session, sink, Message(color=5))) == (Rejected, "400 50006")


async def test_a_webhook_that_is_gone_closes(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord)
    wrong = sink.model_copy(update={"url": Secret(fake_discord.url + "x")})
    assert opening(await send(session, wrong)) == (Closed, "401 50027")
    told = str(await chats.opened(wrong, session).check())
    assert told.startswith("refuses us: 401 50027 Invalid Webhook Token: ")
    fake_discord.remove_webhook(fake_discord.webhook)
    assert opening(await send(session, sink)) == (Closed, "404 10015")
    assert str(await chats.opened(sink, session).check()).startswith(
        "refuses us: 404 10015 Unknown Webhook: "
    )


async def test_what_the_channel_does_not_want_is_rejected(
    fake_with: Any, session: aiohttp.ClientSession
) -> None:
    fake = await fake_with(automod=["hello"], max_bytes=4000)
    assert opening(await send(session, sink_of(fake))) == (Rejected, "400 200000")
    long = Message(body=(Text("x" * 5000),))
    assert opening(await send(session, sink_of(fake), long)) == (Rejected, "413 40005")
    assert fake.posts() == []


async def test_a_rest_is_asked_for_before_the_first_refusal(
    fake_with: Any, session: aiohttp.ClientSession
) -> None:
    fake = await fake_with()
    sink = sink_of(fake)
    assert await send(session, sink, times=4) == Sent()
    assert await send(session, sink) == Sent(2.0)
    assert await send(session, sink) == RateLimited(2.0)
    fake.clock.advance(2)
    assert await send(session, sink) == Sent()
    assert (len(fake.posts()), len(fake.limited)) == (6, 1)


@pytest.mark.parametrize(
    ("settings", "pause"),
    [
        ({"webhook_limit": (50, 2.0), "channel_limit": (3, 60.0)}, 60),
        ({"global_limit": (3, 7.0)}, 7),
        ({"webhook_limit": (3, 2.0), "invalid_limit": (1, 600.0)}, 3600),
    ],
    ids=["a channel", "everything", "a ban"],
)
async def test_limits_that_no_header_told_of_are_waited_for(
    fake_with: Any, session: aiohttp.ClientSession, settings: dict[str, Any], pause: float
) -> None:
    fake = await fake_with(**settings)
    outcome = await send(session, sink_of(fake), times=5)
    assert isinstance(outcome, RateLimited)
    assert outcome.pause == pause


async def test_only_whom_the_config_names_is_pinged(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord, mentions={"roles": ["12"], "users": ["34"]})
    shouting = Message(title=(Text("@everyone <@&99> <@34>"),), body=(Text("@here <@&12>"),))
    assert await send(session, sink, shouting) == Sent()
    assert fake_discord.pings() == set()
    asked = Message(title=(Text("<@&99>"),), ping=frozenset({"12", "99", "everyone"}))
    assert await send(session, sink, asked) == Sent()
    assert fake_discord.pings() == {"<@&12>"}
    assert await send(session, sink, Message(ping=frozenset({"all"}))) == Sent()
    assert fake_discord.pings() == {"<@&12>", "<@34>"}


async def test_names_and_pictures_are_shown_as_configured(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord, username="Discord @relay", avatar="author")
    message = Message(
        author=(Text("me"),),
        avatar="https://a.example/me.webp",
        images=(Image(url="https://a.example/1"), Image(url="http://localhost/2", alt="two")),
    )
    assert await send(session, sink, message) == Sent()
    (post,) = fake_discord.posts()
    assert post.payload["username"] == "D\u200biscord relay"
    assert post.payload["avatar_url"] == message.avatar
    assert [embed["image"]["url"] for embed in post.payload["embeds"]] == ["https://a.example/1"]


async def test_an_address_with_a_query_keeps_it(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    thread = fake_discord.add_thread()
    sink = sink_of(fake_discord)
    given = sink.model_copy(
        update={"url": Secret(f"{fake_discord.url}?wait=false&thread_id={thread}")}
    )
    assert await send(session, given) == Sent()
    assert [post.thread for post in fake_discord.posts()] == [thread]


# --- changes

CHANGED = Message(title=(Text("changed"),), images=(Image(url="https://a.example/2"),))


async def changed(
    sink: DiscordSettings, session: aiohttp.ClientSession, sent: Outcome, *messages: Message
) -> Outcome:
    assert isinstance(sent, Sent)
    return await chats.edit(sink, sent.message, messages, key="2", session=session)


async def first(
    sink: DiscordSettings, session: aiohttp.ClientSession, *messages: Message
) -> Outcome:
    return await chats.send(sink, messages, key="1", session=session)


async def test_a_change_replaces_all_that_a_message_showed(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord, mentions={"roles": ["12"]}, username="me", avatar="author")
    asked = Message(title=(Text("first"),), ping=frozenset({"12"}), avatar="https://a.example/a")
    sent = await first(sink, session, asked, replace(HELLO, avatar=asked.avatar))
    assert await changed(sink, session, sent, CHANGED, HELLO) == sent
    (shown,) = fake_discord.messages.values()
    titles = [embed.get("title") for embed in shown.result["embeds"]]
    assert titles == ["changed", "hello"]
    assert shown.result.get("content") is None
    assert shown.payload.keys() == {"content", "embeds", "allowed_mentions"}
    assert fake_discord.pings() == {"<@&12>"}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("text", {"thread_id": "a thread"}), ("forum", {"thread_name": "news"})],
)
async def test_a_message_in_a_thread_is_changed_there(
    fake_with: Any, session: aiohttp.ClientSession, kind: str, settings: dict[str, Any]
) -> None:
    fake = await fake_with(kind=kind)
    if "thread_id" in settings:
        settings = {"thread_id": fake.add_thread()}
    sent = await first(sink_of(fake, **settings), session, HELLO)
    # The thread is that of the message, wherever new ones go by now.
    elsewhere = sink_of(fake, thread_id=fake.add_thread())
    assert await changed(elsewhere, session, sent, CHANGED) == sent
    assert [record.action for record in fake.accepted] == ["post", "edit"]


async def test_a_thread_in_the_address_is_that_of_changes_too(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    address = f"{fake_discord.url}?thread_id={fake_discord.add_thread()}"
    sink = sink_of(fake_discord).model_copy(update={"url": Secret(address)})
    sent = await first(sink, session, HELLO)
    assert await changed(sink, session, sent, CHANGED) == sent


async def test_what_somebody_deleted_cannot_be_changed(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord)
    sent = await first(sink, session, HELLO)
    fake_discord.messages.clear()
    outcome = await changed(sink, session, sent, CHANGED)
    assert outcome == Rejected("404 10008 Unknown Message", is_removed=True)


async def test_a_thread_that_was_one_message_is_removed_with_it_and_the_sinks_own_is_not(
    fake_with: Any, session: aiohttp.ClientSession
) -> None:
    forum = await fake_with(kind="forum")
    sink = sink_of(forum, thread_name="news")
    sent = await first(sink, session, HELLO)
    forum.remove_thread(next(iter(forum.threads)))
    outcome = await changed(sink, session, sent, CHANGED)
    assert isinstance(outcome, Rejected)
    assert outcome.is_removed
    own = forum.add_thread()
    fixed = sink_of(forum, thread_id=own)
    sent = await first(fixed, session, HELLO)
    forum.remove_thread(own)
    assert opening(await changed(fixed, session, sent, CHANGED)) == (Closed, "404 10003")


async def test_a_limit_of_changes_leaves_new_messages_alone(
    serve_answer: Any, session: aiohttp.ClientSession
) -> None:
    limited = '{"message": "You are being rate limited.", "retry_after": 9, "global": false}'
    sink = await serve_answer(429, limited)
    sent = Sent(message="1")
    assert await changed(sink, session, sent, CHANGED) == RateLimited(9, LimitScope.EDITS)
    assert await send(session, sink) == RateLimited(9)
    old = '{"message": "Maximum number of edits", "code": 30046, "retry_after": 600}'
    sink = await serve_answer(429, old)
    assert await changed(sink, session, sent, CHANGED) == RateLimited(600, LimitScope.MESSAGE)


async def test_a_changed_face_is_no_reason_to_tell_a_change_anew(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_discord, avatar="author")
    sent = await first(sink, session, HELLO, HELLO)
    faces = [replace(HELLO, avatar=f"https://a.example/{n}") for n in (1, 2)]
    assert await changed(sink, session, sent, *faces) == sent


@pytest.mark.parametrize(
    ("several", "settings"),
    [
        pytest.param(
            [replace(HELLO, url="https://misskey.example/notes/1")] * 2, {}, id="one address"
        ),
        pytest.param(
            [replace(HELLO, avatar=f"https://misskey.example/{n}.png") for n in range(2)],
            {"avatar": "author"},
            id="two authors",
        ),
        pytest.param([HELLO] * 2, {"thread_name": "news"}, id="a thread for each"),
    ],
)
async def test_a_batch_that_would_hide_a_part_since_the_configuration_changed_is_not_sent(
    fake_discord: FakeDiscord,
    session: aiohttp.ClientSession,
    several: list[Message],
    settings: dict[str, str],
) -> None:
    sink = sink_of(fake_discord, **settings)
    assert isinstance(await chats.send(sink, several, key="1", session=session), Rejected)
    assert fake_discord.requests == []
