"""The client of Misskey's API, against a fake that refuses what Misskey refuses."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from relay.outcome import Cause, Closed, Failed, RateLimited
from relay.polling import client as polling
from relay.polling.client import Listed, MisskeyClient, Refusal
from relay.polling.lists import NOTES, NOTIFICATIONS, REPORTS, RESOLUTIONS, USERS, PolledList
from relay.polling.walk import Ask
from relay.secret import Secret
from relay.sinks.http import open_session
from tests.fakes import faults
from tests.fakes.misskey_api import Account, FakeMisskeyApi


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


NEWEST = Ask()


async def asked(
    fake: FakeMisskeyApi,
    session: aiohttp.ClientSession,
    polled: PolledList = NOTIFICATIONS,
    ask: Ask = NEWEST,
    *,
    token: str | None = None,
) -> Listed | Refusal:
    client = MisskeyClient(fake.base_url, Secret(fake.token if token is None else token), session)
    body = {"userId": fake.alice.id} if polled.needs_owner else {}
    return await client.listed(polled.endpoint, polled.place(ask), body)


async def test_notifications_are_read_and_stay_unread(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession
) -> None:
    for _ in range(3):
        fake_misskey.mention()
    listed = await asked(fake_misskey, session, ask=Ask(limit=2))
    assert isinstance(listed, Listed)
    assert [item["type"] for item in listed.page] == ["mention", "mention"]
    assert fake_misskey.alice.unread == 3


async def test_each_list_is_asked_for_as_misskey_wants_it(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession
) -> None:
    fake = fake_misskey
    fake.alice.is_moderator = True
    token = fake.add_token(fake.alice, "read:admin:abuse-user-reports", "read:admin:show-user")
    fake.notes = [fake.note("mine", "alice"), fake.note("theirs")]
    fake.reports = [{"id": "r1", "resolved": False}, {"id": "r2", "resolved": True}]
    fake.users = [fake.user("old", id="u1"), fake.user("new", id="u2")]
    pages = {
        "notes": await asked(fake, session, NOTES, Ask(since="0"), token=token),
        "reports": await asked(fake, session, REPORTS, Ask(since="r1"), token=token),
        "resolved": await asked(fake, session, RESOLUTIONS, Ask(state="resolved"), token=token),
        "users": await asked(fake, session, USERS, Ask(until="u2", skip=1), token=token),
    }
    ids = {
        name: [item["id"] for item in listed.page] if isinstance(listed, Listed) else listed
        for name, listed in pages.items()
    }
    assert ids == {
        "notes": [fake.notes[0]["id"]], "reports": ["r2"], "resolved": ["r2"], "users": ["u1"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        pytest.param(Cause.TOKEN, "AUTHENTICATION_FAILED", id="an unknown token"),
        pytest.param(Cause.SCOPE, "with read:notifications", id="a token without the permission"),
        pytest.param(Cause.ACCOUNT, "SUSPENDED", id="a suspended account"),
        pytest.param(Cause.RIGHT, "not a moderator", id="not a moderator"),
        pytest.param(Cause.NO_API, "does not have it", id="an endpoint that the version lacks"),
    ],
)
async def test_a_refusal_closes_the_list_and_names_its_cause(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession, cause: Cause, words: str
) -> None:
    fake, polled, token = fake_misskey, NOTIFICATIONS, fake_misskey.token
    match cause:
        case Cause.TOKEN:
            token = "x" * 32
        case Cause.SCOPE:
            token = fake.add_token(fake.alice, "read:account")
        case Cause.ACCOUNT:
            fake.alice.is_suspended = True
        case Cause.RIGHT:
            polled = REPORTS
        case _:
            fake.lacks.add("i/notifications")
    refusal = await asked(fake, session, polled, token=token)
    assert isinstance(refusal, Closed)
    assert refusal.cause is cause
    assert words in refusal.reason
    assert token not in refusal.reason


async def test_a_parameter_that_is_refused_closes_the_list(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession
) -> None:
    refusal = await asked(fake_misskey, session, ask=Ask(since="-"))
    assert isinstance(refusal, Closed)
    assert "INVALID_PARAM" in refusal.reason


@pytest.mark.parametrize("names_pause", [True, False], ids=["with Retry-After", "without"])
async def test_a_limit_is_one_of_the_user_and_ends(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession, names_pause: bool
) -> None:
    fake_misskey.names_pause = names_pause
    for _ in range(30):
        assert isinstance(await asked(fake_misskey, session), Listed)
    refusal = await asked(fake_misskey, session)
    assert isinstance(refusal, RateLimited)
    assert refusal.pause == (30.0 if names_pause else 5.0)
    other = Account("userbob", "bob")
    token = fake_misskey.add_token(other, "read:notifications")
    assert isinstance(await asked(fake_misskey, session, token=token), Listed)


@pytest.mark.parametrize(
    "fault",
    [
        *faults.BEFORE_STORE,
        faults.html(403),
        faults.html(404),
        faults.html(401),
        faults.nonsense(),
        faults.nonsense('{"not": "a list"}'),
    ],
)
async def test_the_failure_of_a_proxy_closes_nothing(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession, fault: faults.Fault
) -> None:
    fake_misskey.faults.fail_next(faults.Fault(fault.kind, False, fault.status, fault.body))
    assert isinstance(await asked(fake_misskey, session), Failed)
    assert isinstance(await asked(fake_misskey, session), Listed)


async def test_a_page_that_is_too_large_is_read_in_parts(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MAX_PAGE", 4000)
    for _ in range(10):
        fake_misskey.mention("x" * 500)
    listed = await asked(fake_misskey, session)
    assert isinstance(listed, Listed)
    assert 1 <= len(listed.page) < 10
    fake_misskey.mention("x" * 5000)
    refusal = await asked(fake_misskey, session)
    assert isinstance(refusal, Failed)
    assert "larger than 4000 bytes" in refusal.reason


async def test_items_without_a_usable_id_are_left_out(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession
) -> None:
    for item_id in (None, 1, "", "-", "a b", "é", "x" * 200):
        fake_misskey.mention().notification["id"] = item_id
    fake_misskey.storage = "redis"  # which does not compare them
    assert await asked(fake_misskey, session) == Listed([])


async def test_the_version_is_known_without_a_permission(
    fake_misskey: FakeMisskeyApi, session: aiohttp.ClientSession
) -> None:
    client = MisskeyClient(fake_misskey.base_url, Secret("x" * 32), session)
    assert await client.version() == "2026.6.0"
    fake_misskey.lacks.add("meta")
    assert await client.version() == ""
    fake_misskey.faults.fail_next(faults.html())
    assert isinstance(await client.version(), Failed)


async def test_a_server_that_is_away_is_a_failure(session: aiohttp.ClientSession) -> None:
    client = MisskeyClient("http://127.0.0.1:9", Secret("x" * 32), session)
    refusal = await client.listed(NOTIFICATIONS.endpoint, Ask())
    assert isinstance(refusal, Failed)
    assert refusal.cause is Cause.CONNECTION
