"""A Slack sink, in both its ways, against a Slack that refuses what Slack refuses."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.outcome import Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.http import open_session
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Message
from relay.text.tree import Text
from tests import chats
from tests.fakes.limits import ManualClock
from tests.fakes.records import without_id
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_api import WEBHOOK_STATUS

HELLO = Message(title=(Text("hello"),))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture(params=["webhook", "bot"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sink_of(fake: FakeSlack, way: str, **settings: Any) -> SlackSettings:
    by_way = {
        "webhook": {"url": fake.url},
        "bot": {"token": fake.token, "channel": fake.channel, "api_base": fake.api_base},
    }
    return SlackSettings.model_validate({"type": "slack"} | by_way[way] | settings)


async def send(
    sink: SlackSettings, session: aiohttp.ClientSession, message: Message = HELLO
) -> Outcome:
    return without_id(await chats.send(sink, [message], key="1", session=session))


@pytest.mark.parametrize("word", WEBHOOK_STATUS)
async def test_what_a_webhook_answers_decides(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, word: str
) -> None:
    fake_slack.break_webhook(fake_slack.webhook, word)
    by_status = {400: Rejected, 500: Failed}.get(WEBHOOK_STATUS[word], Closed)
    expected = Closed if word == "user_not_found" else by_status
    sink = sink_of(fake_slack, "webhook")
    outcome = await send(sink, session)
    assert type(outcome) is expected
    assert getattr(outcome, "reason", "") == f"{WEBHOOK_STATUS[word]} {word}"
    is_healthy = word in {"no_text", "invalid_payload"}
    assert (await chats.opened(sink, session).check() is None) is is_healthy


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("account_inactive", Closed),
        ("missing_scope", Closed),
        ("internal_error", Failed),
        ("ratelimited", RateLimited),
    ],
)
async def test_what_the_api_answers_decides(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, word: str, expected: type
) -> None:
    fake_slack.error = word
    sink = sink_of(fake_slack, "bot")
    assert type(await send(sink, session)) is expected
    assert await chats.opened(sink, session).check() is not None


@pytest.mark.parametrize("error", ["is_archived", "not_in_channel", "restricted_action"])
async def test_a_channel_that_takes_nothing_closes_and_a_check_tells(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, error: str
) -> None:
    sink = sink_of(fake_slack, "bot", channel=fake_slack.add_channel(error))
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert error in outcome.reason
    assert error in str(await chats.opened(sink, session).check())


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"token": "xoxb-wrong-token"}, "invalid_auth"), ({"channel": "C9"}, "channel_not_found")],
)
async def test_a_wrong_token_or_channel_closes(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, settings: dict[str, Any], word: str
) -> None:
    sink = sink_of(fake_slack, "bot", **settings)
    assert isinstance(await send(sink, session), Closed)
    assert word in str(await chats.opened(sink, session).check())


async def test_a_limit_is_waited_for(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, way: str
) -> None:
    fake_slack.clock, fake_slack.rate = ManualClock(), 0.1
    sink = sink_of(fake_slack, way)
    outcomes = [await send(sink, session) for _ in range(4)]
    assert outcomes == [Sent(), Sent(), Sent(), RateLimited(10)]
    assert (len(fake_slack.posts()), len(fake_slack.requests)) == (3, 4)


async def test_only_whom_the_config_names_is_pinged(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, way: str
) -> None:
    fake_slack.rate = None
    mentions = {"users": ["U111"], "groups": ["S222"], "channel": "here"}
    sink = sink_of(fake_slack, way, mentions=mentions)
    shout = (Text("<!channel> <!here> <@U111> <!subteam^S222> @everyone @bob"),)
    shouting = Message(title=shout, author=shout, body=shout, footer=shout)
    assert await send(sink, session, shouting) == Sent()
    assert fake_slack.pings() == set()
    asked = Message(title=shout, ping=frozenset({"S222", "U999", "channel"}))
    assert await send(sink, session, asked) == Sent()
    assert fake_slack.pings() == {"S222"}
    assert await send(sink, session, Message(ping=frozenset({"all"}))) == Sent()
    assert fake_slack.pings() == {"U111", "S222", "here"}


async def test_no_message_is_a_reply(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, way: str
) -> None:
    for _ in range(2):
        assert await send(sink_of(fake_slack, way), session) == Sent()
    assert [post.thread for post in fake_slack.posts()] == [None, None]


async def test_an_api_base_needs_no_slash_at_its_end(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_slack, "bot", api_base=fake_slack.api_base.rstrip("/"))
    assert await send(sink, session) == Sent()


# --- changes


async def test_a_change_replaces_all_that_a_message_showed(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_slack, "bot")
    sent = await chats.send(sink, [HELLO, HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    changed = Message(title=(Text("changed"),))
    assert await chats.edit(sink, sent.message, [HELLO, changed], key="2", session=session) == sent
    (shown,) = fake_slack.messages.values()
    assert shown.result["text"] == "hello\nchanged"
    assert shown.result["blocks"] == sink.layout([HELLO, changed]).payload["blocks"]


async def test_what_was_told_in_another_channel_is_changed_there(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    sent = await chats.send(sink_of(fake_slack, "bot"), [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    moved = sink_of(fake_slack, "bot", channel=fake_slack.add_channel())
    assert await chats.edit(moved, sent.message, [HELLO], key="2", session=session) == sent


async def test_a_workflow_is_never_started(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    url = f"{fake_slack.base_url}/triggers/T1/2/abcdefghijklmnop"
    sink = SlackSettings.model_validate({"type": "slack", "url": url})
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert outcome.is_lasting
    assert "workflow" in str(await chats.opened(sink, session).check())
    assert fake_slack.workflows == []


async def test_a_workflow_behind_another_address_is_started_once(
    aiohttp_server: AiohttpServer, session: aiohttp.ClientSession
) -> None:
    started: list[str] = []

    async def start(request: web.Request) -> web.Response:
        started.append(await request.text())
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_post("/{path:.*}", start)
    base = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    sink = SlackSettings.model_validate(
        {"type": "slack", "url": f"{base}/services/T0/B0/abcdefghij"}
    )
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert (outcome.is_taken, outcome.is_lasting) == (True, True)
    assert "workflow" in outcome.reason
    assert len(started) == 1


async def test_a_limit_of_changes_leaves_new_messages_alone(
    fake_slack: FakeSlack, session: aiohttp.ClientSession
) -> None:
    sink = sink_of(fake_slack, "bot")
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    fake_slack.error = "ratelimited"
    outcome = await chats.edit(sink, sent.message, [HELLO], key="2", session=session)
    assert outcome == RateLimited(5, LimitScope.EDITS)


@pytest.mark.parametrize(
    "word", ["message_not_found", "cant_update_message", "edit_window_closed", "is_archived"]
)
async def test_what_cannot_be_changed_any_more_is_told(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, word: str
) -> None:
    sink = sink_of(fake_slack, "bot")
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    fake_slack.error = word
    outcome = await chats.edit(sink, sent.message, [HELLO], key="2", session=session)
    assert isinstance(outcome, Rejected | Closed)
    assert word in outcome.reason
    is_removed = word in {"message_not_found", "cant_update_message"}
    assert getattr(outcome, "is_removed", False) is is_removed
