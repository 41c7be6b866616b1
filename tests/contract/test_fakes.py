"""The fakes limit, fail and record as the vendors do; the sender sends what Misskey sends."""

import asyncio
import json
import urllib.parse
import uuid

import aiohttp
import pytest
from aiohttp import web

from tests.fakes import faults, misskey
from tests.fakes.discord import FakeDiscord
from tests.fakes.limits import ManualClock
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import SynapseError

AGENT = {"User-Agent": "DiscordBot (https://relay.example, 0.1)"}
DISCORD = {"content": "hi", "allowed_mentions": {"parse": []}}
OFF = {"webhook_limit": None, "channel_limit": None, "global_limit": None, "invalid_limit": None}


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(headers=AGENT) as session:
        yield session


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def started(aiohttp_server):
    async def start(fake):
        fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
        return fake

    return start


@pytest.fixture(params=["discord", "slack"])
async def fake(request, started):
    """Either fake, without limits."""
    return await started(FakeDiscord(**OFF) if request.param == "discord" else FakeSlack(rate=None))


async def send(session, fake, url=None, **fields):
    """One good message to a fake; its status, headers and body as text."""
    payload = DISCORD if isinstance(fake, FakeDiscord) else {"text": "hi"}
    query = {"wait": "true"} if isinstance(fake, FakeDiscord) else None
    async with session.post(
        url or fake.url, **{"json": payload, "params": query} | fields
    ) as answer:
        return answer.status, answer.headers, await answer.text()


# --- limits


async def test_every_answer_of_a_webhook_tells_its_bucket(started, session, clock):
    fake = await started(FakeDiscord(clock=clock))
    seen = []
    for payload in (DISCORD, {}, DISCORD, DISCORD, DISCORD):
        _, headers, _ = await send(session, fake, json=payload)
        seen.append((headers["X-RateLimit-Remaining"], headers["X-RateLimit-Reset-After"]))
        clock.advance(0.25)
    assert seen == [("4", "2.000"), ("3", "1.750"), ("2", "1.500"), ("1", "1.250"), ("0", "1.000")]
    assert headers["X-RateLimit-Limit"] == "5"
    assert float(headers["X-RateLimit-Reset"]) == pytest.approx(clock() + 0.75, abs=0.01)
    assert len(headers["X-RateLimit-Bucket"]) == 32


async def test_the_sixth_request_in_two_seconds_is_limited(started, session, clock):
    fake = await started(FakeDiscord(clock=clock))
    for _ in range(5):
        assert (await send(session, fake))[0] == 200
    status, headers, text = await send(session, fake)
    assert (status, headers["Retry-After"], headers["X-RateLimit-Scope"]) == (429, "2", "user")
    assert headers["X-RateLimit-Remaining"] == "0"
    assert json.loads(text) == {
        "message": "You are being rate limited.",
        "retry_after": 2.0,
        "global": False,
    }
    clock.advance(2)
    assert (await send(session, fake))[0] == 200
    assert (len(fake.accepted), [limit.scope for limit in fake.limited]) == (6, ["user"])


async def test_webhooks_of_one_channel_share_a_limit_that_no_header_tells(started, session, clock):
    fake = await started(FakeDiscord(clock=clock, webhook_limit=(5, 2.0)))
    sibling = fake.add_webhook(channel=fake.webhook.channel)
    for n in range(30):
        url = fake.url if n % 2 else fake.url_of(sibling)
        assert (await send(session, fake, url))[0] == 200
        clock.advance(0.5)
    status, headers, text = await send(session, fake)
    assert (status, headers["X-RateLimit-Scope"]) == (429, "shared")
    assert int(headers["X-RateLimit-Remaining"]) > 0
    assert int(headers["Retry-After"]) == json.loads(text)["retry_after"] == 45
    assert (await send(session, fake, fake.url_of(fake.add_webhook())))[0] == 200
    clock.advance(45)
    assert (await send(session, fake))[0] == 200


async def test_the_global_limit_holds_for_all_webhooks(started, session, clock):
    fake = await started(FakeDiscord(clock=clock, global_limit=(2, 1.0)))
    for _ in range(2):
        assert (await send(session, fake, fake.url_of(fake.add_webhook())))[0] == 200
    status, headers, text = await send(session, fake)
    assert (status, headers["X-RateLimit-Global"], json.loads(text)["global"]) == (
        429,
        "true",
        True,
    )
    assert "X-RateLimit-Remaining" not in headers
    clock.advance(1)
    assert (await send(session, fake))[0] == 200


async def test_too_many_invalid_answers_ban_the_address(started, session, clock):
    limits = OFF | {"invalid_limit": (3, 600.0), "webhook_limit": (1, 2.0)}
    fake = await started(FakeDiscord(clock=clock, **limits))
    await send(session, fake)
    assert (await send(session, fake))[0] == 429
    assert (await send(session, fake, fake.url + "x"))[0] == 401
    assert (await send(session, fake, headers={"User-Agent": "x"}))[0] == 403
    status, headers, text = await send(session, fake)
    assert (status, headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert "error code: 1015" in text
    assert (headers["Retry-After"], "Via" in headers) == ("3600", False)
    clock.advance(3600)
    assert (await send(session, fake))[0] == 200


async def test_a_shared_limit_is_no_invalid_answer(started, session, clock):
    limits = OFF | {"invalid_limit": (1, 600.0), "channel_limit": (1, 60.0)}
    fake = await started(FakeDiscord(clock=clock, **limits))
    await send(session, fake)
    for _ in range(3):
        assert (await send(session, fake))[1]["X-RateLimit-Scope"] == "shared"


async def test_limits_can_be_off(started, session):
    fake = await started(FakeDiscord(**OFF))
    answers = [await send(session, fake) for _ in range(60)]
    assert {status for status, _, _ in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[-1][1]


async def test_slack_takes_a_burst_and_then_one_each_second(started, session, clock):
    fake = await started(FakeSlack(clock=clock, burst=2))
    statuses = [(await send(session, fake))[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    clock.advance(0.5)
    status, headers, text = await send(session, fake)
    assert (status, headers["Retry-After"], text) == (429, "1", "rate_limited")
    other = fake.add_webhook(fake.add_channel())
    assert (await send(session, fake, fake.url_of(other)))[0] == 200
    clock.advance(0.5)
    assert (await send(session, fake))[0] == 200
    bot = {"headers": {"Authorization": f"Bearer {fake.token}"}}
    bot["json"] = {"channel": fake.channel, "text": "hi"}
    status, headers, text = await send(session, fake, fake.api_base + "chat.postMessage", **bot)
    assert (status, json.loads(text)["error"]) == (429, "ratelimited")
    assert (len(fake.accepted), len(fake.limited)) == (4, 3)


# --- faults


async def outcome(session, fake, patience=5.0):
    """How a request ends for the client: a status, or the name of its error."""
    try:
        return (await send(session, fake, timeout=aiohttp.ClientTimeout(total=patience)))[0]
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__


BEFORE = [
    (faults.status(500), 500),
    (faults.status(502), 502),
    (faults.status(503), 503),
    (faults.status(504), 504),
    (faults.html(), 502),
    (faults.disconnect(), "ServerDisconnectedError"),
    (faults.reset(), "ClientOSError"),
    (faults.rate_limited("1"), 429),
]


@pytest.mark.parametrize(("fault", "seen"), BEFORE)
async def test_a_fault_before_the_store_leaves_no_trace(fake, session, fault, seen):
    fake.faults.fail_next(fault)
    assert await outcome(session, fake) == seen
    assert (fake.accepted, fake.refused, fake.faults.played) == ([], [], [fault])
    assert await outcome(session, fake) == 200
    assert (len(fake.accepted), len(fake.requests)) == (1, 2)


AFTER = [
    *((faults.stored(fault), seen) for fault, seen in BEFORE),
    (faults.truncated(), "ClientPayloadError"),
    (faults.nonsense(), 200),
]


@pytest.mark.parametrize(("fault", "seen"), AFTER)
async def test_a_fault_after_the_store_makes_the_resend_a_duplicate(fake, session, fault, seen):
    fake.faults.fail_next(fault)
    assert await outcome(session, fake) == seen
    assert len(fake.accepted) == 1
    assert await outcome(session, fake) == 200
    assert len(fake.accepted) == 2


async def test_a_slow_answer_comes_after_the_client_has_left(fake, session):
    fake.faults.fail_next(faults.slow())
    assert await outcome(session, fake, patience=0.4) == "TimeoutError"
    assert len(fake.accepted) == 1


async def test_a_slow_answer_comes_in_the_end(fake, session):
    fake.faults.fail_next(faults.slow(0.01))
    assert await outcome(session, fake) == 200


@pytest.mark.parametrize("value", faults.ABSURD_RETRY_AFTER)
async def test_retry_after_can_be_any_text(fake, session, value):
    fake.faults.fail_next(faults.rate_limited(value))
    status, headers, _ = await send(session, fake)
    assert (status, headers["Retry-After"]) == (429, value)
    fake.faults.fail_next(faults.rate_limited(None))
    assert "Retry-After" not in (await send(session, fake))[1]


async def test_nonsense_is_a_success_without_meaning(fake, session):
    fake.faults.fail_next(faults.nonsense("[]"))
    assert (await send(session, fake))[2] == "[]"


async def test_a_fault_after_the_store_waits_for_a_request_that_is_stored(fake, session):
    fake.faults.fail_next(faults.stored(faults.status(500)))
    status, _, _ = await send(session, fake, json={})
    assert (status, fake.faults.played) == (400, [])
    assert await outcome(session, fake) == 500


async def test_scripted_faults_come_in_order(fake, session):
    fake.faults.fail_next(faults.status(500), faults.html(), times=2)
    assert [await outcome(session, fake) for _ in range(5)] == [500, 502, 500, 502, 200]


async def test_random_faults_come_back_with_their_seed(fake, session):
    async def run():
        fake.faults.fail_randomly(0.5, seed=7, pool=[faults.status(500), faults.status(503)])
        return [await outcome(session, fake) for _ in range(20)]

    first = await run()
    assert set(first) == {200, 500, 503}
    assert await run() == first
    fake.faults.fail_randomly(0)
    assert await outcome(session, fake) == 200


async def test_a_server_that_is_down_answers_503_until_it_comes_back(fake, session):
    fake.faults.go_down()
    assert [await outcome(session, fake) for _ in range(2)] == [503, 503]
    fake.faults.come_back()
    assert await outcome(session, fake) == 200
    assert len(fake.accepted) == 1


async def test_a_delay_holds_every_answer(fake, session):
    fake.faults.delay = 0.2
    assert await outcome(session, fake, patience=0.05) == "TimeoutError"


# --- Misskey


def test_all_samples_are_there_and_encode_byte_for_byte():
    assert len(misskey.requests()) == 237
    assert all(misskey.encode(request.event) == request.body for request in misskey.requests())
    assert {"note", "mention", "reply", "renote", "follow", "abuseReport"} <= {
        request.kind for request in misskey.requests()
    }


async def test_a_request_arrives_as_misskey_sends_it(aiohttp_server, session):
    got = []

    async def receive(request: web.Request) -> web.Response:
        got.append((request.raw_headers, await request.read(), request.path))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hooks/{hook}", receive)
    url = str((await aiohttp_server(app)).make_url(""))
    sample = misskey.requests()[0]
    assert (await misskey.post(session, url, "alice", sample, secret="geheim")).status == 204
    [(raw, body, path)] = got
    headers = {name.decode().lower(): value.decode() for name, value in raw}
    assert (body, path) == (sample.body, "/hooks/alice")
    sent = dict(sample.headers) | {"x-misskey-hook-secret": "geheim"}
    same = {"accept", "accept-encoding", "content-type", "content-length", "user-agent"}
    same |= {"x-misskey-hook-id", "x-misskey-host", "x-misskey-hook-secret"}
    assert {name: headers[name] for name in same} == {name: sent[name] for name in same}


def test_fresh_events_have_their_own_ids():
    first, again, second = (misskey.a_note_event(n) for n in (1, 1, 2))
    assert first == again
    assert first.event_id != second.event_id
    note, mention = (misskey.a_note_event(1, kind=kind).event for kind in ("note", "mention"))
    assert note["body"]["note"]["id"] == mention["body"]["note"]["id"]
    assert note["eventId"] != mention["eventId"]
    assert first.event["body"]["note"]["id"] != second.event["body"]["note"]["id"]
    assert uuid.UUID(first.event_id).version == 4
    assert misskey.an_event("follow", 1).event_id != misskey.an_event("follow", 2).event_id


def test_a_note_event_says_what_it_is_told():
    made = misskey.a_note_event(
        1, text="a \ud800", visibility="followers", cw="c", author="eve", host="b.example",
        localOnly=True, reply=misskey.a_note(2),
    )  # fmt: skip
    note = made.event["body"]["note"]
    assert rb"a \ud800" in made.body
    assert (note["text"], note["visibility"], note["cw"]) == ("a \ud800", "followers", "c")
    assert (note["user"]["username"], note["user"]["host"]) == ("eve", "b.example")
    assert note["localOnly"] is True
    assert note["reply"]["id"] != note["id"]


# --- Synapse


@pytest.mark.synapse
async def test_one_transaction_id_is_one_event(synapse):
    room = await synapse.create_room(alias="exactly-once")
    path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room)}/send/m.room.message"
    for transaction, text in [("1", "a"), ("1", "b"), ("2", "c")]:
        body = {"msgtype": "m.notice", "body": text}
        await synapse.acall("PUT", f"{path}/{transaction}", token=synapse.bot.token, body=body)
    assert [event["content"]["body"] for event in await synapse.messages(room)] == ["a", "c"]


@pytest.mark.synapse
async def test_a_restart_keeps_transactions_and_can_limit_messages(synapse):
    room = await synapse.create_room()
    path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room)}/send/m.room.message"

    async def put(transaction):
        body = {"msgtype": "m.notice", "body": transaction}
        await synapse.acall("PUT", f"{path}/{transaction}", token=synapse.bot.token, body=body)

    await put("1")
    await asyncio.to_thread(synapse.restart, rc_message=(0.1, 1))
    try:
        await put("1")
        await put("2")
        with pytest.raises(SynapseError) as caught:
            await put("3")
    finally:
        await asyncio.to_thread(synapse.restart)
    assert (caught.value.status, caught.value.body["errcode"]) == (429, "M_LIMIT_EXCEEDED")
    assert len(await synapse.messages(room)) == 2


@pytest.mark.synapse
async def test_only_an_encrypted_room_has_the_encryption_state(synapse):
    token = synapse.bot.token
    for encrypted in (True, False):
        room = urllib.parse.quote(await synapse.create_room(encrypted=encrypted))
        path = f"/_matrix/client/v3/rooms/{room}/state/m.room.encryption/"
        if encrypted:
            state = await synapse.acall("GET", path, token=token)
            assert state["algorithm"] == "m.megolm.v1.aes-sha2"
        else:
            with pytest.raises(SynapseError, match="M_NOT_FOUND"):
                await synapse.acall("GET", path, token=token)
